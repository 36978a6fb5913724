// Lido: a body that is there already, for those who read it piece by piece.
#pragma once

#include "http/body_stream.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace lido::http {

/// What a response in memory looks like to who wanted it streamed. Nothing of it waits.
class whole_body final : public body_stream {
public:
    /// Takes the body out of `whole`.
    explicit whole_body(response& whole) : body_(whole.take_body()), head_(whole) {}

    [[nodiscard]] task<result<std::size_t>> read_some(std::span<char> space, time_point /*deadline*/) override {
        const std::size_t size = std::min(space.size(), body_.size() - given_);
        std::memcpy(space.data(), body_.data() + given_, size);
        given_ += size;
        co_return size;
    }
    [[nodiscard]] const response& whole_head() const noexcept override { return head_; }

private:
    const std::string body_;
    std::size_t given_ = 0;
    const response head_;
};

}  // namespace lido::http

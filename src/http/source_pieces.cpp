#include "http/source_pieces.hpp"

#include "lido/http/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace lido::http {
namespace {

class memory_source final : public body_source {
public:
    explicit memory_source(std::string_view all) noexcept : all_(all) {}
    [[nodiscard]] std::optional<std::uint64_t> size() const noexcept override { return all_.size(); }
    [[nodiscard]] task<result<std::size_t>> read(std::span<char> space) override {
        const std::size_t moved = std::min(space.size(), all_.size() - at_);
        std::memcpy(space.data(), all_.data() + at_, moved);
        at_ += moved;
        co_return moved;
    }

private:
    const std::string_view all_;
    std::size_t at_ = 0;
};

[[nodiscard]] error breaks_its_word(std::string what) {
    return {errc::invalid_argument, std::move(what), "let size() say how many bytes there are, or nothing"};
}

}  // namespace

std::shared_ptr<body_source> source_of_body(const request& what) {
    if (what.source() != nullptr || !what.has_body()) return what.source();
    return std::make_shared<memory_source>(what.body());
}

source_pieces::source_pieces(std::shared_ptr<body_source> from)
    : source_(std::move(from)), size_(source_ ? source_->size() : std::nullopt), left_(size_.value_or(0)) {}

void source_pieces::ask(std::span<char> space) {
    if (size_ && left_ == 0) {
        held_ = 0;
        probing_ = true;
        return asked_.start(*source_, {&probe_, 1});
    }
    room_ = space.size();
    if (size_) room_ = static_cast<std::size_t>(std::min<std::uint64_t>(room_, left_));
    asked_.start(*source_, space.first(room_));
}

result<std::optional<source_pieces::piece>> source_pieces::take() {
    const result<std::size_t> got = asked_.take();
    if (!got) return got.error();
    if (probing_) {
        if (*got != 0) return breaks_its_word(fmt::format("gives more than its size of {}", *size_));
        return std::optional(piece{held_, true});
    }
    if (*got > room_) return error(errc::invalid_argument, "says that it gave more than there was room for");
    if (!size_) return std::optional(piece{*got, *got == 0});
    if (*got == 0) return breaks_its_word(fmt::format("ended {} bytes before its size of {}", left_, *size_));
    left_ -= *got;
    if (left_ != 0) return std::optional(piece{*got, false});
    held_ = *got;
    return look_for_more();
}

/// All announced bytes are there; are there more?
result<std::optional<source_pieces::piece>> source_pieces::look_for_more() {
    probing_ = true;
    asked_.start(*source_, {&probe_, 1});
    if (!asked_.has_ended()) return std::optional<piece>();
    return take();
}

}  // namespace lido::http

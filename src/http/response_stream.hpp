// Lido: what stands behind the public face of a streamed response.
#pragma once

#include "http/content_decoder.hpp"
#include "http/open_exchange.hpp"
#include "lido/base/single_scheduler.hpp"
#include "lido/http/response_stream.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lido::http {

/// The state of a streamed response, shared with its running read.
class response_stream::implementation {
public:
    /// `decoder`, if there is one, undoes the content codings of the body.
    implementation(response head, std::shared_ptr<open_exchange> exchange, std::optional<content_decoder> decoder)
        : head_(std::move(head)),
          exchange_(std::move(exchange)),
          runtime_(exchange_->group()),
          home_(exchange_->home()),
          decoder_(std::move(decoder)) {
        if (decoder_) head_.set_decoded({});
    }
    /// Of a response that is in memory: a stored one.
    implementation(response whole, scheduler_group& runtime, std::optional<content_decoder> decoder)
        : head_(std::move(whole)),
          runtime_(runtime),
          home_(*scheduler::current()),
          stored_(head_.take_body()),
          decoder_(std::move(decoder)) {
        if (decoder_) head_.set_decoded({});
    }

    [[nodiscard]] static task<result<std::size_t>> read(std::shared_ptr<implementation> self, std::span<char> space,
                                                        duration within, bool until_full);
    [[nodiscard]] static task<result<std::string>> read_all(std::shared_ptr<implementation> self,
                                                            std::size_t max_bytes);

    [[nodiscard]] const response& head() const noexcept { return head_; }
    [[nodiscard]] bool has_ended() const noexcept { return ended_; }
    /// Where a read is best run: a plain thread's at the connection's own loop.
    [[nodiscard]] scheduler_group& group() noexcept {
        const scheduler* const here = scheduler::current();
        if (here != nullptr && &here->group() == &runtime_) return runtime_;
        return home_;
    }

private:
    class turn;
    [[nodiscard]] task<result<std::size_t>> read_some(std::span<char> space, time_point deadline);
    [[nodiscard]] task<result<std::size_t>> read_coded(std::span<char> space, time_point deadline);
    [[nodiscard]] task<result<std::size_t>> read_decoded(std::span<char> space, time_point deadline);

    response head_;
    std::shared_ptr<open_exchange> exchange_;  // null after content that cannot be decoded, and of a stored one
    scheduler_group& runtime_;
    single_scheduler home_;
    bool ended_ = false;
    std::optional<std::string> stored_;  // the body of a response in memory
    std::size_t stored_given_ = 0;

    std::optional<content_decoder> decoder_;
    std::string coded_;            // memory for what has come and is not decoded yet
    std::string_view coded_left_;  // of it
    bool coded_ended_ = false;
    std::optional<error> failure_;  // of decoding
    std::atomic<bool> reading_{false};
};

}  // namespace lido::http

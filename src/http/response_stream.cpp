#include "http/response_stream.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lido::http {
namespace {

/// The pieces in which `read_all` reads.
constexpr std::size_t first_piece = 16 * 1024;
constexpr std::size_t largest_piece = 1024 * 1024;
/// The pieces in which coded content is read.
constexpr std::size_t coded_size = 16 * 1024;

}  // namespace

/// The right to read, which one has at a time.
class response_stream::implementation::turn {
public:
    explicit turn(std::atomic<bool>& taken) noexcept : taken_(taken), mine_(!taken.exchange(true)) {}
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
        if (mine_) taken_.store(false);
    }
    [[nodiscard]] bool is_mine() const noexcept { return mine_; }
    [[nodiscard]] static error refusal() {
        return {errc::invalid_argument, "another read of this response is running", "await it first"};
    }

private:
    std::atomic<bool>& taken_;
    bool mine_;
};

/// The body as it was sent.
task<result<std::size_t>> response_stream::implementation::read_coded(std::span<char> space, time_point deadline) {
    if (stored_) {
        const std::size_t moved = stored_->copy(space.data(), space.size(), stored_given_);
        stored_given_ += moved;
        coded_ended_ = moved == 0;
        co_return moved;
    }
    result<std::size_t> got = co_await open_exchange::read(exchange_, space, deadline);
    if (got && *got == 0 && !coded_ended_) {
        coded_ended_ = true;
        response whole = exchange_->whole_head();
        whole.set_redirects(head_.redirects(), head_.url());
        if (decoder_) whole.set_decoded({});
        head_ = std::move(whole);
    }
    co_return got;
}

task<result<std::size_t>> response_stream::implementation::read_decoded(std::span<char> space, time_point deadline) {
    if (failure_) co_return *failure_;
    coded_.resize(coded_size);
    while (true) {
        result<content_decoder::progress> step = decoder_->decode(coded_left_, space);
        if (!step) {
            failure_ = std::move(step).error();
            exchange_.reset();
            co_return *failure_;
        }
        coded_left_.remove_prefix(step->consumed);
        if (step->produced != 0) co_return step->produced;
        if (coded_ended_) break;
        const std::span<char> room(coded_);
        const result<std::size_t> got = co_await read_coded(room, deadline);
        if (!got) co_return got;
        coded_left_ = {coded_.data(), *got};
    }
    if (auto complete = decoder_->finish(); !complete) {
        failure_ = std::move(complete).error();
        co_return *failure_;
    }
    co_return std::size_t{0};
}

task<result<std::size_t>> response_stream::implementation::read_some(std::span<char> space, time_point deadline) {
    if (!decoder_) {
        const result<std::size_t> got = co_await read_coded(space, deadline);
        ended_ = got && *got == 0;
        co_return got;
    }
    const result<std::size_t> got = co_await read_decoded(space, deadline);
    ended_ = got && *got == 0;
    co_return got;
}

task<result<std::size_t>> response_stream::implementation::read(std::shared_ptr<implementation> self,
                                                                std::span<char> space, duration within,
                                                                bool until_full) {
    const turn mine(self->reading_);
    if (!mine.is_mine()) co_return turn::refusal();
    if (space.empty()) co_return error(errc::invalid_argument, "a read into no space", "give at least one byte");
    const time_point deadline = deadline_after(scheduler::current()->now(), within);
    std::size_t filled = 0;
    while (filled < space.size()) {
        const result<std::size_t> got = co_await self->read_some(space.subspan(filled), deadline);
        if (!got) co_return got;
        filled += *got;
        if (*got == 0 || !until_full) break;
    }
    co_return filled;
}

task<result<std::string>> response_stream::implementation::read_all(std::shared_ptr<implementation> self,
                                                                    std::size_t max_bytes) {
    const turn mine(self->reading_);
    if (!mine.is_mine()) co_return turn::refusal();
    std::string all;
    std::size_t filled = 0;
    while (true) {
        // One byte more than allowed, to see whether there is one.
        const std::size_t wanted = std::clamp(filled, first_piece, largest_piece);
        const std::size_t space = std::min(wanted, max_bytes - filled) + 1;
        all.resize(filled + space);
        const std::span<char> free(all.data() + filled, space);
        const result<std::size_t> got = co_await self->read_some(free, never);
        if (!got) co_return got.error();
        filled += *got;
        if (filled > max_bytes) {
            co_return error(errc::limit_exceeded, fmt::format("response body exceeds max_bytes = {}", max_bytes),
                            "allow more, or read it piece by piece");
        }
        if (*got == 0) break;
    }
    all.resize(filled);
    co_return std::move(all);
}

response_stream::response_stream() noexcept = default;
response_stream::response_stream(response_stream&&) noexcept = default;
response_stream& response_stream::operator=(response_stream&&) noexcept = default;
response_stream::~response_stream() = default;
response_stream::response_stream(std::shared_ptr<implementation> self) noexcept : self_(std::move(self)) {}

const response& response_stream::head() const noexcept {
    LIDO_ASSERT(self_ != nullptr);
    return self_->head();
}

bool response_stream::has_ended() const noexcept {
    return self_ == nullptr || self_->has_ended();
}

operation<std::size_t> response_stream::read_some(std::span<char> space, duration within) {
    LIDO_ASSERT(self_ != nullptr);
    return {self_->group(), implementation::read(self_, space, within, false)};
}

operation<std::size_t> response_stream::read(std::span<char> space, duration within) {
    LIDO_ASSERT(self_ != nullptr);
    return {self_->group(), implementation::read(self_, space, within, true)};
}

operation<std::string> response_stream::read_all(std::size_t max_bytes) {
    LIDO_ASSERT(self_ != nullptr);
    return {self_->group(), implementation::read_all(self_, max_bytes)};
}

}  // namespace lido::http

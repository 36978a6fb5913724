#include "sql/postgres/message_reader.hpp"

#include "lido/base/assert.hpp"
#include "sql/postgres/big_endian.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace lido::postgres {
namespace {

constexpr std::size_t header_size = 5;  // the type, and the length with itself
constexpr std::size_t length_size = 4;
/// What is kept of a connection that has nothing to say.
constexpr std::size_t usual_capacity = std::size_t{16} * 1024;
/// A parameter's name and value, a notification, a command's tag: all of them are short.
constexpr std::size_t most_of_short = std::size_t{64} * 1024;

/// What the body of a message may be, by its type.
struct body_rule {
    std::size_t least = 1;  // more than `most`: there is no such message
    std::size_t most = 0;
    bool is_kept = false;  // and so no larger than what the reader keeps
    bool is_cut = false;   // where it is larger than that
};

constexpr std::size_t most_of_protocol = 0x7fffffff - length_size;

constexpr body_rule rule_of(char type) noexcept {
    switch (type) {
        case '1':  // ParseComplete
        case '2':  // BindComplete
        case '3':  // CloseComplete
        case 'n':  // NoData
        case 'I':  // EmptyQueryResponse
        case 'c':  // CopyDone
            return {.least = 0, .most = 0};
        case 'Z':  // ReadyForQuery
            return {.least = 1, .most = 1};
        case 'A':  // NotificationResponse
        case 'C':  // CommandComplete
        case 'S':  // ParameterStatus
            return {.least = 0, .most = most_of_short};
        case 'E':  // ErrorResponse
        case 'G':  // CopyInResponse
        case 'H':  // CopyOutResponse
        case 'T':  // RowDescription
            return {.least = 0, .most = most_of_protocol, .is_kept = true};
        case 'D':  // DataRow
        case 'd':  // CopyData
        case 'N':  // NoticeResponse
            return {.least = 0, .most = most_of_protocol, .is_cut = true};
        default:
            return {};
    }
}

/// By the type's byte, because this is asked for each message.
constexpr std::array<body_rule, 256> rules = [] {
    std::array<body_rule, 256> made{};
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = rule_of(static_cast<char>(static_cast<unsigned char>(i)));
    return made;
}();

}  // namespace

std::span<char> message_reader::space() {
    if (unread() == 0 && (capacity_ > usual_capacity || capacity_ == 0)) move_to(usual_capacity);
    // What has come of a message grows at the front; half of the memory is free for what follows.
    if (unread() == 0) begin_ = end_ = 0;
    if (capacity_ - end_ < capacity_ / 2) {
        const bool is_full = unread() > capacity_ / 2;
        move_to(is_full ? std::min(2 * capacity_, std::max(largest_, most_of_short) + header_size + usual_capacity)
                        : capacity_);
    }
    return {bytes_.get() + end_, capacity_ - end_};
}

void message_reader::give_back() noexcept {
    if (unread() > 0 || capacity_ <= usual_capacity) return;
    bytes_.reset();
    capacity_ = begin_ = end_ = 0;
}

void message_reader::move_to(std::size_t capacity) {
    if (capacity == capacity_) {
        if (begin_ == 0) return;
        std::memmove(bytes_.get(), bytes_.get() + begin_, unread());
    } else {
        auto made = std::make_unique_for_overwrite<char[]>(capacity);  // NOLINT(cppcoreguidelines-avoid-c-arrays)
        if (unread() > 0) std::memcpy(made.get(), bytes_.get() + begin_, unread());
        bytes_ = std::move(made);
        capacity_ = capacity;
    }
    end_ -= begin_;
    begin_ = 0;
}

void message_reader::received(std::size_t size) noexcept {
    LIDO_ASSERT(size <= capacity_ - end_);
    end_ += size;
    skip();
}

void message_reader::skip() noexcept {
    const std::size_t skipped = std::min(to_skip_, unread());
    begin_ += skipped;
    to_skip_ -= skipped;
}

message_reader::found message_reader::next(message& into) noexcept {
    if (broken_) return found::no_message;
    if (unread() < header_size) return found::nothing;
    const char* const at = bytes_.get() + begin_;
    const body_rule& rule = rules[static_cast<unsigned char>(*at)];
    const std::size_t length = number32_at(at + 1);
    // Where the length is less than its own size, this is larger than any message.
    const std::size_t size = length - length_size;
    if (size < rule.least || size > rule.most || (rule.is_kept && size > largest_)) {
        broken_ = true;
        return found::no_message;
    }
    into.type = *at;
    into.size = size;
    into.is_cut = rule.is_cut && size > largest_;
    if (into.is_cut) {
        into.body = {};
        begin_ += header_size;
        to_skip_ = size;
        skip();
        return found::one;
    }
    if (unread() < header_size + size) return found::nothing;
    into.body = {at + header_size, size};
    begin_ += header_size + size;
    return found::one;
}

}  // namespace lido::postgres

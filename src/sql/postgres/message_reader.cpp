#include "sql/postgres/message_reader.hpp"

#include "lido/base/assert.hpp"

#include <algorithm>
#include <cstring>

namespace lido::postgres {
namespace {

constexpr std::size_t header_size = 5;  // the type, and the length with itself
constexpr std::size_t length_size = 4;
/// What is kept of a connection that has nothing to say.
constexpr std::size_t usual_capacity = std::size_t{16} * 1024;
/// A parameter's name and value, a notification, a command's tag: all of them are short.
constexpr std::size_t most_of_short = std::size_t{64} * 1024;

enum class size_rule : std::uint8_t { unknown, none, one, few, kept, cut };

constexpr size_rule rule_of(char type) noexcept {
    switch (type) {
        case '1':  // ParseComplete
        case '2':  // BindComplete
        case '3':  // CloseComplete
        case 'n':  // NoData
        case 'I':  // EmptyQueryResponse
        case 'c':  // CopyDone
            return size_rule::none;
        case 'Z':  // ReadyForQuery
            return size_rule::one;
        case 'A':  // NotificationResponse
        case 'C':  // CommandComplete
        case 'S':  // ParameterStatus
            return size_rule::few;
        case 'E':  // ErrorResponse
        case 'G':  // CopyInResponse
        case 'H':  // CopyOutResponse
        case 'T':  // RowDescription
            return size_rule::kept;
        case 'D':  // DataRow
        case 'd':  // CopyData
        case 'N':  // NoticeResponse
            return size_rule::cut;
        default:
            return size_rule::unknown;
    }
}

std::size_t length_at(const char* bytes) noexcept {
    std::size_t length = 0;
    for (std::size_t i = 0; i < length_size; ++i) length = length << 8U | static_cast<unsigned char>(bytes[i]);
    return length;
}

bool allows(size_rule rule, std::size_t body, std::size_t largest) noexcept {
    constexpr std::size_t most_of_protocol = 0x7fffffff - length_size;
    switch (rule) {
        case size_rule::none:
            return body == 0;
        case size_rule::one:
            return body == 1;
        case size_rule::few:
            return body <= most_of_short;
        case size_rule::kept:
            return body <= largest;
        case size_rule::cut:
            return body <= most_of_protocol;
        case size_rule::unknown:
            break;
    }
    return false;
}

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
    const std::size_t length = length_at(at + 1);
    const size_rule rule = rule_of(*at);
    if (length < length_size || !allows(rule, length - length_size, largest_)) {
        broken_ = true;
        return found::no_message;
    }
    const std::size_t size = length - length_size;
    into.type = *at;
    into.size = size;
    into.is_cut = rule == size_rule::cut && size > largest_;
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

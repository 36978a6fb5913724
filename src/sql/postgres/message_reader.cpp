#include "sql/postgres/message_reader.hpp"

#include "sql/postgres/big_endian.hpp"

#include <algorithm>
#include <array>

namespace lido::postgres {
namespace {

constexpr std::size_t header_size = 5;  // the type, and the length with itself
constexpr std::size_t length_size = 4;
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

message_reader::message_reader(std::size_t largest) noexcept
    : largest_(largest), bytes_(std::max(largest, most_of_short) + header_size) {}

void message_reader::received(std::size_t size) noexcept {
    bytes_.received(size);
    skip();
}

void message_reader::skip() noexcept {
    const std::size_t skipped = std::min(to_skip_, bytes_.size());
    bytes_.take(skipped);
    to_skip_ -= skipped;
}

message_reader::found message_reader::next(message& into) noexcept {
    if (broken_) return found::no_message;
    if (bytes_.size() < header_size) return found::nothing;
    const char* const at = bytes_.data();
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
        bytes_.take(header_size);
        to_skip_ = size;
        skip();
        return found::one;
    }
    if (bytes_.size() < header_size + size) return found::nothing;
    into.body = {at + header_size, size};
    bytes_.take(header_size + size);
    return found::one;
}

}  // namespace lido::postgres

// Lido: the bytes that PostgreSQL sends, as messages.
#pragma once

#include "sql/receive_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lido::postgres {

/// A message of the server's (PostgreSQL, section 55.7).
struct message {
    char type = 0;
    std::string_view body;  ///< until the reader is given more bytes
    std::size_t size = 0;   ///< of its body, also where it is cut
    bool is_cut = false;    ///< larger than the reader keeps: its body was dropped
};

/// Notices, parameters that have changed and notifications come also where nothing was asked, and within any answer.
constexpr bool may_come_unasked(char type) noexcept {
    return type == 'N' || type == 'S' || type == 'A';
}

/// Takes a stream of bytes apart into the messages of protocol 3.0 that a server may send after the login. Strict: an
/// unknown type, and a length that its type does not allow, end the stream. It keeps what has come of one message, at
/// most `largest` bytes; of rows, pieces of a COPY and notices that are larger it gives only the type. No I/O.
class message_reader {
public:
    explicit message_reader(std::size_t largest) noexcept;

    /// Room for the bytes that come next, never none. What `next` gave before is no longer valid.
    [[nodiscard]] std::span<char> space() { return bytes_.space(); }
    /// So many bytes were put there.
    void received(std::size_t size) noexcept;

    enum class found : std::uint8_t {
        nothing,  ///< more bytes are needed
        one,
        no_message,  ///< what came is none; nothing follows it
    };
    [[nodiscard]] found next(message& into) noexcept;

    /// Nothing more is expected for now: does not keep the memory of what was large. What `next` gave before is no
    /// longer valid.
    void give_back() noexcept { bytes_.give_back(); }
    /// The memory that it keeps.
    [[nodiscard]] std::size_t capacity() const noexcept { return bytes_.capacity(); }

private:
    void skip() noexcept;

    std::size_t largest_;
    sql::receive_buffer bytes_;
    std::size_t to_skip_ = 0;  // of a message that is cut
    bool broken_ = false;
};

}  // namespace lido::postgres

// Lido: the bytes that a MySQL server sends, as packets.
#pragma once

#include "sql/receive_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lido::mysql {

/// Takes a stream of bytes apart into packets. A packet of 2^24 - 1 bytes goes on in the next one; what is given is the
/// whole. The numbers of one answer's packets must follow each other. It keeps what has come of one packet, at most
/// `largest` bytes of it. No I/O.
class packet_reader {
public:
    explicit packet_reader(std::size_t largest) noexcept;

    /// Room for the bytes that come next, never none. What `next` gave before is no longer valid.
    [[nodiscard]] std::span<char> space() { return bytes_.space(); }
    /// So many bytes were put there.
    void received(std::size_t size) noexcept { bytes_.received(size); }

    enum class found : std::uint8_t {
        nothing,  ///< more bytes are needed
        one,
        out_of_sequence,  ///< a packet with a number that is not the next; nothing follows it
        too_large,        ///< a packet with more than `largest` bytes; nothing follows it
    };
    /// `into` is valid until the reader is given more bytes. Out of sequence it is what has come of that packet.
    [[nodiscard]] found next(std::string_view& into) noexcept;

    /// The number that the next packet must have: an answer's first is one more than its command's last.
    void expect_number(std::uint8_t number) noexcept { number_ = number; }
    /// Bytes that have come and of which no packet was given yet.
    [[nodiscard]] std::size_t unread() const noexcept { return bytes_.size(); }
    /// Nothing more is expected for now: does not keep the memory of what was large. What `next` gave before is no
    /// longer valid.
    void give_back() noexcept { bytes_.give_back(); }
    /// The memory that it keeps.
    [[nodiscard]] std::size_t capacity() const noexcept { return bytes_.capacity(); }

private:
    [[nodiscard]] found stop(found why) noexcept;

    std::size_t largest_;
    sql::receive_buffer bytes_;
    std::size_t joined_ = 0;  // of the packet at the front: bytes of pieces before, without their headers
    std::uint8_t number_ = 0;
    found stopped_ = found::nothing;
};

}  // namespace lido::mysql

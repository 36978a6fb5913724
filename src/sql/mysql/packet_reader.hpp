// Lido: the bytes that a MySQL server sends, as packets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace lido::mysql {

/// Takes a stream of bytes apart into packets. A packet of 2^24 - 1 bytes goes on in the next one; what is given is the
/// whole. The numbers of one answer's packets must follow each other. It keeps what has come of one packet, at most
/// `largest` bytes of it. No I/O.
class packet_reader {
public:
    explicit packet_reader(std::size_t largest) noexcept : largest_(largest) {}

    /// Room for the bytes that come next, never none. What `next` gave before is no longer valid.
    [[nodiscard]] std::span<char> space();
    /// So many bytes were put there.
    void received(std::size_t size) noexcept;

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
    [[nodiscard]] std::size_t unread() const noexcept { return end_ - begin_; }
    /// Nothing more is expected for now: does not keep the memory of what was large. What `next` gave before is no
    /// longer valid.
    void give_back() noexcept;
    /// The memory that it keeps.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    void move_to(std::size_t capacity);
    void drop_header(char* at) noexcept;
    [[nodiscard]] found stop(found why) noexcept;

    std::size_t largest_;
    std::unique_ptr<char[]> bytes_;  // NOLINT(cppcoreguidelines-avoid-c-arrays): not initialised, unlike a vector
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t joined_ = 0;  // of the packet at `begin_`: bytes of pieces before, without their headers
    std::uint8_t number_ = 0;
    found stopped_ = found::nothing;
};

}  // namespace lido::mysql

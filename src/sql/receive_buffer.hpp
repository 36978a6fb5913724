// Lido: memory for what a database server sends.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace lido::sql {

/// The bytes that have come and were not taken yet, one behind the other. It grows with what has come of one message,
/// never with what a message says of its size, and gives back what a large one has taken.
class receive_buffer {
public:
    /// No message has more than `largest` bytes.
    explicit receive_buffer(std::size_t largest) noexcept : largest_(largest) {}

    /// Room for the bytes that come next, never none. What `data` gave before is no longer valid.
    [[nodiscard]] std::span<char> space();
    /// So many bytes were put there.
    void received(std::size_t size) noexcept;

    /// What has come and was not taken.
    [[nodiscard]] char* data() noexcept { return bytes_.get() + begin_; }
    [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
    /// So many bytes at the front are dealt with; they stay readable until there is a call of `space` or `erase`.
    void take(std::size_t size) noexcept { begin_ += size; }
    /// `size` bytes behind the first `offset` are dealt with: what stands behind them moves up to what is before.
    void erase(std::size_t offset, std::size_t size) noexcept;

    /// Nothing more is expected for now: does not keep the memory of what was large. What `data` gave before is no
    /// longer valid.
    void give_back() noexcept;
    /// The memory that it keeps.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    void move_to(std::size_t capacity);

    std::size_t largest_;
    std::unique_ptr<char[]> bytes_;  // NOLINT(cppcoreguidelines-avoid-c-arrays): not initialised, unlike a vector
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace lido::sql

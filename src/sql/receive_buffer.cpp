#include "sql/receive_buffer.hpp"

#include "lido/base/assert.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lido::sql {
namespace {

/// What is kept of a connection that has nothing to say.
constexpr std::size_t usual_capacity = std::size_t{16} * 1024;

}  // namespace

std::span<char> receive_buffer::space() {
    if (size() == 0 && (capacity_ > usual_capacity || capacity_ == 0)) move_to(usual_capacity);
    if (size() == 0) begin_ = end_ = 0;
    // What has come of a message grows at the front; half of the memory is free for what follows.
    if (capacity_ - end_ < capacity_ / 2) {
        const bool is_full = size() > capacity_ / 2;
        move_to(is_full ? std::min(2 * capacity_, largest_ + usual_capacity) : capacity_);
    }
    return {bytes_.get() + end_, capacity_ - end_};
}

void receive_buffer::received(std::size_t size) noexcept {
    LIDO_ASSERT(size <= capacity_ - end_);
    end_ += size;
}

void receive_buffer::erase(std::size_t offset, std::size_t size) noexcept {
    if (offset == 0) return take(size);
    std::memmove(data() + offset, data() + offset + size, this->size() - offset - size);
    end_ -= size;
}

void receive_buffer::give_back() noexcept {
    if (size() > 0 || capacity_ <= usual_capacity) return;
    bytes_.reset();
    capacity_ = begin_ = end_ = 0;
}

void receive_buffer::move_to(std::size_t capacity) {
    if (capacity == capacity_) {
        if (begin_ == 0) return;
        std::memmove(bytes_.get(), data(), size());
    } else {
        auto made = std::make_unique_for_overwrite<char[]>(capacity);  // NOLINT(cppcoreguidelines-avoid-c-arrays)
        if (size() > 0) std::memcpy(made.get(), data(), size());
        bytes_ = std::move(made);
        capacity_ = capacity;
    }
    end_ -= begin_;
    begin_ = 0;
}

}  // namespace lido::sql

#include "sql/mysql/packet_reader.hpp"

#include "lido/base/assert.hpp"
#include "sql/mysql/packet_body.hpp"
#include "sql/mysql/packet_writer.hpp"

#include <algorithm>
#include <cstring>

namespace lido::mysql {
namespace {

/// What is kept of a connection that has nothing to say.
constexpr std::size_t usual_capacity = std::size_t{16} * 1024;

}  // namespace

std::span<char> packet_reader::space() {
    if (unread() == 0 && (capacity_ > usual_capacity || capacity_ == 0)) move_to(usual_capacity);
    if (unread() == 0) begin_ = end_ = 0;
    // What has come of a packet grows at the front; half of the memory is free for what follows.
    if (capacity_ - end_ < capacity_ / 2) {
        const bool is_full = unread() > capacity_ / 2;
        move_to(is_full ? std::min(2 * capacity_, largest_ + packet_header_size + usual_capacity) : capacity_);
    }
    return {bytes_.get() + end_, capacity_ - end_};
}

void packet_reader::give_back() noexcept {
    if (unread() > 0 || capacity_ <= usual_capacity) return;
    bytes_.reset();
    capacity_ = begin_ = end_ = 0;
}

void packet_reader::move_to(std::size_t capacity) {
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

void packet_reader::received(std::size_t size) noexcept {
    LIDO_ASSERT(size <= capacity_ - end_);
    end_ += size;
}

packet_reader::found packet_reader::stop(found why) noexcept {
    stopped_ = why;
    return why;
}

/// So that the pieces of a packet are one. Behind a piece that goes on there is at most one read's worth.
void packet_reader::drop_header(char* at) noexcept {
    if (joined_ == 0) {
        begin_ += packet_header_size;
        return;
    }
    std::memmove(at, at + packet_header_size, unread() - joined_ - packet_header_size);
    end_ -= packet_header_size;
}

packet_reader::found packet_reader::next(std::string_view& into) noexcept {
    into = {};
    if (stopped_ != found::nothing) return stopped_;
    while (unread() >= joined_ + packet_header_size) {
        char* const at = bytes_.get() + begin_ + joined_;
        packet_body header({at, packet_header_size});
        const auto size = static_cast<std::size_t>(header.number(3));
        const std::size_t came = std::min(size, unread() - joined_ - packet_header_size);
        if (header.byte() != number_) {
            if (joined_ == 0) into = {at + packet_header_size, came};
            return stop(found::out_of_sequence);
        }
        if (joined_ + size > largest_) return stop(found::too_large);
        if (came < size) return found::nothing;
        ++number_;
        drop_header(at);
        joined_ += size;
        if (size == most_of_packet) continue;
        into = {bytes_.get() + begin_, joined_};
        begin_ += joined_;
        joined_ = 0;
        return found::one;
    }
    return found::nothing;
}

}  // namespace lido::mysql

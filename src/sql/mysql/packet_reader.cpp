#include "sql/mysql/packet_reader.hpp"

#include "sql/mysql/packet_body.hpp"
#include "sql/mysql/packet_writer.hpp"

#include <algorithm>

namespace lido::mysql {

packet_reader::packet_reader(std::size_t largest) noexcept : largest_(largest), bytes_(largest + packet_header_size) {}

packet_reader::found packet_reader::stop(found why) noexcept {
    stopped_ = why;
    return why;
}

packet_reader::found packet_reader::next(std::string_view& into) noexcept {
    into = {};
    if (stopped_ != found::nothing) return stopped_;
    while (unread() >= joined_ + packet_header_size) {
        char* const at = bytes_.data() + joined_;
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
        // So that the pieces of a packet are one. Behind a piece that goes on there is at most one read's worth.
        bytes_.erase(joined_, packet_header_size);
        joined_ += size;
        if (size == most_of_packet) continue;
        into = {bytes_.data(), joined_};
        bytes_.take(joined_);
        joined_ = 0;
        return found::one;
    }
    return found::nothing;
}

}  // namespace lido::mysql

#include "http/address_book.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace lido::http {

address_book::entry& address_book::entry::operator=(entry&& other) noexcept {
    if (this != &other) {
        leave();
        book_ = std::move(other.book_);
        place_ = other.place_;
    }
    return *this;
}

void address_book::entry::leave() noexcept {
    if (!book_) return;
    {
        const std::lock_guard held(book_->mutex_);
        book_->lines_.erase(place_);
    }
    book_.reset();
}

address_book::entry address_book::add(const net::address& peer, pool::connection_events events) {
    net::address without_port = peer;
    without_port.set_port(0);
    const std::lock_guard held(mutex_);
    return {shared_from_this(), lines_.insert(lines_.end(), line{without_port, events})};
}

std::size_t address_book::keep_only(std::span<const net::address> current) {
    std::vector<net::address> known(current.begin(), current.end());
    for (net::address& each : known) each.set_port(0);
    std::vector<pool::connection_events> gone;
    {
        const std::lock_guard held(mutex_);
        for (const line& each : lines_) {
            if (std::find(known.begin(), known.end(), each.peer) == known.end()) gone.push_back(each.events);
        }
    }
    // Without the lock: a pool may destroy connections under its own, and they leave the book. One that went meanwhile
    // is recognised by its generation.
    for (const pool::connection_events& each : gone) each.capacity_changed(0);
    return gone.size();
}

}  // namespace lido::http

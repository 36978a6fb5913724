#include "http/connection_book.hpp"

#include <algorithm>
#include <utility>

namespace lido::http {

protocol_statistics& protocol_statistics::operator+=(const protocol_statistics& other) noexcept {
    connections += other.connections;
    requests += other.requests;
    most_at_once = std::max(most_at_once, other.most_at_once);
    bytes_sent += other.bytes_sent;
    bytes_received += other.bytes_received;
    return *this;
}

connection_book::entry& connection_book::entry::operator=(entry&& other) noexcept {
    if (this != &other) {
        leave();
        book_ = std::move(other.book_);
        place_ = other.place_;
    }
    return *this;
}

void connection_book::entry::leave() noexcept {
    if (!book_) return;
    {
        const std::lock_guard held(book_->mutex_);
        add_to(book_->gone_, *place_);
        book_->lines_.erase(place_);
    }
    book_.reset();
}

connection_book::entry connection_book::add(http::version version, const net::stream& stream,
                                            const connection_counts& counts, pool::connection_events events) {
    net::address peer = stream.peer();
    peer.set_port(0);
    const time_point now = stream.loop().now();
    const std::lock_guard held(mutex_);
    return {shared_from_this(), lines_.insert(lines_.end(), line{peer, events, version, now, &stream, &counts})};
}

std::size_t connection_book::keep_only(std::span<const net::address> current) {
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

std::vector<connection_statistics> connection_book::describe(time_point now) const {
    std::vector<connection_statistics> all;
    const std::lock_guard held(mutex_);
    all.reserve(lines_.size());
    for (const line& each : lines_) {
        all.push_back({.version = each.version,
                       .running = each.counts->running(),
                       .limit = each.counts->limit(),
                       .most_at_once = each.counts->most_at_once(),
                       .requests = each.counts->requests(),
                       .bytes_sent = each.stream->bytes_sent(),
                       .bytes_received = each.stream->bytes_received(),
                       .age = std::max(now - each.since, duration::zero())});
    }
    return all;
}

void connection_book::add_to(sums& totals, const line& which) noexcept {
    protocol_statistics& sum = which.version == http::version::http_2 ? totals.http2 : totals.http1;
    sum += {.connections = 1,
            .requests = which.counts->requests(),
            .most_at_once = which.counts->most_at_once(),
            .bytes_sent = which.stream->bytes_sent(),
            .bytes_received = which.stream->bytes_received()};
}

connection_book::sums connection_book::totals() const {
    const std::lock_guard held(mutex_);
    sums all = gone_;
    for (const line& each : lines_) add_to(all, each);
    return all;
}

}  // namespace lido::http

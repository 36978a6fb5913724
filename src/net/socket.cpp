#include "lido/net/socket.hpp"

#include <cerrno>
#include <system_error>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lido::net {

void unique_descriptor::reset() noexcept {
    if (value_ >= 0) close(std::exchange(value_, -1));
}

socket::socket(event_loop& loop, unique_descriptor descriptor) : loop_(loop), descriptor_(std::move(descriptor)) {
    if (const int code = loop_.add(descriptor_.get(), *this); code != 0) {
        throw std::system_error(code, std::generic_category(), "epoll_ctl");
    }
}

socket::~socket() {
    loop_.remove(descriptor_.get(), *this);
    if (destroyed_ != nullptr) *destroyed_ = true;
}

io_result socket::send(std::span<const char> data) noexcept {
    while (true) {
        const ssize_t sent = ::send(descriptor_.get(), data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return {io_status::done, static_cast<std::size_t>(sent), 0};
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            writable_ = false;
            return {io_status::want_write, 0, 0};
        }
        return {io_status::failed, 0, errno};
    }
}

io_result socket::receive(std::span<char> space) noexcept {
    if (space.empty()) return {io_status::done, 0, 0};
    while (true) {
        const ssize_t got = ::recv(descriptor_.get(), space.data(), space.size(), MSG_DONTWAIT);
        if (got > 0) {
            // A short read has emptied the kernel's buffer: the next bytes make a new edge. After a hang-up there is
            // always more to read, the end at least.
            if (static_cast<std::size_t>(got) < space.size()) readable_ = hung_up_;
            return {io_status::done, static_cast<std::size_t>(got), 0};
        }
        if (got == 0) return {io_status::end, 0, 0};
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            readable_ = false;
            return {io_status::want_read, 0, 0};
        }
        return {io_status::failed, 0, errno};
    }
}

void socket::on_events(std::uint32_t events) noexcept {
    constexpr std::uint32_t broken = EPOLLERR | EPOLLHUP;
    if ((events & (EPOLLRDHUP | broken)) != 0) hung_up_ = true;
    const bool can_read = (events & (EPOLLIN | EPOLLRDHUP | broken)) != 0;
    const bool can_write = (events & (EPOLLOUT | broken)) != 0;
    if (can_read) readable_ = true;
    if (can_write) writable_ = true;
    if (observer_ != nullptr) return observer_(observer_context_, can_read, can_write);
    if (can_write && writer_ != nullptr) {
        bool destroyed = false;
        destroyed_ = &destroyed;
        writer_->resume();
        if (destroyed) return;
        destroyed_ = nullptr;
    }
    if (!can_read) return;
    if (reader_ != nullptr) {
        reader_->resume();
    } else if (disturbance_ != nullptr && (hung_up_ || !nothing_to_read())) {
        // The look into the kernel's buffer is for events that are stale: somebody has read between poll and delivery.
        disturbance_(disturbance_context_);
    }
}

bool socket::quiet() noexcept {
    if (hung_up_) return false;
    if (!readable_ && idle_turn_ == loop_.turn()) return true;
    return nothing_to_read();
}

/// Looks into the kernel's buffer. `readable_` may be true of an empty one: after a read that exactly filled its space.
bool socket::nothing_to_read() noexcept {
    char byte = 0;
    const ssize_t got = ::recv(descriptor_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
    readable_ = false;
    return true;
}

void socket::abort_on_close() noexcept {
    const linger option{1, 0};
    setsockopt(descriptor_.get(), SOL_SOCKET, SO_LINGER, &option, sizeof option);
}

}  // namespace lido::net

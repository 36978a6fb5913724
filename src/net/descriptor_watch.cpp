#include "lido/net/descriptor_watch.hpp"

#include <system_error>

#include <sys/epoll.h>

namespace lido::net {

descriptor_watch::descriptor_watch(event_loop& loop, int descriptor) : loop_(loop), descriptor_(descriptor) {
    if (const int code = loop_.add(descriptor_, *this); code != 0) {
        throw std::system_error(code, std::generic_category(), "epoll_ctl");
    }
}

descriptor_watch::~descriptor_watch() {
    loop_.remove(descriptor_, *this);
}

void descriptor_watch::on_events(std::uint32_t events) noexcept {
    constexpr std::uint32_t broken = EPOLLERR | EPOLLHUP;
    if ((events & (EPOLLIN | EPOLLRDHUP | broken)) != 0) seen_.read = true;
    if ((events & (EPOLLOUT | broken)) != 0) seen_.write = true;
    if (waiter_ != nullptr) {
        const bool wanted = (waiter_->wanted_.read && seen_.read) || (waiter_->wanted_.write && seen_.write);
        if (wanted) waiter_->resume();
    } else if (seen_.read && disturbance_ != nullptr) {
        disturbance_(disturbance_context_);
    }
}

}  // namespace lido::net

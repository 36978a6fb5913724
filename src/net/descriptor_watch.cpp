#include "lido/net/descriptor_watch.hpp"

#include <system_error>

#include <sys/epoll.h>
#include <sys/stat.h>

namespace lido::net {
namespace {

/// What is open under that number; 0: nothing.
ino_t opened_as(int descriptor) noexcept {
    struct stat found {};
    return ::fstat(descriptor, &found) == 0 ? found.st_ino : 0;
}

}  // namespace

descriptor_watch::descriptor_watch(event_loop& loop, int descriptor)
    : loop_(loop), descriptor_(descriptor), what_(opened_as(descriptor)) {
    if (const int code = loop_.add(descriptor_, *this); code != 0) {
        throw std::system_error(code, std::generic_category(), "epoll_ctl");
    }
    hear_of_writing(false);
}

descriptor_watch::~descriptor_watch() {
    constexpr int none = -1;
    loop_.remove(is_still_mine() ? descriptor_ : none, *this);
}

/// A library that closes its descriptor when a connection breaks has freed the number. Whoever got it since may be
/// watched on the same loop, and would hear nothing any more.
bool descriptor_watch::is_still_mine() const noexcept {
    return opened_as(descriptor_) == what_;
}

/// Of a descriptor that is closed there is nothing to hear; then the deadline ends the wait.
void descriptor_watch::hear_of_writing(bool wanted) noexcept {
    if (is_still_mine()) static_cast<void>(loop_.hear_of_writing(descriptor_, *this, wanted));
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

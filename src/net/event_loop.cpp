#include "lido/net/event_loop.hpp"

#include "lido/base/assert.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace lido::net {
namespace {

constexpr std::uint32_t reading = EPOLLIN | EPOLLRDHUP | EPOLLET;

int checked(int descriptor, const char* what) {
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
    return descriptor;
}

void watch(int epoll, int descriptor, void* source, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = source;
    checked(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
}

void drain_counter(int descriptor) noexcept {
    std::uint64_t count = 0;
    while (read(descriptor, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

}  // namespace

event_loop::event_loop(scheduler_group& group, std::uint32_t index, without_descriptors /*yet*/)
    : scheduler(group, index), now_(clock::now()), wheel_(now_) {}

// Made by the other constructor first, so that the destructor closes what is open when one of these fails.
event_loop::event_loop(scheduler_group& group, std::uint32_t index, drive how)
    : event_loop(group, index, without_descriptors{}) {
    epoll_ = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    wake_ = checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
    watch(epoll_, wake_, &wake_, EPOLLIN);
    timer_descriptor_ = checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create");
    // It is heard of once each time that it comes due; so nobody has to read it.
    watch(epoll_, timer_descriptor_, &timer_descriptor_, EPOLLIN | EPOLLET);
    if (how == drive::embedded) sleeping_.store(true, std::memory_order_relaxed);
}

event_loop::~event_loop() {
    for (const int descriptor : {timer_descriptor_, wake_, epoll_}) {
        if (descriptor >= 0) close(descriptor);
    }
}

void event_loop::work_queue::push(work& item) noexcept {
    item.next = nullptr;
    if (tail != nullptr) {
        tail->next = &item;
    } else {
        head = &item;
    }
    tail = &item;
}

void event_loop::post(work& item) noexcept {
    if (is_current()) {
        local_.push(item);
        return;
    }
    work* head = remote_.load(std::memory_order_relaxed);
    do {
        item.next = head;
    } while (!remote_.compare_exchange_weak(head, &item, std::memory_order_seq_cst, std::memory_order_relaxed));
    wake();
}

/// Rings the loop's bell if it sleeps or is about to. The loop sets `sleeping_` before it looks at the queue for the
/// last time, and posting pushes before it reads `sleeping_`: in sequential consistency one of the two sees the other.
void event_loop::wake() noexcept {
    if (!sleeping_.load(std::memory_order_seq_cst)) return;
    if (!sleeping_.exchange(false, std::memory_order_seq_cst)) return;
    const std::uint64_t one = 1;
    while (write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void event_loop::stop() noexcept {
    stopping_.store(true, std::memory_order_seq_cst);
    wake();
}

int event_loop::add(int descriptor, event_source& source) noexcept {
    epoll_event event{};
    event.events = reading | EPOLLOUT;
    event.data.ptr = &source;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : errno;
}

int event_loop::hear_of_writing(int descriptor, event_source& source, bool wanted) noexcept {
    epoll_event event{};
    event.events = wanted ? reading | EPOLLOUT : reading;
    event.data.ptr = &source;
    return epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event) == 0 ? 0 : errno;
}

void event_loop::remove(int descriptor, event_source& source) noexcept {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
    for (int i = batch_position_; i < batch_count_; ++i) {
        if (batch_[static_cast<std::size_t>(i)] == &source) batch_[static_cast<std::size_t>(i)] = nullptr;
    }
}

int event_loop::poll_timeout() noexcept {
    if (local_.head != nullptr) return 0;
    arm_timer_descriptor();
    return -1;
}

void event_loop::run() {
    scheduler* const before = set_current(this);
    while (true) {
        int timeout = poll_timeout();
        if (timeout != 0) {
            sleeping_.store(true, std::memory_order_seq_cst);
            const bool busy = remote_.load(std::memory_order_seq_cst) != nullptr;
            if (busy || stopping_.load(std::memory_order_seq_cst)) timeout = 0;
        }
        turn_once(timeout);
        if (stopping_.load(std::memory_order_relaxed) && local_.head == nullptr &&
            remote_.load(std::memory_order_acquire) == nullptr) {
            break;
        }
    }
    set_current(before);
}

bool event_loop::run_posted() noexcept {
    scheduler* const before = set_current(this);
    collect_remote();
    const bool any = local_.head != nullptr;
    run_queue();
    set_current(before);
    return any;
}

void event_loop::run_ready() {
    scheduler* const before = set_current(this);
    sleeping_.store(false, std::memory_order_seq_cst);
    turn_once(0);
    sleeping_.store(true, std::memory_order_seq_cst);
    // What was posted while this ran, from here or elsewhere, rings the bell: the foreign loop gets its turn first.
    if (local_.head != nullptr || remote_.load(std::memory_order_seq_cst) != nullptr) wake();
    arm_timer_descriptor();
    set_current(before);
}

void event_loop::turn_once(int timeout_milliseconds) {
    std::array<epoll_event, batch_size> events;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
    const int count = epoll_wait(epoll_, events.data(), batch_size, timeout_milliseconds);
    sleeping_.store(false, std::memory_order_relaxed);
    ++turn_;
    now_ = clock::now();
    std::array<std::uint32_t, batch_size> bits;  // NOLINT(cppcoreguidelines-pro-type-member-init): first `kept` are set
    int kept = 0;
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.ptr == &wake_) {
            drain_counter(wake_);
        } else if (event.data.ptr == &timer_descriptor_) {
            timer_descriptor_at_ = never;
        } else {
            batch_[static_cast<std::size_t>(kept)] = static_cast<event_source*>(event.data.ptr);
            bits[static_cast<std::size_t>(kept)] = event.events;
            ++kept;
        }
    }
    batch_count_ = kept;
    for (batch_position_ = 0; batch_position_ < batch_count_;) {
        const auto position = static_cast<std::size_t>(batch_position_++);
        if (batch_[position] != nullptr) batch_[position]->on_events(bits[position]);
    }
    batch_count_ = 0;
    wheel_.advance({}, now_, [](timer* due) { due->fire(*due); });
    collect_remote();
    run_queue();
}

/// Moves what other threads posted to the local queue, oldest first.
void event_loop::collect_remote() noexcept {
    if (remote_.load(std::memory_order_relaxed) == nullptr) return;
    work* item = remote_.exchange(nullptr, std::memory_order_acquire);
    work* ordered = nullptr;
    while (item != nullptr) {
        work* const following = item->next;
        item->next = ordered;
        ordered = item;
        item = following;
    }
    while (ordered != nullptr) {
        work* const following = ordered->next;
        local_.push(*ordered);
        ordered = following;
    }
}

/// Runs what is queued now; what that posts runs in the next turn, so that sockets and timers get theirs.
void event_loop::run_queue() noexcept {
    work* item = std::exchange(local_.head, nullptr);
    local_.tail = nullptr;
    while (item != nullptr) {
        work* const following = item->next;
        item->run(*item);
        item = following;
    }
}

/// Only for what is sooner than what it is armed for: a deadline that has gone costs a turn in which nothing is due,
/// and then the next one is found.
void event_loop::arm_timer_descriptor() noexcept {
    const time_point next = wheel_.next_wake();
    if (next >= timer_descriptor_at_) return;
    timer_descriptor_at_ = next;
    const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(next.time_since_epoch()).count();
    itimerspec when{};
    when.it_value.tv_sec = since / 1'000'000'000;
    when.it_value.tv_nsec = std::max<long>(since % 1'000'000'000, 1);
    timerfd_settime(timer_descriptor_, TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace lido::net

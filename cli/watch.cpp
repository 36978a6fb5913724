#include "watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace lido::cli {
namespace {

sigset_t watched_signals() noexcept {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

int checked(int descriptor, const char* what) {
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
    return descriptor;
}

int poll_timeout(time_point until) noexcept {
    if (until == never) return -1;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(wait, 0, 60'000));
}

}  // namespace

watch::watch() : bell_(checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
    const sigset_t set = watched_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_ = net::unique_descriptor(checked(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd"));
}

watch::~watch() {
    const sigset_t set = watched_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void watch::ring() noexcept {
    const std::uint64_t one = 1;
    while (write(bell_.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void watch::take_signal() {
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
    signal_ = static_cast<int>(info.ssi_signo);
    const sigset_t set = watched_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

watch::woken_by watch::poll_once(int extra, short events, time_point until, bool& extra_ready) {
    // poll ignores negative descriptors.
    std::array<pollfd, 3> ready{
        {{signal_ == 0 ? signals_.get() : -1, POLLIN, 0}, {bell_.get(), POLLIN, 0}, {extra, events, 0}}};
    const int count = poll(ready.data(), ready.size(), poll_timeout(until));
    if (count <= 0) return woken_by::time;
    extra_ready = ready[2].revents != 0;
    if (ready[0].revents != 0) {
        take_signal();
        return woken_by::signal;
    }
    if (ready[1].revents == 0) return woken_by::time;
    std::uint64_t rings = 0;
    // Nothing there is as good as a ring: whoever waits looks at what it waits for.
    static_cast<void>(!read(bell_.get(), &rings, sizeof rings));
    return woken_by::bell;
}

watch::woken_by watch::wait(time_point until) {
    bool unused = false;
    while (true) {
        const woken_by cause = poll_once(-1, 0, until, unused);
        // The longest sleep is a minute, and a signal without meaning to us may cut it short.
        if (cause != woken_by::time || clock::now() >= until) return cause;
    }
}

bool watch::wait_ready(int descriptor, bool to_write, time_point until) {
    bool ready = false;
    while (!ready) {
        const woken_by cause = poll_once(descriptor, to_write ? POLLOUT : POLLIN, until, ready);
        if (cause == woken_by::signal) return false;
        if (!ready && clock::now() >= until) return false;
    }
    return true;
}

bool live_count::wait_until_none(time_point until) {
    while (running() != 0) {
        if (clock::now() >= until) return false;
        static_cast<void>(watch_.wait(until));
    }
    return true;
}

void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace lido::cli

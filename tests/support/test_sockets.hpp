// Lido: sockets in unusual states, for tests.
#pragma once

#include "lido/net/endpoint.hpp"
#include "lido/net/socket.hpp"

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lido::test {

inline int checked_call(int outcome, const char* what) {
    if (outcome < 0) throw std::system_error(errno, std::generic_category(), what);
    return outcome;
}

/// Two connected non-blocking Unix sockets.
[[nodiscard]] inline std::pair<net::unique_descriptor, net::unique_descriptor> socket_pair() {
    int ends[2] = {-1, -1};
    checked_call(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), "socketpair");
    return {net::unique_descriptor(ends[0]), net::unique_descriptor(ends[1])};
}

/// Writes all of a short text to a descriptor.
inline void put(int descriptor, std::string_view text) {
    const auto sent = ::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(text.size())) checked_call(-1, "send");
}

/// What can be read at once.
[[nodiscard]] inline std::string get(int descriptor) {
    char space[65536];
    const auto got = ::recv(descriptor, space, sizeof space, MSG_DONTWAIT);
    return got > 0 ? std::string(space, static_cast<std::size_t>(got)) : std::string();
}

/// A loopback address that nobody listens on, kept from others as long as this lives: a connect is refused.
class refusing_address {
public:
    refusing_address() : held_(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
        const net::address wanted = *net::address::from_literal("127.0.0.1", 0);
        checked_call(bind(held_.get(), wanted.data(), wanted.size()), "bind");
        where_ = net::address::local_of(held_.get());
    }
    [[nodiscard]] const net::address& where() const noexcept { return where_; }

private:
    net::unique_descriptor held_;
    net::address where_;
};

/// A loopback address where a connect gets no answer: its queue of connections is full, so the kernel drops the SYN.
class silent_address {
public:
    silent_address() : listening_(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
        const net::address wanted = *net::address::from_literal("127.0.0.1", 0);
        checked_call(bind(listening_.get(), wanted.data(), wanted.size()), "bind");
        checked_call(listen(listening_.get(), 0), "listen");
        where_ = net::address::local_of(listening_.get());
        filling_ = net::unique_descriptor(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
        checked_call(connect(filling_.get(), where_.data(), where_.size()), "connect");
    }
    [[nodiscard]] const net::address& where() const noexcept { return where_; }

private:
    net::unique_descriptor listening_;
    net::unique_descriptor filling_;
    net::address where_;
};

/// How many descriptors this process has open.
[[nodiscard]] inline std::size_t open_descriptors() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        if (entry.is_symlink()) ++count;
    }
    return count - 1;  // the iterator's own
}

/// While it lives, this process can open no further descriptor.
class descriptors_exhausted {
public:
    descriptors_exhausted() {
        checked_call(getrlimit(RLIMIT_NOFILE, &before_), "getrlimit");
        const int next_free = checked_call(dup(0), "dup");
        close(next_free);
        rlimit none = before_;
        none.rlim_cur = static_cast<rlim_t>(next_free);
        checked_call(setrlimit(RLIMIT_NOFILE, &none), "setrlimit");
    }
    descriptors_exhausted(const descriptors_exhausted&) = delete;
    descriptors_exhausted& operator=(const descriptors_exhausted&) = delete;
    ~descriptors_exhausted() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

}  // namespace lido::test

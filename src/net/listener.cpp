#include "lido/net/listener.hpp"

#include "lido/base/assert.hpp"
#include "lido/net/connect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace lido::net {
namespace {

constexpr duration shortest_pause = std::chrono::milliseconds(10);
constexpr duration longest_pause = std::chrono::milliseconds(100);

error listen_error(const std::string& where, int code) {
    return {errc::connect_failed, fmt::format("listen on {}: {}", where, plain_reason(code)), remedy_of(code)};
}

/// Waits a while; its destructor takes the wait back.
class pause_awaiter : private timer {
public:
    pause_awaiter(event_loop& loop, duration length) noexcept
        : timer([](timer& self) noexcept { static_cast<pause_awaiter&>(self).waiter_.resume(); }),
          loop_(loop),
          length_(length) {}
    pause_awaiter(pause_awaiter&&) = delete;
    ~pause_awaiter() { loop_.disarm(*this); }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        waiter_ = waiter;
        loop_.arm(*this, deadline_after(loop_.now(), length_));
    }
    void await_resume() const noexcept {}

private:
    event_loop& loop_;
    duration length_;
    std::coroutine_handle<> waiter_;
};

enum class accept_outcome : std::uint8_t { nothing_there, try_again, short_of_resources, broken };

accept_outcome outcome_of(int code) noexcept {
    switch (code) {
        case EAGAIN:
            return accept_outcome::nothing_there;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return accept_outcome::short_of_resources;
        case EBADF:
        case EFAULT:
        case EINVAL:
        case ENOTSOCK:
        case EOPNOTSUPP:
            return accept_outcome::broken;
        // Errors of the network that belong to the connection which was to be accepted; see accept(2).
        default:
            return accept_outcome::try_again;
    }
}

}  // namespace

/// Waits until a connection may be there; its destructor takes the wait back.
class listener::readable_awaiter {
public:
    explicit readable_awaiter(listener& owner) noexcept : owner_(owner) {}
    readable_awaiter(readable_awaiter&&) = delete;
    ~readable_awaiter() {
        if (owner_.waiter_ == this) owner_.waiter_ = nullptr;
    }
    [[nodiscard]] bool await_ready() const noexcept { return owner_.readable_; }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
        LIDO_ASSERT(owner_.waiter_ == nullptr);
        coroutine_ = coroutine;
        owner_.waiter_ = this;
    }
    void await_resume() const noexcept {}
    void resume() noexcept {
        owner_.waiter_ = nullptr;
        coroutine_.resume();
    }

private:
    listener& owner_;
    std::coroutine_handle<> coroutine_;
};

result<std::unique_ptr<listener>> listener::open(event_loop& loop, const listen_options& options) {
    const std::string where = host_and_port(options.host, options.port);
    const std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
    const auto at = address::from_literal(host, options.port);
    if (!at) {
        return error(errc::invalid_argument, fmt::format("listen on {}: the host is no address", where),
                     "give an address, such as 127.0.0.1 or [::]");
    }
    unique_descriptor made(::socket(at->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!made.valid()) return listen_error(where, errno);
    const int one = 1;
    setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (options.share_port) setsockopt(made.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (at->is_ipv6()) setsockopt(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (::bind(made.get(), at->data(), at->size()) != 0) return listen_error(where, errno);
    if (::listen(made.get(), options.backlog) != 0) return listen_error(where, errno);
    const address local = address::local_of(made.get());
    std::unique_ptr<listener> opened(new listener(loop, std::move(made), local));
    if (const int code = loop.add(opened->descriptor_.get(), *opened); code != 0) return listen_error(where, code);
    return opened;
}

listener::listener(event_loop& loop, unique_descriptor descriptor, const address& local) noexcept
    : loop_(loop), descriptor_(std::move(descriptor)), local_(local) {}

listener::~listener() {
    loop_.remove(descriptor_.get(), *this);
}

void listener::on_events(std::uint32_t) noexcept {
    readable_ = true;
    if (waiter_ != nullptr) waiter_->resume();
}

task<result<unique_descriptor>> listener::accept_descriptor() {
    duration pause = shortest_pause;
    while (true) {
        unique_descriptor accepted(::accept4(descriptor_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (accepted.valid()) {
            const int one = 1;
            setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            co_return accepted;
        }
        const int code = errno;
        const accept_outcome outcome = outcome_of(code);
        if (outcome == accept_outcome::broken) co_return listen_error(local_.to_text(), code);
        if (outcome == accept_outcome::nothing_there) {
            readable_ = false;
            readable_awaiter readable(*this);
            co_await readable;
        } else if (outcome == accept_outcome::short_of_resources) {
            pause_awaiter resting(loop_, pause);
            co_await resting;
            pause = std::min(pause * 2, longest_pause);
        }
    }
}

task<result<std::unique_ptr<socket>>> listener::accept() {
    while (true) {
        task<result<unique_descriptor>> accepting = accept_descriptor();
        result<unique_descriptor> accepted = co_await std::move(accepting);
        if (!accepted) co_return std::move(accepted).error();
        std::unique_ptr<socket> made;
        try {
            made = std::make_unique<socket>(loop_, std::move(*accepted));
        } catch (const std::system_error&) {
            // The kernel does not let the loop watch it; it is closed, and its peer tries elsewhere or later.
            made = nullptr;
        }
        if (made != nullptr) co_return made;
        pause_awaiter resting(loop_, shortest_pause);
        co_await resting;
    }
}

}  // namespace lido::net

#include "lido/net/connect.hpp"

#include "lido/base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <list>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace lido::net {
namespace {

constexpr std::size_t most_reasons_told = 4;

void set_option(int descriptor, int level, int name, int value) noexcept {
    setsockopt(descriptor, level, name, &value, sizeof value);
}

/// Options that make a connection quick, and its death noticed. A kernel that knows one of them not is no obstacle.
void set_stream_options(int descriptor, const connect_options& options) noexcept {
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(options.user_timeout).count();
    if (milliseconds <= 0) return;
    const int seconds = static_cast<int>(std::clamp<std::int64_t>(milliseconds / 1000, 3, 86'400));
    set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, seconds / 3);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, std::max(seconds / 6, 1));
    set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT,
               static_cast<int>(std::min<std::int64_t>(milliseconds, 86'400'000)));
}

/// Binds to the local address without taking a port yet: the kernel then chooses one that is free towards this peer.
int bind_local(int descriptor, const address& local) noexcept {
    if (local.port() == 0) set_option(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return bind(descriptor, local.data(), local.size()) == 0 ? 0 : errno;
}

/// The families in turn, beginning with that of the first; each keeps its order. RFC 8305, section 4.
std::vector<address> interleaved(const std::vector<address>& peers) {
    std::vector<address> first;
    std::vector<address> other;
    for (const address& peer : peers) (peer.family() == peers.front().family() ? first : other).push_back(peer);
    std::vector<address> ordered;
    for (std::size_t i = 0; i < std::max(first.size(), other.size()); ++i) {
        if (i < first.size()) ordered.push_back(first[i]);
        if (i < other.size()) ordered.push_back(other[i]);
    }
    return ordered;
}

bool is_local_shortage(int code) noexcept {
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM || code == EADDRNOTAVAIL;
}

class race;

/// One attempt to connect, watched by the loop until it is decided.
class attempt final : public event_source {
public:
    attempt(race& owner, const address& peer) noexcept : race_(owner), peer_(peer) {}
    attempt(attempt&&) = delete;
    ~attempt();

    /// 0: connected. EINPROGRESS: the race will hear of it. Anything else: why it failed.
    [[nodiscard]] int start(const connect_options& options) noexcept;
    [[nodiscard]] const address& peer() const noexcept { return peer_; }
    /// The connected descriptor, no longer watched.
    [[nodiscard]] unique_descriptor take() noexcept;

private:
    void on_events(std::uint32_t events) noexcept override;
    [[nodiscard]] int outcome() noexcept;

    race& race_;
    address peer_;
    unique_descriptor descriptor_;
    bool watched_ = false;
};

/// All attempts of one connect. Awaited once; its destructor takes everything back.
class race final : private timer {
public:
    race(event_loop& loop, std::vector<address> peers, time_point deadline, const connect_options& options)
        : timer([](timer& self) noexcept { static_cast<race&>(self).on_timer(); }),
          loop_(loop),
          peers_(std::move(peers)),
          deadline_(deadline),
          options_(options) {
        options_.attempt_delay =
            std::clamp<duration>(options_.attempt_delay, std::chrono::milliseconds(10), std::chrono::seconds(2));
    }
    race(race&&) = delete;
    ~race() { loop_.disarm(*this); }

    [[nodiscard]] bool await_ready() {
        if (deadline_ <= loop_.now()) {
            end_by_deadline();
        } else {
            start_next();
        }
        return over_;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
    [[nodiscard]] result<unique_descriptor> await_resume();

    /// An attempt is decided; `code` is 0 or errno. May destroy the attempt and the race.
    void decided(attempt& which, int code) noexcept;
    [[nodiscard]] event_loop& loop() const noexcept { return loop_; }

private:
    void start_next();
    void win(attempt& which) noexcept;
    void note_failure(const address& peer, int code);
    void on_timer() noexcept;
    void end_by_deadline();
    void finish() noexcept;
    [[nodiscard]] error failure() const;

    event_loop& loop_;
    std::vector<address> peers_;
    time_point deadline_;
    connect_options options_;
    std::size_t next_ = 0;
    std::list<attempt> running_;
    unique_descriptor winner_;
    bool over_ = false;
    bool late_ = false;
    std::vector<std::pair<address, int>> failures_;
    std::coroutine_handle<> waiter_;
};

attempt::~attempt() {
    if (watched_) race_.loop().remove(descriptor_.get(), *this);
}

int attempt::start(const connect_options& options) noexcept {
    descriptor_ = unique_descriptor(::socket(peer_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!descriptor_.valid()) return errno;
    if (peer_.family() != AF_UNIX) set_stream_options(descriptor_.get(), options);
    if (options.local_address) {
        if (const int code = bind_local(descriptor_.get(), *options.local_address); code != 0) return code;
    }
    if (::connect(descriptor_.get(), peer_.data(), peer_.size()) == 0) return 0;
    // An interrupted connect goes on by itself, like one in progress.
    if (errno != EINPROGRESS && errno != EINTR) return errno;
    if (const int code = race_.loop().add(descriptor_.get(), *this); code != 0) return code;
    watched_ = true;
    return EINPROGRESS;
}

unique_descriptor attempt::take() noexcept {
    if (std::exchange(watched_, false)) race_.loop().remove(descriptor_.get(), *this);
    return std::move(descriptor_);
}

void attempt::on_events(std::uint32_t) noexcept {
    if (const int code = outcome(); code != EINPROGRESS) race_.decided(*this, code);
}

/// Whether it is connected: 0, why not, or EINPROGRESS.
int attempt::outcome() noexcept {
    int code = 0;
    socklen_t size = sizeof code;
    if (getsockopt(descriptor_.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) return errno;
    if (code != 0) return code;
    const address connected_to = address::peer_of(descriptor_.get());
    if (connected_to.family() == AF_UNSPEC) return EINPROGRESS;
    // A connect to a free port of this machine that happens to be its own local port reaches itself.
    return connected_to == address::local_of(descriptor_.get()) ? ECONNREFUSED : 0;
}

result<unique_descriptor> race::await_resume() {
    if (winner_.valid()) return std::move(winner_);
    return failure();
}

/// Starts attempts until one is under way or none is left.
void race::start_next() {
    while (next_ < peers_.size()) {
        attempt& current = running_.emplace_back(*this, peers_[next_++]);
        const int code = current.start(options_);
        if (code == 0) {
            win(current);
            return;
        }
        if (code == EINPROGRESS) {
            const time_point beside =
                next_ < peers_.size() ? deadline_after(loop_.now(), options_.attempt_delay) : never;
            loop_.arm(*this, std::min(beside, deadline_));
            return;
        }
        note_failure(current.peer(), code);
        running_.pop_back();
    }
    if (running_.empty()) {
        over_ = true;
    } else {
        loop_.arm(*this, deadline_);
    }
}

void race::win(attempt& which) noexcept {
    winner_ = which.take();
    over_ = true;
}

void race::note_failure(const address& peer, int code) {
    failures_.emplace_back(peer, code);
}

void race::decided(attempt& which, int code) noexcept {
    if (code == 0) {
        win(which);
    } else {
        note_failure(which.peer(), code);
        running_.remove_if([&which](const attempt& one) { return &one == &which; });
        start_next();
    }
    if (over_) finish();
}

void race::on_timer() noexcept {
    if (deadline_ <= loop_.now()) {
        end_by_deadline();
    } else {
        start_next();
    }
    if (over_) finish();
}

void race::end_by_deadline() {
    for (const attempt& one : running_) note_failure(one.peer(), ETIMEDOUT);
    if (failures_.empty()) note_failure(peers_.front(), ETIMEDOUT);
    late_ = true;
    over_ = true;
}

void race::finish() noexcept {
    running_.clear();
    loop_.disarm(*this);
    std::exchange(waiter_, nullptr).resume();
}

error race::failure() const {
    std::string what = "connect to ";
    for (std::size_t i = 0; i < std::min(failures_.size(), most_reasons_told); ++i) {
        if (i > 0) what += "; to ";
        what += fmt::format("{}: {}", failures_[i].first.to_text(), plain_reason(failures_[i].second));
    }
    if (failures_.size() > most_reasons_told)
        what += fmt::format("; and {} more", failures_.size() - most_reasons_told);
    if (late_) return {errc::connect_timeout, std::move(what)};
    const int last = failures_.back().second;
    error made(errc::connect_failed, std::move(what), remedy_of(last));
    if (!is_local_shortage(last)) return made;
    // For those who must tell a shortage on this side from a peer that is down.
    return std::move(made).with_cause(error(std::error_code(last, std::generic_category()), plain_reason(last)));
}

result<std::unique_ptr<socket>> watched(event_loop& loop, unique_descriptor connected) {
    try {
        return std::make_unique<socket>(loop, std::move(connected));
    } catch (const std::system_error& refused) {
        return error(errc::connect_failed,
                     fmt::format("watch a new connection: {}", plain_reason(refused.code().value())),
                     "raise the limit of watched descriptors (sysctl fs.epoll.max_user_watches)");
    }
}

task<result<std::unique_ptr<socket>>> connect_any(event_loop& loop, std::vector<address> peers, time_point deadline,
                                                  connect_options options) {
    LIDO_ASSERT(loop.is_current());
    race contest(loop, std::move(peers), deadline, options);
    result<unique_descriptor> winner = co_await contest;
    if (!winner) co_return std::move(winner).error();
    co_return watched(loop, std::move(*winner));
}

}  // namespace

std::string plain_reason(int code) {
    switch (code) {
        case ECONNREFUSED:
            return "connection refused";
        case ECONNRESET:
            return "connection reset by peer";
        case EPIPE:
            return "connection closed by peer";
        case ETIMEDOUT:
            return "no answer in time";
        case EHOSTUNREACH:
            return "no route to host";
        case ENETUNREACH:
            return "network unreachable";
        case EMFILE:
            return "too many open files in this process";
        case ENFILE:
            return "too many open files in the whole system";
        case EADDRNOTAVAIL:
            return "no such local address, or no local port is free";
        case EADDRINUSE:
            return "address already in use";
        case EACCES:
        case EPERM:
            return "permission denied";
        case ENOENT:
            return "no such file";
        default:
            break;
    }
    std::string text = std::generic_category().message(code);
    if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a')
        text[0] = static_cast<char>(text[0] | 0x20);
    return text;
}

std::string remedy_of(int code) {
    switch (code) {
        case EMFILE:
            return "raise the limit of open files (ulimit -n) or lower the pools' max_size";
        case ENFILE:
            return "raise the system's limit of open files (sysctl fs.file-max)";
        case EADDRNOTAVAIL:
            return "check the local address; keep connections instead of opening new ones; widen "
                   "net.ipv4.ip_local_port_range";
        case EADDRINUSE:
            return "stop the program that uses it (ss -ltnp shows it) or choose another port";
        case EACCES:
        case EPERM:
            return "check the permissions of the file or port, and the firewall";
        case ENOENT:
            return "check the path and that the server runs";
        case EHOSTUNREACH:
        case ENETUNREACH:
            return "check the network, its routes and the address";
        default:
            return {};
    }
}

task<result<std::unique_ptr<socket>>> connect_tcp(event_loop& loop, std::vector<address> peers, time_point deadline,
                                                  connect_options options) {
    std::vector<address> usable = peers;
    if (options.local_address) {
        const int family = options.local_address->family();
        std::erase_if(usable, [family](const address& peer) { return peer.family() != family; });
    }
    if (usable.empty()) {
        co_return error(errc::invalid_argument, peers.empty() ? "connect: no address to connect to"
                                                              : "connect: no address is of the local address's family");
    }
    const address refused = usable.front();
    std::erase_if(usable, [&](const address& peer) { return !options.egress.allows(peer); });
    if (usable.empty()) {
        co_return error(errc::connect_failed,
                        fmt::format("connect to {}: the egress policy does not allow it ({})", refused.to_text(),
                                    text_of(scope_of(refused))),
                        "check who chose this address before the policy is changed");
    }
    usable = interleaved(usable);
    task<result<std::unique_ptr<socket>>> connecting = connect_any(loop, std::move(usable), deadline, options);
    result<std::unique_ptr<socket>> connected = co_await std::move(connecting);
    co_return connected;
}

task<result<std::unique_ptr<socket>>> connect_unix(event_loop& loop, std::string path, time_point deadline) {
    result<address> peer = address::unix_socket(path);
    if (!peer) co_return std::move(peer).error();
    std::vector<address> only(1, *peer);
    const connect_options options;
    task<result<std::unique_ptr<socket>>> connecting = connect_any(loop, std::move(only), deadline, options);
    result<std::unique_ptr<socket>> connected = co_await std::move(connecting);
    co_return connected;
}

}  // namespace lido::net

// Lido: a byte stream, plain or by TLS, or by TLS inside TLS.
#pragma once

#include "lido/net/connect.hpp"
#include "lido/net/resolver.hpp"
#include "lido/net/socket.hpp"
#include "lido/net/tls.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lido::net {

/// A connected byte stream: a socket, and on it a TLS session, several inside each other, or none. It belongs to its
/// loop. One reader and one writer at a time. Closes the socket when destroyed, without a word to the peer; `close` is
/// the polite way.
class stream final {
public:
    /// `tls`, if any, must have been made on `*below` and have finished its handshake.
    explicit stream(std::unique_ptr<socket> below, std::unique_ptr<tls_session> tls = nullptr) noexcept;
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;
    ~stream();

    /// Speaks TLS from now on, on top of what the stream is: after a proxy has opened its tunnel, inside the TLS that
    /// the proxy is spoken to by; or after a protocol's STARTTLS. All that the peer has sent must have been read.
    /// `host` and `sessions` are as for `tls_session::client`, the errors those of `tls_session::handshake`; after one
    /// nothing but destruction is possible.
    [[nodiscard]] task<result<void>> start_tls(std::shared_ptr<const tls_context> context, std::string host,
                                               time_point deadline,
                                               std::shared_ptr<tls_session_store> sessions = nullptr);

    /// Moves what can be moved now. On `want_read` or `want_write`, whichever of the two was called, await `readiness`
    /// of exactly that and call again; a write with the same bytes as before.
    [[nodiscard]] io_result read_some(std::span<char> space) noexcept {
        const io_result moved = tls_ == nullptr ? socket_->receive(space) : tls_->read_some(space);
        count(received_, moved);
        return moved;
    }
    [[nodiscard]] io_result write_some(std::span<const char> data) noexcept {
        const io_result moved = tls_ == nullptr ? socket_->send(data) : tls_->write_some(data);
        count(sent_, moved);
        return moved;
    }
    /// See `socket::readiness`.
    [[nodiscard]] socket::readiness_awaiter readiness(io_status wanted, time_point deadline) noexcept {
        return socket_->readiness(wanted, deadline);
    }

    /// What went wrong in `failed` (a result whose status is `failed`), for the caller to put its context before:
    /// `connection_closed` with the reason in plain words, or `tls_failed`.
    [[nodiscard]] error failure(const io_result& failed) const;

    /// True when an idle stream can be used again, as far as can be known: no unread byte here or in the kernel, and
    /// the peer is still there. Session tickets and key updates that TLS received meanwhile are handled and do not
    /// count.
    [[nodiscard]] bool quiet() noexcept {
        if (tls_ == nullptr) return socket_->quiet();
        return quiet_tls();
    }
    /// Remembers that the stream is idle from now on, for `quiet`.
    void mark_idle() noexcept { socket_->mark_idle(); }
    /// See `socket::distrust_last_poll`.
    void distrust_last_poll() noexcept { socket_->distrust_last_poll(); }
    /// See `socket::hung_up`.
    [[nodiscard]] bool hung_up() const noexcept { return socket_->hung_up(); }
    /// See `socket::on_disturbance`; `call` should ask `healthy_after_disturbance` before it closes an idle stream.
    void on_disturbance(socket::disturbance call, void* context) noexcept { socket_->on_disturbance(call, context); }
    /// See `socket::has_more`; of no use with TLS, which is read until it wants more.
    [[nodiscard]] bool has_more() const noexcept { return socket_->has_more(); }
    /// See `socket::observe`.
    void observe(socket::observer call, void* context) noexcept { socket_->observe(call, context); }
    /// Whether an idle stream on which something happened is as good as before: never without TLS; with TLS when
    /// nothing but messages of TLS itself arrived, which are handled here.
    [[nodiscard]] bool healthy_after_disturbance() noexcept;

    /// Says good-bye as far as the protocol has one (close_notify of TLS), at most until `deadline`, and closes the
    /// socket. Nothing else may be called afterwards.
    [[nodiscard]] task<void> close(time_point deadline);
    /// Makes the destructor close by RST, at once and without TIME_WAIT: for connections that are broken.
    void abort() noexcept { socket_->abort_on_close(); }

    [[nodiscard]] bool is_tls() const noexcept { return tls_ != nullptr; }
    /// The protocol agreed on by ALPN; empty when none was.
    [[nodiscard]] std::string_view alpn() const noexcept;
    /// The innermost: the one with the peer. Null without TLS.
    [[nodiscard]] const tls_session* tls() const noexcept { return tls_.get(); }
    [[nodiscard]] event_loop& loop() const noexcept { return socket_->loop(); }
    [[nodiscard]] int descriptor() const noexcept { return socket_->descriptor(); }
    /// The address of the peer. A system call.
    [[nodiscard]] address peer() const noexcept;

    /// What was moved so far, without what TLS adds. From any thread.
    [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return sent_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t bytes_received() const noexcept { return received_.load(std::memory_order_relaxed); }

private:
    [[nodiscard]] bool quiet_tls() noexcept;
    /// Only the loop's thread writes.
    static void count(std::atomic<std::uint64_t>& sum, const io_result& moved) noexcept {
        sum.store(sum.load(std::memory_order_relaxed) + moved.bytes, std::memory_order_relaxed);
    }

    std::unique_ptr<socket> socket_;
    std::vector<std::unique_ptr<tls_session>> outer_;  // with proxies, the first of them first
    std::unique_ptr<tls_session> tls_;                 // destroyed before what it runs on
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint64_t> received_{0};
};

/// What `open_stream` is to open.
struct open_options {
    /// A constructor, so that GCC 12 can have it inside a `co_await` expression.
    open_options(std::string to_host, std::uint16_t to_port, std::shared_ptr<const tls_context> with_tls = nullptr)
        : host(std::move(to_host)), port(to_port), tls(std::move(with_tls)) {}

    /// A name or an address literal. Also what a certificate has to be for.
    std::string host;
    std::uint16_t port;
    /// A client context: TLS. Null: plain.
    std::shared_ptr<const tls_context> tls;
    /// When not empty, the Unix socket to connect to instead of host and port.
    std::string unix_path;
    /// Absolute, over name lookup, connect and handshake together.
    time_point deadline = never;
    /// At most this long of it for the handshake: some middleboxes accept every connection and then say nothing.
    duration handshake_timeout = std::chrono::seconds(10);
    connect_options connect;
    /// Null: `default_resolver()`.
    resolver* names = nullptr;
    /// The TLS sessions that may be resumed; null: none.
    std::shared_ptr<tls_session_store> sessions;
};

/// Resolves, connects, and makes the TLS handshake. Runs on `loop`; destroying the task gives everything up. Errors:
/// `resolve_failed`, `connect_failed`, `tls_failed`, `connect_timeout` (saying what took so long), each with host and
/// port.
[[nodiscard]] task<result<std::unique_ptr<stream>>> open_stream(event_loop& loop, open_options options);

/// The server's side: a stream on an accepted socket; with `context`, a server's, after the TLS handshake.
[[nodiscard]] task<result<std::unique_ptr<stream>>> accept_stream(std::unique_ptr<socket> accepted,
                                                                  std::shared_ptr<const tls_context> context,
                                                                  time_point deadline);

}  // namespace lido::net

// Lido: an HTTP/2 session on a stream.
#pragma once

#include "http/connection_counts.hpp"
#include "http/http2_session.hpp"
#include "http/source_reading.hpp"
#include "lido/base/recurring_work.hpp"
#include "lido/base/task.hpp"
#include "lido/net/stream.hpp"
#include "lido/pool/connector.hpp"

#include <atomic>
#include <coroutine>
#include <memory>
#include <string>

namespace lido::http {

/// The shell around `http2_session`: reads when something has come, writes once for all streams at the end of each turn
/// of the loop, keeps the time, tells the pool, wakes who waits. Belongs to the stream's loop.
class http2_link {
public:
    /// `below` and `counts` must outlive it. Nothing is sent yet.
    http2_link(net::stream& below, const http2_settings& settings, const http_limits& limits,
               pool::connection_events events, connection_counts& counts);
    http2_link(const http2_link&) = delete;
    http2_link& operator=(const http2_link&) = delete;
    ~http2_link();

    /// Says who we are and waits for the peer's SETTINGS; from then on the session runs. Errors: `connect_failed` when
    /// the connection breaks or the peer speaks something else, `connect_timeout` at `deadline`.
    [[nodiscard]] task<result<void>> greet(time_point deadline);

    /// See `http2_session::start`; what it makes is sent at the end of this turn.
    [[nodiscard]] result<void> start(http2_stream& stream, const request& what, const request_target_context& context);
    /// Waits until the stream is over: true; or until `deadline`, or nothing was sent or received on it for `silence`.
    class wait;
    /// See `http2_session::give`; it is sent at the end of this turn.
    void give(http2_stream& stream, std::string_view piece, bool last, headers trailers = {}) {
        session_.give(stream, piece, last, std::move(trailers));
        flush_soon();
    }
    /// Waits until there is news of a stream in pieces, or of the source of its content: true. There may be none.
    class news;
    /// Is the connection as good as ever? Any thread.
    [[nodiscard]] bool is_good() const noexcept { return good_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint32_t capacity() const noexcept { return session_.capacity(); }

    /// Asks the peer for a sign of life; `check_failed` without one by `deadline`.
    [[nodiscard]] task<result<void>> probe(time_point deadline);
    /// Sends GOAWAY, if that can be done at once, and hears nothing more.
    void say_goodbye() noexcept;
    /// Something was given up or consumed: the peer is told at the end of this turn.
    void flush_soon() noexcept;

private:
    class pong_wait;

    void on_ready() noexcept;
    void on_time() noexcept;
    void on_turn_end() noexcept;
    [[nodiscard]] bool read() noexcept;
    void flush() noexcept;
    [[nodiscard]] bool settle() noexcept;
    void tell_pool() noexcept;
    void arm_timer() noexcept;
    void break_off(const net::io_result& how) noexcept;

    net::stream& stream_;
    net::event_loop& loop_;
    pool::connection_events events_;
    connection_counts& counts_;
    http2_session session_;
    const bool secure_;
    bool attached_ = false;
    bool more_to_read_ = false;
    std::uint32_t told_capacity_ = 0;
    std::atomic<bool> good_{true};
    bool* destroyed_ = nullptr;  // set when the link dies while it wakes somebody
    std::string out_;            // what is to be sent
    std::size_t out_begin_ = 0;  // what of it was sent
    struct clockwork;
    std::unique_ptr<clockwork> clockwork_;
    recurring_work::pointer turn_end_;
    pong_wait* pong_ = nullptr;
};

/// Awaitable on the link's loop.
class [[nodiscard]] http2_link::wait : private timer {
public:
    wait(http2_link& on, http2_stream& what, time_point deadline, duration silence) noexcept;
    wait(wait&&) = delete;
    ~wait();
    [[nodiscard]] bool await_ready() const noexcept { return stream_.is_over(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept;
    /// False: it is not over, time is.
    [[nodiscard]] bool await_resume() const noexcept { return stream_.is_over(); }

private:
    void expire() noexcept;
    void resume() noexcept;

    http2_link& link_;
    http2_stream& stream_;
    time_point deadline_;
    duration silence_;
    std::coroutine_handle<> waiter_;
    bool waiting_ = false;
};

/// Awaitable on the link's loop.
class [[nodiscard]] http2_link::news : private timer {
public:
    /// Until `deadline` at most, or until nothing was sent or received for `silence`, from now on.
    news(http2_link& on, http2_stream& what, source_reading& source, time_point deadline, duration silence) noexcept;
    news(news&&) = delete;
    ~news() { leave(); }
    [[nodiscard]] bool await_ready() const noexcept { return source_.has_ended(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept;
    /// False: time is over.
    [[nodiscard]] bool await_resume() const noexcept { return !expired_; }

private:
    [[nodiscard]] time_point until() const noexcept;
    void leave() noexcept;
    void expire() noexcept;
    void resume() noexcept;

    http2_link& link_;
    http2_stream& stream_;
    source_reading& source_;
    time_point deadline_;
    time_point begun_;
    duration silence_;
    std::coroutine_handle<> waiter_;
    bool waiting_ = false;
    bool expired_ = false;
};

}  // namespace lido::http

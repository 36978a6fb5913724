// Lido: a non-blocking stream socket on an event loop.
#pragma once

#include "lido/net/event_loop.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace lido::net {

/// A file descriptor that is closed with its owner.
class unique_descriptor {
public:
    unique_descriptor() noexcept = default;
    explicit unique_descriptor(int value) noexcept : value_(value) {}
    unique_descriptor(unique_descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    unique_descriptor& operator=(unique_descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            value_ = std::exchange(other.value_, -1);
        }
        return *this;
    }
    ~unique_descriptor() { reset(); }
    [[nodiscard]] int get() const noexcept { return value_; }
    [[nodiscard]] bool valid() const noexcept { return value_ >= 0; }
    void reset() noexcept;

private:
    int value_ = -1;
};

/// How one attempt to read or write ended.
enum class io_status : std::uint8_t {
    done,        ///< `bytes` were moved (0 only for an empty buffer)
    want_read,   ///< nothing moved; try again when the socket is readable
    want_write,  ///< nothing moved; try again when the socket is writable
    end,         ///< the peer ended its sending in order
    failed,      ///< broken; `error` is the errno (or 0 for a failure above the socket, such as TLS)
};

struct io_result {
    io_status status = io_status::failed;
    std::size_t bytes = 0;
    int error = 0;
};

/// A connected (or connecting) stream socket. Reads and writes go straight to the kernel and never block; who gets
/// `want_read` or `want_write` awaits `readiness`. It belongs to one event loop and may only be used there. One reader
/// and one writer at a time.
class socket final : public event_source {
public:
    /// Takes over a non-blocking descriptor. Throws `std::system_error` when it cannot be watched.
    socket(event_loop& loop, unique_descriptor descriptor);
    socket(socket&&) = delete;
    ~socket();

    [[nodiscard]] io_result send(std::span<const char> data) noexcept;
    [[nodiscard]] io_result receive(std::span<char> space) noexcept;

    /// Waits until the socket is ready for `wanted` (want_read or want_write), or broken, or `deadline` has come;
    /// true unless the deadline came first. Destroying the awaiting coroutine takes the wait back.
    class readiness_awaiter;
    [[nodiscard]] readiness_awaiter readiness(io_status wanted, time_point deadline) noexcept;

    /// True when nothing has arrived and the peer is still there, as far as can be known: the loop's last poll, and a
    /// look into the kernel's buffer when that poll lies behind us.
    [[nodiscard]] bool quiet() noexcept;
    /// Remembers that the socket is idle from this turn on, for `quiet`.
    void mark_idle() noexcept { idle_turn_ = loop_.turn(); }
    /// Makes the next `quiet` look into the kernel's buffer, whatever the last poll has told: a peer that has closed
    /// since then is noticed before something is sent to it that must not be sent twice.
    void distrust_last_poll() noexcept { idle_turn_ = std::numeric_limits<std::uint64_t>::max(); }

    /// Has the loop heard that the peer has ended its sending, or that the connection is broken? Bytes from before may
    /// still be there to be read. Costs nothing.
    [[nodiscard]] bool hung_up() const noexcept { return hung_up_; }

    /// Called, on the loop, when anything happens while nobody waits to read: stray bytes or the peer's end.
    using disturbance = void (*)(void* context) noexcept;
    void on_disturbance(disturbance call, void* context) noexcept {
        disturbance_ = call;
        disturbance_context_ = context;
    }

    /// After a `receive` that did not fill its space: is there more all the same, the peer's end at least? No further
    /// call tells of that.
    [[nodiscard]] bool has_more() const noexcept { return readable_; }
    /// Called, on the loop, with each readiness, in place of `readiness` and `on_disturbance`: for protocols that read
    /// whenever something comes. Null: not any more. Reading goes on until nothing is left, or there is no further
    /// call.
    using observer = void (*)(void* context, bool readable, bool writable) noexcept;
    void observe(observer call, void* context) noexcept {
        observer_ = call;
        observer_context_ = context;
    }

    /// Makes the close abortive (RST instead of FIN), so that no TIME_WAIT is left: for connections that are broken.
    void abort_on_close() noexcept;

    [[nodiscard]] event_loop& loop() const noexcept { return loop_; }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }

private:
    friend class readiness_awaiter;
    void on_events(std::uint32_t events) noexcept override;
    [[nodiscard]] bool nothing_to_read() noexcept;

    event_loop& loop_;
    unique_descriptor descriptor_;
    bool readable_ = false;
    bool writable_ = true;
    bool hung_up_ = false;
    readiness_awaiter* reader_ = nullptr;
    readiness_awaiter* writer_ = nullptr;
    std::uint64_t idle_turn_ = 0;
    bool* destroyed_ = nullptr;  // set when the socket dies inside on_events
    disturbance disturbance_ = nullptr;
    void* disturbance_context_ = nullptr;
    observer observer_ = nullptr;
    void* observer_context_ = nullptr;
};

class [[nodiscard]] socket::readiness_awaiter : private timer {
public:
    readiness_awaiter(socket& owner, io_status wanted, time_point deadline) noexcept
        : timer([](timer& self) noexcept { static_cast<readiness_awaiter&>(self).expire(); }),
          socket_(owner),
          place_(wanted == io_status::want_write ? owner.writer_ : owner.reader_),
          ready_(wanted == io_status::want_write ? owner.writable_ : owner.readable_),
          deadline_(deadline) {}
    readiness_awaiter(readiness_awaiter&&) = delete;
    ~readiness_awaiter() {
        if (waiting_) leave();
    }

    [[nodiscard]] bool await_ready() const noexcept { return ready_; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        LIDO_ASSERT(place_ == nullptr);
        waiter_ = waiter;
        place_ = this;
        waiting_ = true;
        socket_.loop_.arm(*this, deadline_);
    }
    /// False: the deadline came first.
    [[nodiscard]] bool await_resume() const noexcept { return !expired_; }

private:
    friend class socket;
    void leave() noexcept {
        waiting_ = false;
        place_ = nullptr;
        socket_.loop_.disarm(*this);
    }
    void resume() noexcept {
        leave();
        waiter_.resume();
    }
    void expire() noexcept {
        expired_ = true;
        resume();
    }

    socket& socket_;
    readiness_awaiter*& place_;
    bool ready_;
    bool waiting_ = false;
    bool expired_ = false;
    time_point deadline_;
    std::coroutine_handle<> waiter_;
};

inline socket::readiness_awaiter socket::readiness(io_status wanted, time_point deadline) noexcept {
    return {*this, wanted, deadline};
}

}  // namespace lido::net

#include "http/http2_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lido::http {
namespace {

/// Larger than what servers send at once, and one per thread: bytes are handed to the session before anything else
/// runs.
constexpr std::size_t scratch_size = 64 * 1024;
/// What is made for one send. A socket that takes less is the peer's brake: no more is made until it has taken it.
constexpr std::size_t send_size = 64 * 1024;
/// Reads of one connection in one turn of the loop; the others want theirs too.
constexpr int reads_per_turn = 16;
/// With so many streams, answers have come while those before them were handed out: they are taken in before anything
/// is sent, so that one send carries what both brought about. With fewer it would mostly be a look in vain.
constexpr std::size_t streams_worth_another_look = 16;

std::span<char> scratch_space() noexcept {
    static thread_local std::array<char, scratch_size> space;
    return space;
}

}  // namespace

/// The link's timer.
struct http2_link::clockwork : timer {
    explicit clockwork(http2_link& of) noexcept
        : timer([](timer& self) noexcept { static_cast<clockwork&>(self).link.on_time(); }), link(of) {}
    http2_link& link;
    time_point armed_for = never;
};

/// Waits for the answer to a PING, or that there will be none.
class http2_link::pong_wait : private timer {
public:
    pong_wait(http2_link& on, time_point deadline) noexcept
        : timer([](timer& self) noexcept { static_cast<pong_wait&>(self).resume(); }), link_(on), deadline_(deadline) {}
    pong_wait(pong_wait&&) = delete;
    ~pong_wait() { leave(); }
    [[nodiscard]] bool is_over() const noexcept { return !link_.session_.is_waiting_for_pong(); }
    [[nodiscard]] bool await_ready() const noexcept { return is_over(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        waiter_ = waiter;
        link_.pong_ = this;
        link_.loop_.arm(*this, deadline_);
    }
    void await_resume() const noexcept {}
    void resume() noexcept {
        leave();
        waiter_.resume();
    }

private:
    void leave() noexcept {
        if (link_.pong_ != this) return;
        link_.pong_ = nullptr;
        link_.loop_.disarm(*this);
    }
    http2_link& link_;
    time_point deadline_;
    std::coroutine_handle<> waiter_;
};

http2_link::http2_link(net::stream& below, const http2_settings& settings, const http_limits& limits,
                       pool::connection_events events, connection_counts& counts)
    : stream_(below),
      loop_(below.loop()),
      events_(events),
      counts_(counts),
      session_(settings, limits, below.loop().now()),
      secure_(below.is_tls()),
      clockwork_(std::make_unique<clockwork>(*this)),
      turn_end_(recurring_work::make(
          loop_, [](void* self) noexcept { static_cast<http2_link*>(self)->on_turn_end(); }, this)) {}

http2_link::~http2_link() {
    if (destroyed_ != nullptr) *destroyed_ = true;
    if (attached_) stream_.observe(nullptr, nullptr);
    loop_.disarm(*clockwork_);
}

// ---------------------------------------------------------------------------------------------- greeting

task<result<void>> http2_link::greet(time_point deadline) {
    net::io_status wanted = net::io_status::want_read;
    const std::span<char> space = scratch_space();
    while (session_.current() == http2_session::state::greeting) {
        flush();
        if (session_.current() == http2_session::state::failed) break;
        const net::io_result got = stream_.read_some(space);
        if (got.status == net::io_status::done) {
            session_.feed({space.data(), got.bytes}, loop_.now());
            continue;
        }
        if (got.status != net::io_status::want_read && got.status != net::io_status::want_write) {
            break_off(got);
            break;
        }
        wanted = out_begin_ < out_.size() ? net::io_status::want_write : got.status;
        const bool ready = co_await stream_.readiness(wanted, deadline);
        if (!ready) {
            co_return error(errc::connect_timeout, "the server did not say its HTTP/2 SETTINGS in time",
                            "check that the server speaks HTTP/2 on this port");
        }
    }
    if (session_.current() == http2_session::state::failed) {
        co_return error(errc::connect_failed, fmt::format("HTTP/2 greeting: {}", session_.failure().what()),
                        "check that the server speaks HTTP/2 on this port");
    }
    attached_ = true;
    stream_.observe([](void* self, bool, bool) noexcept { static_cast<http2_link*>(self)->on_ready(); }, this);
    told_capacity_ = session_.capacity();
    counts_.note(0, told_capacity_);
    more_to_read_ = true;  // what has come meanwhile makes no further event
    flush_soon();
    co_return result<void>();
}

// ---------------------------------------------------------------------------------------------- reading and writing

void http2_link::on_ready() noexcept {
    more_to_read_ = !read();
    // What this makes others send goes along with what they have to send anyway.
    flush_soon();
    static_cast<void>(settle());
}

void http2_link::on_turn_end() noexcept {
    if (more_to_read_ || session_.running() >= streams_worth_another_look) {
        more_to_read_ = !read();
        if (!settle()) return;
    }
    flush();
    if (!settle()) return;
    arm_timer();
}

/// Takes in what has come; true when that is all.
bool http2_link::read() noexcept {
    const std::span<char> space = scratch_space();
    for (int i = 0; i < reads_per_turn; ++i) {
        const net::io_result got = stream_.read_some(space);
        switch (got.status) {
            case net::io_status::done:
                session_.feed({space.data(), got.bytes}, loop_.now());
                // A short read has emptied the socket; TLS may hold more that is decrypted already.
                if (got.bytes < space.size() && !secure_ && !stream_.has_more()) return true;
                break;
            case net::io_status::want_read:
            case net::io_status::want_write:
                return true;
            case net::io_status::end:
            case net::io_status::failed:
                break_off(got);
                return true;
        }
    }
    flush_soon();
    return false;
}

void http2_link::break_off(const net::io_result& how) noexcept {
    session_.end(how.status == net::io_status::end ? error(errc::connection_closed, "the server closed the connection")
                                                   : stream_.failure(how));
}

/// Sends what there is to be sent, as far as the socket takes it now.
void http2_link::flush() noexcept {
    while (true) {
        if (out_begin_ == out_.size()) {
            out_.clear();
            out_begin_ = 0;
            session_.pull(out_, send_size, loop_.now());
            if (out_.empty()) return;
        }
        const net::io_result sent = stream_.write_some(std::span<const char>(out_).subspan(out_begin_));
        if (sent.status == net::io_status::done) {
            out_begin_ += sent.bytes;
            session_.note_sent(sent.bytes);
            continue;
        }
        if (sent.status == net::io_status::want_read || sent.status == net::io_status::want_write) return;
        return break_off(sent);
    }
}

void http2_link::flush_soon() noexcept {
    turn_end_->post();
}

/// Tells the pool what has changed, and wakes those whose streams are over. False: this is gone.
bool http2_link::settle() noexcept {
    if (!attached_) return true;
    bool destroyed = false;
    bool* const outer = std::exchange(destroyed_, &destroyed);
    tell_pool();
    while (!destroyed) {
        http2_stream* const next = session_.next_ready();
        if (next == nullptr) break;
        next->wake();
    }
    if (!destroyed && pong_ != nullptr && pong_->is_over()) pong_->resume();
    if (destroyed) {
        if (outer != nullptr) *outer = true;
        return false;
    }
    destroyed_ = outer;
    return true;
}

/// Before anybody is woken, so that nobody is lent what is no good any more.
void http2_link::tell_pool() noexcept {
    const std::uint32_t capacity = session_.capacity();
    counts_.note(static_cast<std::uint32_t>(session_.running()), capacity);
    if (told_capacity_ == 0) return;
    if (capacity == told_capacity_) return;
    told_capacity_ = capacity;
    if (session_.current() == http2_session::state::failed) {
        good_.store(false, std::memory_order_relaxed);
        events_.lost();
    } else {
        events_.capacity_changed(capacity);
    }
}

// ---------------------------------------------------------------------------------------------- requests

result<void> http2_link::start(http2_stream& stream, const request& what, const request_target_context& context) {
    result<void> started = session_.start(stream, what, context, secure_);
    if (!started) return started;
    counts_.begun(static_cast<std::uint32_t>(session_.running()));
    flush_soon();
    return started;
}

http2_link::wait::wait(http2_link& on, http2_stream& what, time_point deadline, duration silence) noexcept
    : timer([](timer& self) noexcept { static_cast<wait&>(self).expire(); }),
      link_(on),
      stream_(what),
      deadline_(deadline),
      silence_(silence) {}

http2_link::wait::~wait() {
    if (!waiting_) return;
    link_.loop_.disarm(*this);
    link_.flush_soon();  // the stream is about to be given up
}

void http2_link::wait::await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    waiting_ = true;
    stream_.on_ready([](void* self) noexcept { static_cast<wait*>(self)->resume(); }, this);
    link_.loop_.arm(*this, std::min(deadline_, deadline_after(stream_.progress_at(), silence_)));
}

/// The timer is not moved by what comes: it looks when it is due.
void http2_link::wait::expire() noexcept {
    const time_point until = std::min(deadline_, deadline_after(stream_.progress_at(), silence_));
    if (until > link_.loop_.now()) return link_.loop_.arm(*this, until);
    link_.flush_soon();  // whoever gives up now is heard of at the end of the turn
    resume();
}

void http2_link::wait::resume() noexcept {
    waiting_ = false;
    link_.loop_.disarm(*this);
    waiter_.resume();
}

http2_link::news::news(http2_link& on, http2_stream& what, source_reading& source, time_point deadline,
                       duration silence) noexcept
    : timer([](timer& self) noexcept { static_cast<news&>(self).expire(); }),
      link_(on),
      stream_(what),
      source_(source),
      deadline_(deadline),
      begun_(on.loop_.now()),
      silence_(silence) {}

time_point http2_link::news::until() const noexcept {
    return std::min(deadline_, deadline_after(std::max(begun_, stream_.progress_at()), silence_));
}

void http2_link::news::await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    waiting_ = true;
    stream_.on_ready([](void* self) noexcept { static_cast<news*>(self)->resume(); }, this);
    source_.set_waiter(waiter);
    link_.loop_.arm(*this, until());
}

void http2_link::news::leave() noexcept {
    if (!std::exchange(waiting_, false)) return;
    link_.loop_.disarm(*this);
    stream_.on_ready(nullptr, nullptr);
    source_.set_waiter(nullptr);
}

/// As with `wait`, the timer is not moved by what comes.
void http2_link::news::expire() noexcept {
    if (const time_point later = until(); later > link_.loop_.now()) return link_.loop_.arm(*this, later);
    expired_ = true;
    resume();
}

void http2_link::news::resume() noexcept {
    leave();
    waiter_.resume();
}

// ---------------------------------------------------------------------------------------------- signs of life

task<result<void>> http2_link::probe(time_point deadline) {
    session_.ping(loop_.now());
    flush_soon();
    co_await pong_wait(*this, deadline);
    if (session_.is_waiting_for_pong() || session_.capacity() == 0) {
        co_return error(errc::check_failed, "idle HTTP/2 connection: no answer to a PING, or the server is ending it");
    }
    co_return result<void>();
}

void http2_link::on_time() noexcept {
    clockwork_->armed_for = never;
    session_.on_time(loop_.now());
    flush_soon();
    static_cast<void>(settle());
}

/// The timer may stand too early, never too late.
void http2_link::arm_timer() noexcept {
    const time_point next = session_.next_wake();
    if (next >= clockwork_->armed_for) return;
    clockwork_->armed_for = next;
    loop_.arm(*clockwork_, next);
}

void http2_link::say_goodbye() noexcept {
    session_.say_goodbye();
    flush();
    if (std::exchange(attached_, false)) stream_.observe(nullptr, nullptr);
    told_capacity_ = 0;
}

}  // namespace lido::http

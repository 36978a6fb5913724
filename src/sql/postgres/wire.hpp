// Lido: libpq on an event loop.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/task.hpp"
#include "lido/net/event_loop.hpp"
#include "lido/sql/postgres/session.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/session.hpp"
#include "sql/postgres/server_error.hpp"
#include "sql/postgres/statement_cache.hpp"
#include "sql/postgres/text_parameters.hpp"

#include <libpq-fe.h>

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::postgres {

class wire;  // NOLINT(cppcoreguidelines-virtual-class-destructor): it is final
class connect_parameters;

/// What is to come of one statement, up to its Sync; it lives with the coroutine that waits for it. Destroyed before
/// the end, its answer is read and dropped when it comes.
class reply {
public:
    explicit reply(wire& from) noexcept : from_(from) {}
    reply(reply&&) = delete;
    ~reply();

    sql::rows into;
    /// The server's refusal.
    std::optional<server_error> refused;
    /// What was wrong beside it: the connection broke, the result is too large.
    std::optional<error> failed;
    /// Rows come one by one, and stop when a batch is full.
    bool one_by_one = false;
    /// The Sync's answer is there, or the connection is broken: nothing more will come.
    bool done = false;
    /// One by one: enough rows for now.
    bool batch_is_full = false;

private:
    friend class wire;
    wire& from_;
    std::coroutine_handle<> waiter_;
    bool expected_ = false;  // the wire knows of it
    bool executed_ = false;  // the server has said what the statement did, but not that it lasts
};

/// A bound for what is read.
struct wire_limits {
    std::size_t result_bytes = 0;
    std::size_t batch_rows = 0;
    std::size_t batch_bytes = 0;
};

/// A connection in libpq's pipeline mode: statements go out, each with its Sync, and their answers come back in the
/// same order to the `reply` that each belongs to. It watches libpq's descriptor itself, reads all there is at each
/// event and resumes those who wait afterwards. Belongs to its loop; `state` may be read on any thread.
class wire final : public net::event_source {
public:
    /// A statement that the server refuses to prepare is forgotten in `statements`, which must outlive it.
    wire(net::event_loop& loop, const wire_limits& limits, statement_cache& statements);
    wire(wire&&) = delete;
    ~wire();

    /// Connects, once. Errors: `sql::errc` by SQLSTATE, `connect_failed`, `connect_timeout`, `tls_failed`.
    [[nodiscard]] task<result<void>> connect(const connect_parameters& with, time_point deadline);

    /// How a statement is sent.
    enum class preparation : std::uint8_t {
        none,   ///< as a nameless statement
        first,  ///< prepared under the name, then executed
        there,  ///< the server knows the name
    };
    /// Sends a statement and its Sync; `answer` is what comes of it. The texts end with a zero byte. Error:
    /// `connection_closed`, and then nothing was sent.
    [[nodiscard]] result<void> send(reply& answer, const char* text, const std::string& name, preparation how,
                                    const text_parameters& with);
    /// Sends a Sync alone: its answer is the last of all that is outstanding.
    [[nodiscard]] result<void> send_sync(reply& answer);

    /// Sends a statement of Lido's own whose answer does not matter.
    void send_aside(const char* text);

    /// Waits until `answer` is done or has a full batch; false: `deadline` came first.
    class waiting;
    [[nodiscard]] waiting wait(reply& answer, time_point deadline) noexcept;
    /// A batch was taken: goes on with reading.
    void resume_reading(reply& answer);
    /// Nobody waits for it any more.
    void give_up(reply& answer) noexcept;

    [[nodiscard]] sql::session_state state() const noexcept { return state_.load(std::memory_order_acquire); }
    [[nodiscard]] bool broken() const noexcept { return broken_.has_value(); }
    [[nodiscard]] std::size_t outstanding() const noexcept { return expected_.size(); }
    [[nodiscard]] bool anybody_waits() const noexcept;
    /// When the statement whose answer is next became the next; meaningless while nothing is outstanding.
    [[nodiscard]] time_point head_since() const noexcept { return head_since_; }
    /// What NOTIFY has sent since the last call.
    [[nodiscard]] std::vector<notification> take_notifications() noexcept { return std::exchange(notifications_, {}); }

    // COPY, with nothing outstanding. Whatever fails in between breaks the connection off.

    /// Leaves the pipeline and sends a COPY; its kind must be `wanted` (PGRES_COPY_IN or PGRES_COPY_OUT).
    [[nodiscard]] task<result<void>> begin_copy(const char* text, ExecStatusType wanted, time_point deadline);
    [[nodiscard]] task<result<void>> put_copy(std::string_view data, time_point deadline);
    /// The next rows as they came, about 64 KiB at once; an empty text is the end.
    [[nodiscard]] task<result<std::string>> take_copy(time_point deadline);
    /// After the last `put_copy`, or the empty text: the number of rows. The pipeline begins anew.
    [[nodiscard]] task<result<std::uint64_t>> end_copy(bool put, time_point deadline);

    /// Nothing more works on it; those who wait are told in the loop's next turn.
    void break_off(const error& why);

    /// Called, on the loop, when something came that no statement asked for: notifications, changed parameters, or the
    /// end of the connection. May destroy this object.
    using signal = void (*)(void* context) noexcept;
    void on_unasked(signal call, void* context) noexcept {
        unasked_ = call;
        unasked_context_ = context;
    }

    [[nodiscard]] PGconn* connection() const noexcept { return connection_; }
    [[nodiscard]] net::event_loop& loop() const noexcept { return loop_; }

private:
    friend class waiting;
    class readiness;
    /// One Sync whose answer is to come.
    struct expected {
        reply* taker = nullptr;  // null: given up
        std::string preparing;   // the name whose Parse is the first command; empty: there is none
        bool one_by_one = false;
    };
    struct later;

    void on_events(std::uint32_t events) noexcept override;
    [[nodiscard]] error connect_failure() const;
    [[nodiscard]] result<void> watch_descriptor();
    [[nodiscard]] result<void> not_sent() const;
    [[nodiscard]] result<void> push(reply* answer, std::string preparing);
    void flush() noexcept;
    void pump() noexcept;
    void take_results();
    void take(PGresult* got, expected& head);
    void take_rows(const PGresult* got, reply& to);
    void take_unasked();
    [[nodiscard]] task<result<void>> await_copy(bool to_write, time_point deadline);
    [[nodiscard]] task<result<PGresult*>> copy_result(time_point deadline);
    [[nodiscard]] error copy_failed(const PGresult* got);
    void take_failure(const PGresult* got, expected& head);
    void next_command(expected& head);
    void end_head();
    [[nodiscard]] bool more_to_read() noexcept;
    void count_unread(std::size_t bytes);
    void fail_all(const error& why);
    void finish(reply& which);
    void note_state() noexcept;
    void go_on_later();
    void settle_events(bool unasked) noexcept;
    static void take_notice(void* self, const PGresult* what) noexcept;

    net::event_loop& loop_;
    wire_limits limits_;
    statement_cache& statements_;
    PGconn* connection_ = nullptr;
    bool connecting_ = true;  // or in a COPY: events only wake whoever waits
    bool hung_up_ = false;
    bool want_write_ = false;
    bool paused_ = false;
    bool goes_on_later_ = false;  // work for that is posted
    bool copy_ended_ = false;
    bool chatter_ = false;       // notices or notifications came with what was read last
    std::size_t read_size_ = 0;  // bounds what the results of the last read took
    std::size_t received_ = 0;   // of the answer that is next, roughly
    readiness* connecter_ = nullptr;
    std::deque<expected> expected_;
    std::vector<reply*> ready_;
    std::vector<notification> notifications_;
    std::optional<error> broken_;
    std::optional<server_error> last_words_;
    time_point head_since_{};
    std::atomic<sql::session_state> state_{sql::session_state::busy};
    bool* destroyed_ = nullptr;
    std::shared_ptr<wire*> self_ = std::make_shared<wire*>(this);
    signal unasked_ = nullptr;
    void* unasked_context_ = nullptr;
};

class [[nodiscard]] wire::waiting : private timer {
public:
    waiting(wire& of, reply& answer, time_point deadline) noexcept
        : timer([](timer& self) noexcept { static_cast<waiting&>(self).expire(); }),
          wire_(of),
          answer_(answer),
          deadline_(deadline) {}
    waiting(waiting&&) = delete;
    ~waiting() { leave(); }

    [[nodiscard]] bool await_ready() const noexcept { return answer_.done || answer_.batch_is_full; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        answer_.waiter_ = waiter;
        armed_ = true;
        wire_.loop_.arm(*this, deadline_);
    }
    [[nodiscard]] bool await_resume() noexcept {
        leave();
        return answer_.done || answer_.batch_is_full;
    }

private:
    void leave() noexcept {
        answer_.waiter_ = nullptr;
        if (std::exchange(armed_, false)) wire_.loop_.disarm(*this);
    }
    void expire() noexcept {
        armed_ = false;
        std::exchange(answer_.waiter_, nullptr).resume();
    }

    wire& wire_;
    reply& answer_;
    time_point deadline_;
    bool armed_ = false;
};

inline wire::waiting wire::wait(reply& answer, time_point deadline) noexcept {
    return {*this, answer, deadline};
}

}  // namespace lido::postgres

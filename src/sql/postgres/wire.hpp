// Lido: a connection to PostgreSQL on an event loop.
#pragma once

#include "lido/base/recurring_work.hpp"
#include "lido/base/result.hpp"
#include "lido/base/task.hpp"
#include "lido/net/event_loop.hpp"
#include "lido/sql/postgres/session.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/session.hpp"
#include "sql/awaited_answer.hpp"
#include "sql/channel.hpp"
#include "sql/postgres/answer_order.hpp"
#include "sql/postgres/message_body.hpp"
#include "sql/postgres/message_reader.hpp"
#include "sql/postgres/message_writer.hpp"
#include "sql/postgres/server_error.hpp"
#include "sql/postgres/statement_cache.hpp"
#include "sql/postgres/text_parameters.hpp"

#include <libpq-fe.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
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
class reply : public sql::awaited_answer {
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

private:
    friend class wire;
    wire& from_;
    bool expected_ = false;  // the wire knows of it
    bool is_ready_ = false;  // its waiter is about to be told
    bool executed_ = false;  // the server has said what the statement did, but not that it lasts
};

/// A bound for what is read.
struct wire_limits {
    std::size_t result_bytes = 0;
    std::size_t batch_rows = 0;
    std::size_t batch_bytes = 0;
};

/// When what is sent goes out.
enum class sending : std::uint8_t {
    at_once,
    together,  ///< at the end of a turn of the loop, and not before the server is about to need it
};

/// A connection in PostgreSQL's extended protocol: statements go out, each with its Sync, and their answers come back
/// in the same order to the `reply` that each belongs to. libpq logs in; after that all that is sent and read on its
/// socket is Lido's own. It watches the socket itself, reads all there is at each event and resumes those who wait
/// afterwards. Belongs to its loop; `state` may be read on any thread.
class wire final : public net::event_source {
public:
    /// What the server says of statements is noted in `statements`, which must outlive it.
    wire(net::event_loop& loop, const wire_limits& limits, sending when, statement_cache& statements);
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
    struct statement {
        preparation how = preparation::none;
        std::string_view text;  ///< unless it is there; without a zero byte, and no larger than a message may be
        std::string_view name;
        std::shared_ptr<const row_shape> shape;  ///< of its results; null: the server is asked for it
    };
    /// Sends a statement and its Sync; `answer` is what comes of it. Error: `connection_closed`, and then nothing was
    /// sent.
    [[nodiscard]] result<void> send(reply& answer, const statement& what, const text_parameters& with);
    /// The same without a Sync: it goes out with a Sync that must follow at once. A statement that fails ends all that
    /// come before that Sync; their answers are empty.
    [[nodiscard]] result<void> send_part(reply& answer, const statement& what, const text_parameters& with);
    /// Sends a Sync alone: its answer is the last of all that is outstanding. `ends_parts`: it makes parts last.
    [[nodiscard]] result<void> send_sync(reply& answer, bool ends_parts = false);

    /// The server drops a prepared statement; this goes out together with what is sent next. Unlike DEALLOCATE it takes
    /// no snapshot in a transaction that is open, and cannot fail it.
    void send_close(std::string_view name);

    /// Waits until `answer` is done or has a full batch; false: `deadline` came first.
    [[nodiscard]] sql::answer_wait wait(reply& answer, time_point deadline) noexcept {
        return {loop_, answer, deadline};
    }
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
    /// Has the session begun to listen, by LISTEN in whatever place, or heard something? Any thread.
    [[nodiscard]] bool is_listening() const noexcept { return listening_.load(std::memory_order_acquire); }
    /// It was made to listen no more: drops what was heard until then.
    void forget_listening() noexcept {
        static_cast<void>(take_notifications());
        listening_.store(false, std::memory_order_release);
    }
    /// What NOTIFY has sent since the last call.
    [[nodiscard]] std::vector<notification> take_notifications() noexcept;
    /// The last value of a parameter that the server reports; nothing when it does not.
    [[nodiscard]] std::optional<std::string_view> parameter(const std::string& name) const;

    // COPY, with nothing outstanding. Whatever fails in between breaks the connection off.

    enum class copy_direction : std::uint8_t { in, out };
    [[nodiscard]] task<result<void>> begin_copy(std::string_view text, copy_direction wanted, time_point deadline);
    [[nodiscard]] task<result<void>> put_copy(std::string_view data, time_point deadline);
    /// The next rows as they came, about 64 KiB at once; an empty text is the end.
    [[nodiscard]] task<result<std::string>> take_copy(time_point deadline);
    /// After the last `put_copy`, or the empty text: the number of rows.
    [[nodiscard]] task<result<std::uint64_t>> end_copy(copy_direction how, time_point deadline);

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
    class readiness;
    /// What the connection is at.
    enum class phase : std::uint8_t {
        connecting,  ///< libpq has the socket
        working,     ///< messages are taken as they come
        copying,     ///< messages are taken when they are asked for
    };
    /// One Sync whose answer is to come, or a statement before it.
    struct expected {
        reply* taker = nullptr;  // null: given up
        answer_order order;
        std::string name;                        // of a statement that is to be described
        std::shared_ptr<const row_shape> shape;  // as soon as it is known
    };

    // connecting
    void on_events(std::uint32_t events) noexcept override;
    [[nodiscard]] error connect_failure() const;
    [[nodiscard]] result<void> watch_descriptor();
    [[nodiscard]] result<void> take_over();
    static void take_notice(void* self, const PGresult* what) noexcept;

    // sending
    [[nodiscard]] result<void> not_sent() const;
    [[nodiscard]] result<void> may_send();
    [[nodiscard]] result<void> write(reply* answer, const statement& what, const text_parameters& with, bool sync);
    void expect(reply* answer, const sent_messages& sent, const statement& what);
    void send_out();
    /// Is the server busy for long enough that more can be put to what waits to be sent?
    [[nodiscard]] bool can_hold_back() const noexcept;
    void flush() noexcept;
    void wait_to_write(bool wanted) noexcept;

    // reading
    void pump() noexcept;
    void take_messages();
    /// One of those that may come at any time.
    void take_aside(const message& came);
    void take_parameter(const message& came);
    void take_notification(const message& came);
    void take_unexpected(const message& came);
    void take_answer(const message& came);
    void take_columns(std::shared_ptr<const row_shape> shape, expected& head);
    void take_row(const message& came, expected& head);
    void take_completion(const message& came, expected& head);
    void take_refusal(const message& came, expected& head);
    /// What becomes of a statement whose connection ends with a refusal; nothing: it was refused.
    [[nodiscard]] static std::optional<error> end_of(const server_error& said, bool executed);
    void take_ready(const message& came);
    void end_head();
    void skip_parts();
    void drop_too_large(expected& head);
    void out_of_step(const char* what);
    [[nodiscard]] error too_large() const;

    // COPY
    [[nodiscard]] task<result<void>> await_copy(time_point deadline);
    /// What has come; nothing: it is to be waited for.
    [[nodiscard]] result<std::optional<message>> poll_copy();
    [[nodiscard]] task<result<message>> copy_message(time_point deadline);
    [[nodiscard]] task<result<void>> send_copy(time_point deadline);
    [[nodiscard]] result<void> hear_refusal();
    [[nodiscard]] error copy_failed(const message& came);
    [[nodiscard]] error copy_end_failed(const message& came, bool completed);

    void fail_all(const error& why);
    void finish(reply& which);
    void make_ready(reply& which);
    void note_state() noexcept;
    void call_later();
    void go_on_later();
    void run_later() noexcept;
    void settle_events() noexcept;

    net::event_loop& loop_;
    wire_limits limits_;
    sending when_;
    statement_cache& statements_;
    PGconn* connection_ = nullptr;
    sql::channel channel_;
    message_reader reader_;
    phase phase_ = phase::connecting;
    bool in_step_ = false;  // an answer has come to its end: libpq had read nothing of what follows the login
    bool hung_up_ = false;
    bool want_write_ = false;
    bool paused_ = false;
    bool goes_on_later_ = false;  // with reading
    bool copy_ended_ = false;
    bool heard_ = false;        // something that nobody asked for
    std::size_t received_ = 0;  // of the answers up to the next Sync, where somebody waits for them
    std::size_t dropped_ = 0;   // where nobody does
    std::size_t stored_ = 0;    // of those that were completed
    std::string out_;           // what was sent, from `out_begin_` on not yet by the system
    std::size_t out_begin_ = 0;
    std::size_t unsent_ = 0;  // how many of those expected are in it, the last ones, and nothing of them has gone out
    readiness* connecter_ = nullptr;
    std::deque<expected> expected_;
    std::vector<reply*> ready_;
    std::atomic<bool> listening_{false};
    std::vector<notification> notifications_;
    std::size_t notified_bytes_ = 0;
    std::map<std::string, std::string, std::less<>> changed_parameters_;
    std::optional<error> broken_;
    std::optional<server_error> last_words_;
    sql::session_state between_ = sql::session_state::idle;  // what the server said last
    time_point head_since_{};
    std::atomic<sql::session_state> state_{sql::session_state::busy};
    bool* destroyed_ = nullptr;
    recurring_work::pointer later_;
    signal unasked_ = nullptr;
    void* unasked_context_ = nullptr;
};

}  // namespace lido::postgres

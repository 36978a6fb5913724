#include "lido/sql/postgres/session.hpp"

#include "sql/postgres/connect_parameters.hpp"
#include "sql/postgres/session_implementation.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace lido::postgres {
namespace {

using namespace std::chrono_literals;

/// For a cancel request; one that takes longer costs the connection.
constexpr duration cancel_timeout = 10s;

bool begins_read_only(std::string_view text) noexcept {
    return text.starts_with("BEGIN") && text.find("READ ONLY") != std::string_view::npos;
}

error still_runs() {
    return {lido::errc::timeout, "nothing was sent: a statement that was given up before has not ended",
            "raise statement_timeout, or use another connection"};
}

}  // namespace

session::implementation::implementation(net::event_loop& loop, const session_options& options,
                                        std::shared_ptr<cancel_lane> cancels, pool::connection_events events)
    : timer([](timer& self) noexcept { static_cast<implementation&>(self).look_at_head(); }),
      options_(options),
      cancels_(std::move(cancels)),
      events_(events),
      statements_(options.statement_cache),
      // A single borrower has nothing else to say: the server can begin at once.
      wire_(loop, options.limits, options.pipelined ? sending::together : sending::at_once, statements_) {}

session::implementation::~implementation() {
    if (watching_) wire_.loop().disarm(*this);
}

task<result<void>> session::implementation::connect(const connect_parameters& with, time_point deadline) {
    result<void> connected = co_await wire_.connect(with, deadline);
    if (!connected) co_return std::move(connected).error();
    wire_.on_unasked(&implementation::unasked, this);
    result<void> ready = co_await set_up(deadline);
    if (!ready) co_return std::move(ready).error();
    result<void> known = co_await find_role(deadline);
    co_return std::move(known);
}

task<result<void>> session::implementation::set_up(time_point deadline) {
    const std::optional<std::string_view> style = wire_.parameter("DateStyle");
    if (style && style->starts_with("ISO")) co_return result<void>();
    result<sql::rows> done = co_await command("SET DateStyle TO ISO", deadline);
    if (!done) co_return std::move(done).error();
    co_return result<void>();
}

task<result<void>> session::implementation::find_role(time_point deadline) {
    if (wire_.parameter("in_hot_standby")) {
        note_role();
        co_return result<void>();
    }
    if (options_.role == server_role::any) co_return result<void>();
    // PostgreSQL before 14, and proxies.
    result<sql::rows> told = co_await command("SELECT pg_is_in_recovery()", deadline);
    if (!told) co_return std::move(told).error();
    if (told->empty()) co_return error(lido::errc::protocol_error, "pg_is_in_recovery() brought no row");
    result<bool> in_recovery = (*told)[0][0].as<bool>();
    if (!in_recovery) co_return std::move(in_recovery).error();
    is_replica_ = *in_recovery;
    co_return result<void>();
}

void session::implementation::note_role() noexcept {
    const std::optional<std::string_view> standby = wire_.parameter("in_hot_standby");
    if (standby) is_replica_ = *standby == "on";
}

bool session::implementation::is_read_only_by_default() const noexcept {
    return wire_.parameter("default_transaction_read_only") == "on";
}

void session::implementation::unasked(void* self) noexcept {
    auto& mine = *static_cast<implementation*>(self);
    const std::coroutine_handle<> listener = std::exchange(mine.listener_, nullptr);
    // The pool may destroy a connection that is lost, unless it is lent.
    if (mine.wire_.broken()) {
        mine.events_.lost();
    } else {
        mine.follow_role();
    }
    if (listener) listener.resume();
}

/// A replica that was promoted is none any more; it says so with its next answer.
void session::implementation::follow_role() noexcept {
    if (options_.role == server_role::any) return;
    note_role();
    if (is_replica_ != (options_.role == server_role::replica)) events_.lost();
}

// ---- statements -----------------------------------------------------------------------------------------------------

void session::implementation::close_dropped() {
    if (!statements_.has_dropped()) return;
    for (const std::string& each : statements_.take_dropped()) wire_.send_close(each);
}

result<void> session::implementation::check_text(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) {
        return error(lido::errc::invalid_argument, "the statement has a zero byte", "bind values as parameters");
    }
    if (text.size() > most_message_bytes) {
        return error(lido::errc::limit_exceeded, "the statement is larger than PostgreSQL takes",
                     "send less than 1 GiB at once");
    }
    return {};
}

/// A statement as it is to be sent; it is prepared from now on. What is in the cache has been found to be in order.
result<void> session::implementation::prepare(std::string_view text, wire::statement& made) {
    made.text = text;
    const prepared_statement* known = options_.statement_cache == 0 ? nullptr : statements_.find(text);
    if (known != nullptr) {
        made.how = wire::preparation::there;
    } else {
        if (auto fits = check_text(text); !fits) return fits;
        if (options_.statement_cache == 0) return {};
        known = &statements_.add(text);
        made.how = wire::preparation::first;
    }
    made.name = known->name;
    made.shape = known->shape;
    return {};
}

result<void> session::implementation::send(reply& answer, const sql::statement& what, const sql::parameters& with,
                                           std::string& name) {
    if (auto filled = bound_.fill(with); !filled) return filled;
    wire::statement prepared;
    if (auto ready = prepare(what.text(), prepared); !ready) return ready;
    close_dropped();
    auto sent = wire_.send(answer, prepared, bound_);
    bound_.give_back();
    name = prepared.name;
    return sent;
}

/// Outside of a transaction only: inside of one it has failed, whatever is done now.
bool session::implementation::may_prepare_anew(const reply& answer) const noexcept {
    if (!answer.refused) return false;
    // A cancel that was meant for the statement before it: this one was rolled back, as if it had never been.
    if (options_.pipelined && answer.refused->state == "57014") return cancel_is_on_its_way();
    if (options_.statement_cache == 0 || !answer.refused->plan_is_stale) return false;
    return options_.pipelined || wire_.state() == sql::session_state::idle;
}

/// By the name that was sent: the text may have been prepared anew meanwhile, for another of many.
void session::implementation::forget_stale(std::string_view name, std::string_view state) {
    // 26000: the server does not have it.
    if (state == "26000") {
        statements_.forget(name);
    } else {
        statements_.drop(name);
    }
}

error session::implementation::failure_of(reply& answer) const {
    if (answer.failed) return std::move(*answer.failed);
    return to_error(*answer.refused);
}

error session::implementation::out_of_time() {
    if (!options_.pipelined) begin_cancel();
    return {lido::errc::timeout, "PostgreSQL did not answer the statement in time",
            "raise statement_timeout, or make the statement faster"};
}

void session::implementation::begin_cancel() {
    if (!options_.cancel_abandoned || cancelling_ != nullptr) return;
    if (wire_.broken() || wire_.outstanding() == 0) return;
    cancelled_head_ = wire_.head_since();
    cancel_on_its_way_.store(true, std::memory_order_release);
    const time_point deadline = deadline_after(wire_.loop().now(), cancel_timeout);
    cancelling_ = std::make_unique<cancel_request>(wire_.connection(), cancels_, deadline);
}

task<result<sql::rows>> session::implementation::run(const sql::statement& what, const sql::parameters& with,
                                                     time_point deadline, bool once) {
    if (!is_ready()) {
        result<void> settled = co_await settle(deadline);
        if (!settled) co_return std::move(settled).error();
    }
    for (;; once = false) {
        reply answer(wire_);
        std::string name;
        auto asked = ask(answer, what, with, name);
        if (!asked) co_return std::move(asked).error();
        const bool in_time = co_await wire_.wait(answer, deadline);
        if (is_final(answer, in_time, name, once)) co_return outcome_of(answer, in_time);
    }
}

result<void> session::implementation::ask(reply& answer, const sql::statement& what, const sql::parameters& with,
                                          std::string& name) {
    if (begins_read_only(what.text())) read_only_ = true;
    auto sent = send(answer, what, with, name);
    if (sent && options_.pipelined) watch_patience();
    return sent;
}

bool session::implementation::is_final(const reply& answer, bool in_time, const std::string& name, bool once) {
    if (!in_time) return true;
    if (wire_.state() == sql::session_state::idle) read_only_ = false;
    if (options_.role == server_role::replica) follow_role();
    if (!answer.refused) return true;
    if (answer.refused->plan_is_stale) forget_stale(name, answer.refused->state);
    return !once || !may_prepare_anew(answer);
}

result<sql::rows> session::implementation::outcome_of(reply& answer, bool in_time) {
    if (!in_time) return out_of_time();
    if (!answer.failed && !answer.refused) return std::move(answer.into);
    if (answer.failed && !answer.done) begin_cancel();
    if (answer.failed && *answer.failed == lido::errc::limit_exceeded && !options_.pipelined) begin_cancel();
    return failure_of(answer);
}

task<result<void>> session::implementation::start(const sql::statement& what, const sql::parameters& with,
                                                  time_point deadline) {
    if (must_settle()) {
        result<void> settled = co_await settle(deadline);
        if (!settled) co_return std::move(settled).error();
    }
    for (bool anew = false;; anew = true) {
        streamed_ = std::make_unique<reply>(wire_);
        streamed_->one_by_one = true;
        std::string name;
        auto sent = send(*streamed_, what, with, name);
        if (!sent) {
            streamed_.reset();
            co_return std::move(sent).error();
        }
        const bool in_time = co_await wire_.wait(*streamed_, deadline);
        if (!in_time) {
            streamed_.reset();
            co_return out_of_time();
        }
        if (!streamed_->failed && !streamed_->refused) co_return result<void>();
        // No row of it was given out yet.
        const std::unique_ptr<reply> ended = std::move(streamed_);
        if (ended->refused && ended->refused->plan_is_stale) forget_stale(name, ended->refused->state);
        if (!anew && may_prepare_anew(*ended)) continue;
        co_return failure_of(*ended);
    }
}

task<result<bool>> session::implementation::fetch(sql::rows& into, time_point deadline) {
    if (streamed_ == nullptr) co_return false;
    reply& from = *streamed_;
    const bool nothing_yet = !from.done && !from.batch_is_full;
    if (nothing_yet) {
        const bool in_time = co_await wire_.wait(from, deadline);
        if (!in_time) {
            streamed_.reset();
            co_return out_of_time();
        }
    }
    if (from.failed || from.refused) {
        const std::unique_ptr<reply> ended = std::move(streamed_);
        co_return failure_of(*ended);
    }
    into = std::move(from.into);
    if (from.done) {
        streamed_.reset();
        co_return false;
    }
    from.into = sql::rows();
    wire_.resume_reading(from);
    // The last rows and the end often come together.
    if (from.done && from.into.empty() && !from.failed && !from.refused) {
        streamed_.reset();
        co_return false;
    }
    co_return true;
}

task<result<sql::rows>> session::implementation::command(const char* text, time_point deadline) {
    static const sql::parameters none;
    static_cast<void>(bound_.fill(none));
    reply answer(wire_);
    wire::statement nameless;
    nameless.text = text;
    if (auto sent = wire_.send(answer, nameless, bound_); !sent) {
        co_return std::move(sent).error();
    }
    const bool in_time = co_await wire_.wait(answer, deadline);
    if (!in_time) co_return error(lido::errc::timeout, fmt::format("PostgreSQL did not answer {} in time", text));
    if (answer.failed || answer.refused) co_return failure_of(answer);
    co_return std::move(answer.into);
}

// ---- statements of many
// -----------------------------------------------------------------------------------------------

/// Looks at what runs every now and then, as long as something does; so the timer costs nothing for each statement.
void session::implementation::watch_patience() {
    if (std::exchange(watching_, true)) return;
    wire_.loop().arm(*this, deadline_after(wire_.loop().now(), options_.patience));
}

void session::implementation::look_at_head() {
    watching_ = false;
    if (wire_.broken()) return;
    const bool is_long = wire_.outstanding() > 0 && wire_.loop().now() - wire_.head_since() >= options_.patience;
    if (is_long != held_back_) {
        held_back_ = is_long;
        events_.capacity_changed(is_long ? 1 : options_.depth);
    }
    // Nobody waits for anything on it: the server may stop.
    forget_cancel();
    if (is_long && !wire_.anybody_waits()) begin_cancel();
    if (wire_.outstanding() > 0) watch_patience();
}

/// When the statement that it was for has ended, another one may be cancelled.
void session::implementation::forget_cancel() {
    const bool nothing_runs = wire_.outstanding() == 0;
    const bool has_ended = nothing_runs || wire_.head_since() != cancelled_head_;
    if (has_ended && cancelling_ != nullptr && cancelling_->is_over()) cancelling_.reset();
    if (nothing_runs && cancelling_ == nullptr) cancel_on_its_way_.store(false, std::memory_order_release);
}

// ---- between borrowers ----------------------------------------------------------------------------------------------

/// Brings the connection to where nothing is outstanding: what still runs is cancelled, its answers are read and
/// dropped.
task<result<void>> session::implementation::settle(time_point deadline) {
    streamed_.reset();
    begin_cancel();
    if (cancelling_ != nullptr) {
        const bool in_order = co_await cancelling_->ended(deadline);
        // Until it has ended nothing is sent; whoever comes next, at the latest the reset, goes on waiting for it.
        if (!in_order && cancelling_->is_under_way(wire_.loop().now())) co_return still_runs();
        cancelling_.reset();
        if (!in_order) {
            // It may come at any time, and would hit whoever has the connection then.
            wire_.break_off(error(lido::errc::connection_closed, "a cancel request did not end in order"));
        }
        cancel_on_its_way_.store(false, std::memory_order_release);
    }
    // Sent after the request has ended, so the server has the signal before it reads this: it cannot hit what follows.
    reply last(wire_);
    if (auto sent = wire_.send_sync(last); !sent) co_return std::move(sent).error();
    const bool in_time = co_await wire_.wait(last, deadline);
    if (!in_time) co_return still_runs();
    if (last.failed) co_return std::move(*last.failed);
    co_return result<void>();
}

task<result<void>> session::implementation::check(time_point deadline) {
    reply answer(wire_);
    if (auto sent = wire_.send_sync(answer); !sent) co_return std::move(sent).error();
    const bool in_time = co_await wire_.wait(answer, deadline);
    if (!in_time) co_return error(lido::errc::check_failed, "PostgreSQL did not answer in time");
    if (answer.failed) co_return std::move(*answer.failed);
    co_return result<void>();
}

task<result<void>> session::implementation::reset(sql::reset_policy how, time_point deadline) {
    if (must_settle()) {
        result<void> settled = co_await settle(deadline);
        if (!settled) co_return std::move(settled).error();
    }
    streamed_.reset();
    const sql::session_state before = wire_.state();
    if (before == sql::session_state::open || before == sql::session_state::failed) {
        result<sql::rows> rolled_back = co_await command("ROLLBACK", deadline);
        if (!rolled_back) co_return std::move(rolled_back).error();
    }
    read_only_ = false;
    if (is_listening() && how != sql::reset_policy::full) {
        result<sql::rows> silent = co_await command("UNLISTEN *", deadline);
        if (!silent) co_return std::move(silent).error();
    }
    if (how == sql::reset_policy::full) {
        statements_.clear();
        result<sql::rows> dropped = co_await command("DISCARD ALL", deadline);
        if (!dropped) co_return std::move(dropped).error();
        result<void> ready = co_await set_up(deadline);
        if (!ready) co_return std::move(ready).error();
    }
    wire_.forget_listening();
    if (wire_.state() == sql::session_state::idle) co_return result<void>();
    co_return error(lido::errc::reset_failed, "the session is not idle after its reset");
}

void session::implementation::cut() noexcept {
    wire_.break_off(error(lido::errc::connection_closed, "the pool cut the connection"));
}

// ---- session --------------------------------------------------------------------------------------------------------

session::session(std::unique_ptr<implementation> of) noexcept : implementation_(std::move(of)) {}
session::~session() = default;

task<result<sql::rows>> session::run(const sql::statement& what, const sql::parameters& with, time_point deadline) {
    return implementation_->run(what, with, deadline);
}
task<result<void>> session::start(const sql::statement& what, const sql::parameters& with, time_point deadline) {
    return implementation_->start(what, with, deadline);
}
task<result<bool>> session::fetch(sql::rows& into, time_point deadline) {
    return implementation_->fetch(into, deadline);
}
task<result<std::vector<sql::rows>>> session::run_batch(const sql::batch& what, time_point deadline) {
    return implementation_->run_batch(what, deadline);
}
sql::session_state session::state() const noexcept {
    return implementation_->on().state();
}
std::string session::parameter(const std::string& name) const {
    return std::string(implementation_->on().parameter(name).value_or(std::string_view()));
}
int session::process_id() const noexcept {
    return PQbackendPID(implementation_->on().connection());
}
bool session::uses_tls() const noexcept {
    return PQsslInUse(implementation_->on().connection()) != 0;
}
std::string session::protection() const {
    PGconn* const to = implementation_->on().connection();
    const char* const host = PQhost(to);
    if (host != nullptr && (*host == '/' || *host == '@')) return "not a network";
    if (!uses_tls()) return "none";
    const char* const protocol = PQsslAttribute(to, "protocol");
    const char* const cipher = PQsslAttribute(to, "cipher");
    return fmt::format("{} {}", protocol == nullptr ? "TLS" : protocol, cipher == nullptr ? "" : cipher);
}

}  // namespace lido::postgres

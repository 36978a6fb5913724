#include "lido/sql/mysql/session.hpp"

#include "sql/keyword.hpp"
#include "sql/mysql/ok_packet.hpp"
#include "sql/mysql/session_implementation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include <sys/socket.h>

namespace lido::mysql {

using sql::session_state;

namespace {

constexpr unsigned cannot_be_prepared = 1295;  // ER_UNSUPPORTED_PS

net::descriptor_watch::readiness wanted_of(int waits) noexcept {
    return {.read = (waits & (MYSQL_WAIT_READ | MYSQL_WAIT_EXCEPT)) != 0, .write = (waits & MYSQL_WAIT_WRITE) != 0};
}

int events_of(net::descriptor_watch::readiness got) noexcept {
    return (got.read ? MYSQL_WAIT_READ : 0) | (got.write ? MYSQL_WAIT_WRITE : 0);
}

session_state state_of(unsigned flags) noexcept {
    return (flags & SERVER_STATUS_IN_TRANS) != 0 ? session_state::open : session_state::idle;
}

}  // namespace

// ---- the handle -----------------------------------------------------------------------------------------------------

session::implementation::implementation(net::event_loop& loop, unique_handle connected,
                                        const sql::pool_settings& settings, pool::connection_events events)
    : settings_(settings), events_(events), handle_(std::move(connected)) {
    watch_.emplace(loop, static_cast<int>(mysql_get_socket(handle_.get())));
    watch_->on_disturbance([](void* self) noexcept { static_cast<implementation*>(self)->disturbed(); }, this);
}

session::implementation::~implementation() {
    watch_.reset();
    // The rest of an answer may be on its way, for which closing a statement or a result would wait.
    if (state() == session_state::busy || state() == session_state::broken) shut_down();
    text_result_.reset();
    streaming_.reset();
    uncached_.reset();
    cached_.clear();
    cache_.clear();
}

void session::implementation::shut_down() noexcept {
    ::shutdown(static_cast<int>(mysql_get_socket(handle_.get())), SHUT_RDWR);
}

/// Something arrived, or the server hung up, while nobody had asked for anything.
void session::implementation::disturbed() noexcept {
    if (state() == session_state::busy) return;
    char byte = 0;
    const auto got = ::recv(watch_->descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;  // a stale report
    state_.store(session_state::broken, std::memory_order_release);
    events_.lost();
}

template <class Start, class Continue>
task<bool> session::implementation::drive(Start start, Continue go_on, time_point deadline) {
    return drive_on(start(), std::move(go_on), deadline);
}

template <class Continue>
task<bool> session::implementation::drive_on(int waits, Continue go_on, time_point deadline) {
    while (waits != 0) {
        const auto got = co_await watch_->ready(wanted_of(waits), deadline);
        if (!got) co_return false;
        waits = go_on(events_of(got));
    }
    co_return true;
}

session_state session::implementation::state_by_server() const noexcept {
    unsigned flags = 0;
    mariadb_get_infov(handle_.get(), MARIADB_CONNECTION_SERVER_STATUS, &flags);
    return state_of(flags);
}

task<result<session_state>> session::implementation::ask_state(call_scope& call, time_point deadline) {
    MYSQL* const of = handle_.get();
    int outcome = 0;
    const auto start = [&] { return mysql_ping_start(&outcome, of); };
    const auto go_on = [&](int events) { return mysql_ping_cont(&outcome, of, events); };
    const bool ended = co_await drive(start, go_on, deadline);
    if (!ended) co_return too_late();
    if (outcome != 0) {
        call.end_broken();
        co_return make_error(mysql_errno(of), mysql_sqlstate(of), mysql_error(of));
    }
    // libmariadb leaves the answer where it has read it, and does not look at its flags.
    const std::optional<unsigned> flags = flags_of_ok({of->net.read_pos, of->packet_length});
    if (!flags) {
        call.end_broken();
        co_return error(lido::errc::protocol_error, "the server's answer to a ping is none");
    }
    co_return state_of(*flags);
}

task<void> session::implementation::settle(call_scope& call, std::string_view text, time_point deadline) {
    const result<session_state> said = co_await ask_state(call, deadline);
    if (!said) co_return;
    // What follows would run alone and be kept, while its owner believes that it is in a transaction.
    const bool is_lost = before_ == session_state::open && *said == session_state::idle &&
                         sql::ends_transaction(text) == sql::transaction_end::none;
    call.end_as(is_lost ? session_state::failed : *said);
}

// ---- errors ---------------------------------------------------------------------------------------------------------

error session::implementation::failure(call_scope& call, unsigned number, std::string_view state,
                                       std::string_view message) {
    last_number_ = number;
    if (is_refusal(number)) {
        call.note_refusal();
    } else {
        call.end_broken();
    }
    return make_error(number, state, message);
}

error session::implementation::failure(call_scope& call) {
    MYSQL* const of = handle_.get();
    return failure(call, mysql_errno(of), mysql_sqlstate(of), mysql_error(of));
}

error session::implementation::failure(call_scope& call, MYSQL_STMT* of) {
    // Of an error that comes between rows libmariadb tells with the connection, and not with the statement.
    if (mysql_stmt_errno(of) == 0) return failure(call);
    return failure(call, mysql_stmt_errno(of), mysql_stmt_sqlstate(of), mysql_stmt_error(of));
}

error session::implementation::too_late() {
    return {lido::errc::timeout, "the database had not answered when the statement's time was over",
            "raise statement_timeout, or look at what the statement waits for"};
}

error session::implementation::too_large() const {
    return {lido::errc::limit_exceeded,
            fmt::format("the result is larger than max_result_bytes = {}", settings_.max_result_bytes),
            "ask for less, stream the result, or raise max_result_bytes"};
}

result<void> session::implementation::check_free() const {
    const session_state now = state();
    if (now == session_state::busy) {
        return error(lido::errc::invalid_argument, "the connection still has an answer to give",
                     "read a stream to its end, or acquire another connection");
    }
    if (now == session_state::broken) {
        return error(lido::errc::connection_closed,
                     "nothing was sent: the server or the network has ended the connection",
                     "try again with another connection");
    }
    return {};
}

result<void> session::implementation::check_free_for(std::string_view text) const {
    if (state() == session_state::failed && sql::ends_transaction(text) != sql::transaction_end::rollback) {
        return error(sql::errc::transaction_failed,
                     "nothing was sent: the server has ended the transaction when an earlier statement of it failed",
                     "roll back, and run the transaction again");
    }
    return check_free();
}

// ---- prepared statements --------------------------------------------------------------------------------------------

std::shared_ptr<session::implementation::prepared> session::implementation::find(std::string_view text) {
    const auto known = cached_.find(text);
    if (known == cached_.end()) return nullptr;
    cache_.splice(cache_.begin(), cache_, known->second);
    return cache_.front();
}

task<result<std::shared_ptr<session::implementation::prepared>>> session::implementation::prepare(call_scope& call,
                                                                                                  std::string_view text,
                                                                                                  time_point deadline,
                                                                                                  bool& refused) {
    auto made = std::make_shared<prepared>(handle_.get());
    if (made->statement == nullptr) co_return failure(call);
    made->text = text;
    MYSQL_STMT* const statement = made->statement;
    const std::string& kept = made->text;
    int outcome = 0;
    const auto start = [&] { return mysql_stmt_prepare_start(&outcome, statement, kept.data(), kept.size()); };
    const auto go_on = [&](int events) { return mysql_stmt_prepare_cont(&outcome, statement, events); };
    const bool ended = co_await drive(start, go_on, deadline);
    if (!ended) co_return too_late();
    if (outcome != 0) {
        refused = mysql_stmt_errno(statement) == cannot_be_prepared;
        error why = failure(call, statement);
        if (why != lido::errc::maybe_executed) co_return std::move(why);
        co_return error(lido::errc::connection_closed,
                        fmt::format("nothing was executed: {}", mysql_stmt_error(statement)),
                        "try again with another connection");
    }
    keep(made);
    co_return made;
}

/// Into the cache; the one unused longest goes. What does not go there is kept until the next as well: when its call is
/// given up, closing it would wait for the rest of its answer.
void session::implementation::keep(const std::shared_ptr<prepared>& made) {
    if (settings_.statement_cache == 0) {
        uncached_ = made;
        return;
    }
    if (cache_.size() >= settings_.statement_cache) {
        cached_.erase(cache_.back()->text);
        cache_.pop_back();
    }
    cache_.push_front(made);
    cached_.emplace(cache_.front()->text, cache_.begin());
}

task<result<void>> session::implementation::execute(call_scope& call, prepared& what, const sql::parameters& with,
                                                    parameter_binding& bound, time_point deadline) {
    MYSQL_STMT* const statement = what.statement;
    const unsigned long wanted = mysql_stmt_param_count(statement);
    if (wanted != with.size()) {
        call.end_unsent();
        co_return error(
            sql::errc::syntax_error,
            fmt::format("the statement has {} placeholders, and {} parameters were given", wanted, with.size()),
            "give one for each '?'");
    }
    if (auto set = bound.set(with); !set) {
        call.end_unsent();
        co_return std::move(set).error();
    }
    if (wanted > 0 && mysql_stmt_bind_param(statement, bound.binds()) != 0) co_return failure(call, statement);
    int outcome = 0;
    const auto start = [&] { return mysql_stmt_execute_start(&outcome, statement); };
    const auto go_on = [&](int events) { return mysql_stmt_execute_cont(&outcome, statement, events); };
    const bool ended = co_await drive(start, go_on, deadline);
    if (!ended) co_return too_late();
    if (outcome != 0) co_return failure(call, statement);
    if (mysql_stmt_field_count(statement) > 0 && !what.columns.bind(statement)) co_return failure(call, statement);
    co_return result<void>();
}

task<result<bool>> session::implementation::take_rows(call_scope& call, prepared& what, sql::rows& into,
                                                      std::size_t most_rows, std::size_t most_bytes,
                                                      time_point deadline) {
    MYSQL_STMT* const statement = what.statement;
    int outcome = 0;
    const auto go_on = [&](int events) { return mysql_stmt_fetch_cont(&outcome, statement, events); };
    for (std::size_t count = 0; count < most_rows; ++count) {
        if (const int waits = mysql_stmt_fetch_start(&outcome, statement); waits != 0) {
            const bool ended = co_await drive_on(waits, go_on, deadline);
            if (!ended) co_return too_late();
        }
        if (outcome == MYSQL_NO_DATA) co_return false;
        // Texts are always "truncated": they are asked for one by one.
        if (outcome != 0 && outcome != MYSQL_DATA_TRUNCATED) co_return failure(call, statement);
        if (!what.columns.append(statement, into)) co_return failure(call, statement);
        if (into.stored_bytes() >= most_bytes) co_return true;
    }
    co_return true;
}

/// Everything of the answer has been read, but for further results of a procedure, which nobody asked for.
task<result<void>> session::implementation::finish(call_scope& call, prepared& what, time_point deadline) {
    MYSQL_STMT* const statement = what.statement;
    static_cast<void>(mysql_stmt_free_result(statement));  // it was read to its end, so this waits for nothing
    while (mysql_stmt_more_results(statement) != 0) {
        int outcome = 0;
        const auto start = [&] { return mysql_stmt_next_result_start(&outcome, statement); };
        const auto go_on = [&](int events) { return mysql_stmt_next_result_cont(&outcome, statement, events); };
        const bool ended = co_await drive(start, go_on, deadline);
        if (!ended) co_return too_late();
        if (outcome > 0) co_return failure(call, statement);
        my_bool freed = 0;
        const auto free_start = [&] { return mysql_stmt_free_result_start(&freed, statement); };
        const auto free_on = [&](int events) { return mysql_stmt_free_result_cont(&freed, statement, events); };
        const bool released = co_await drive(free_start, free_on, deadline);
        if (!released) co_return too_late();
    }
    call.end_good();
    co_return result<void>();
}

// ---- calls ----------------------------------------------------------------------------------------------------------

task<result<sql::rows>> session::implementation::run(const sql::statement& what, const sql::parameters& with,
                                                     time_point deadline) {
    if (auto allowed = check_free_for(what.text()); !allowed) co_return std::move(allowed).error();
    call_scope call(*this);
    bool refused = false;
    result<std::shared_ptr<prepared>> ready = find(what.text());
    if (*ready == nullptr) ready = co_await prepare(call, what.text(), deadline, refused);
    result<sql::rows> given = sql::rows();
    if (ready) {
        given = co_await run_prepared(call, std::move(*ready), with, deadline);
    } else if (refused && with.empty()) {
        given = co_await run_text(call, what.text(), deadline);
    } else {
        given = std::move(ready).error();
    }
    if (call.was_refused()) co_await settle(call, what.text(), deadline);
    co_return std::move(given);
}

task<result<sql::rows>> session::implementation::run_prepared(call_scope& call, std::shared_ptr<prepared> what,
                                                              const sql::parameters& with, time_point deadline) {
    parameter_binding bound;
    result<void> executed = co_await execute(call, *what, with, bound, deadline);
    if (!executed) co_return std::move(executed).error();
    sql::rows given;
    MYSQL_STMT* const statement = what->statement;
    if (mysql_stmt_field_count(statement) > 0) {
        what->columns.add_names(given);
        constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
        result<bool> more = co_await take_rows(call, *what, given, any, settings_.max_result_bytes, deadline);
        if (!more) co_return std::move(more).error();
        if (*more) co_return too_large();  // the rest is on its way: the session stays busy
    } else {
        given.set_affected(mysql_stmt_affected_rows(statement));
        given.set_last_insert_id(static_cast<std::int64_t>(mysql_stmt_insert_id(statement)));
    }
    result<void> finished = co_await finish(call, *what, deadline);
    if (!finished) co_return std::move(finished).error();
    co_return std::move(given);
}

/// For statements that cannot be prepared. Their results, where they have any, come as text.
task<result<sql::rows>> session::implementation::run_text(call_scope& call, std::string_view text,
                                                          time_point deadline) {
    call.go_on();
    MYSQL* const of = handle_.get();
    const std::string kept(text);
    int outcome = 0;
    const auto start = [&] { return mysql_real_query_start(&outcome, of, kept.data(), kept.size()); };
    const auto go_on = [&](int events) { return mysql_real_query_cont(&outcome, of, events); };
    const bool ended = co_await drive(start, go_on, deadline);
    if (!ended) co_return too_late();
    if (outcome != 0) co_return failure(call);
    sql::rows given;
    if (mysql_field_count(of) > 0) {
        result<void> taken = co_await take_text(call, given, deadline);
        if (!taken) co_return std::move(taken).error();
    } else {
        given.set_affected(mysql_affected_rows(of));
        given.set_last_insert_id(static_cast<std::int64_t>(mysql_insert_id(of)));
    }
    result<void> finished = co_await finish_text(call, deadline);
    if (!finished) co_return std::move(finished).error();
    co_return std::move(given);
}

task<result<void>> session::implementation::take_text(call_scope& call, sql::rows& into, time_point deadline) {
    MYSQL* const of = handle_.get();
    text_result_.reset(mysql_use_result(of));
    MYSQL_RES* const from = text_result_.get();
    if (from == nullptr) co_return failure(call);
    const MYSQL_FIELD* const fields = mysql_fetch_fields(from);
    for (unsigned i = 0; i < mysql_num_fields(from); ++i) into.add_column(fields[i].name);
    MYSQL_ROW row = nullptr;
    const auto start = [&] { return mysql_fetch_row_start(&row, from); };
    const auto go_on = [&](int events) { return mysql_fetch_row_cont(&row, from, events); };
    while (true) {
        const bool ended = co_await drive(start, go_on, deadline);
        if (!ended) co_return too_late();
        if (row == nullptr) break;
        const unsigned long* const sizes = mysql_fetch_lengths(from);
        for (std::size_t i = 0; i < into.column_count(); ++i) {
            if (row[i] == nullptr) {
                into.add_null();
            } else {
                into.add_text(std::string_view(row[i], sizes[i]));
            }
        }
        if (into.stored_bytes() >= settings_.max_result_bytes) co_return too_large();  // busy: the rest is on its way
    }
    if (mysql_errno(of) != 0) co_return failure(call);
    text_result_.reset();  // nothing more comes, so this waits for nothing
    co_return result<void>();
}

/// Reads further results, those of a procedure, which nobody asked for.
task<result<void>> session::implementation::finish_text(call_scope& call, time_point deadline) {
    MYSQL* const of = handle_.get();
    int outcome = 0;
    const auto start = [&] { return mysql_next_result_start(&outcome, of); };
    const auto go_on = [&](int events) { return mysql_next_result_cont(&outcome, of, events); };
    while (mysql_more_results(of) != 0) {
        const bool ended = co_await drive(start, go_on, deadline);
        if (!ended) co_return too_late();
        if (outcome != 0) co_return failure(call);
        if (mysql_field_count(of) == 0) continue;
        sql::rows unwanted;
        result<void> skipped = co_await take_text(call, unwanted, deadline);
        if (!skipped) co_return std::move(skipped);
    }
    call.end_good();
    co_return result<void>();
}

task<result<void>> session::implementation::start(const sql::statement& what, const sql::parameters& with,
                                                  time_point deadline) {
    if (auto allowed = check_free_for(what.text()); !allowed) co_return std::move(allowed).error();
    call_scope call(*this);
    bool refused = false;
    result<std::shared_ptr<prepared>> ready = find(what.text());
    if (*ready == nullptr) ready = co_await prepare(call, what.text(), deadline, refused);
    result<void> begun;
    if (ready) {
        parameter_binding bound;
        begun = co_await execute(call, **ready, with, bound, deadline);
        if (begun) streaming_ = std::move(*ready);  // busy until the last row has come
    } else {
        begun = std::move(ready).error();
    }
    if (call.was_refused()) co_await settle(call, what.text(), deadline);
    co_return std::move(begun);
}

task<result<bool>> session::implementation::fetch(sql::rows& into, time_point deadline) {
    if (!streaming_) co_return false;
    const std::shared_ptr<prepared> from = streaming_;
    call_scope call(*this);
    result<bool> more = false;
    if (mysql_stmt_field_count(from->statement) > 0) {
        from->columns.add_names(into);
        more = co_await take_rows(call, *from, into, settings_.stream_rows, settings_.stream_bytes, deadline);
        if (more && *more) co_return true;
    }
    if (more) {
        result<void> finished = co_await finish(call, *from, deadline);
        if (!finished) more = std::move(finished).error();
    }
    if (call.was_refused()) co_await settle(call, from->text, deadline);
    // While an answer is on its way, closing the statement would wait for all of it: the session's end does it.
    if (state() != session_state::busy) streaming_.reset();
    co_return std::move(more);
}

task<result<void>> session::implementation::ping(time_point deadline) {
    if (auto allowed = check_free(); !allowed) co_return std::move(allowed).error();
    call_scope call(*this);
    const result<session_state> said = co_await ask_state(call, deadline);
    if (!said) co_return said.error();
    call.end_as(*said);
    co_return result<void>();
}

task<result<void>> session::implementation::reset_all(time_point deadline) {
    MYSQL* const of = handle_.get();
    {
        call_scope call(*this);
        streaming_.reset();
        uncached_.reset();
        cached_.clear();
        cache_.clear();
        int outcome = 0;
        const auto start = [&] { return mysql_reset_connection_start(&outcome, of); };
        const auto go_on = [&](int events) { return mysql_reset_connection_cont(&outcome, of, events); };
        const bool ended = co_await drive(start, go_on, deadline);
        if (!ended) co_return too_late();
        if (outcome != 0) co_return failure(call);
        call.end_good();
    }
    const sql::statement zone("SET time_zone = '+00:00'");
    const sql::parameters none;
    result<sql::rows> said = co_await run(zone, none, deadline);
    if (!said) co_return std::move(said).error();
    co_return result<void>();
}

// ---- the face -------------------------------------------------------------------------------------------------------

session::session(std::unique_ptr<implementation> made) noexcept : implementation_(std::move(made)) {}
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

sql::session_state session::state() const noexcept {
    return implementation_->state();
}

std::uint64_t session::id() const noexcept {
    return mysql_thread_id(implementation_->handle());
}

std::string session::server_version() const {
    return mysql_get_server_info(implementation_->handle());
}

std::string session::tls_version() const {
    const char* version = nullptr;
    mariadb_get_infov(implementation_->handle(), MARIADB_CONNECTION_TLS_VERSION, &version);
    return version == nullptr ? std::string() : std::string(version);
}

std::string session::protection() const {
    const char* const host = mysql_get_host_info(implementation_->handle());
    if (host != nullptr && std::string_view(host).find("UNIX socket") != std::string_view::npos) return "not a network";
    const std::string version = tls_version();
    if (version.empty()) return "none";
    const char* const cipher = mysql_get_ssl_cipher(implementation_->handle());
    return fmt::format("{} {}", version, cipher == nullptr ? "" : cipher);
}

}  // namespace lido::mysql

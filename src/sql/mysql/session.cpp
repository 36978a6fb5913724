#include "lido/sql/mysql/session.hpp"

#include "sql/keyword.hpp"
#include "sql/mysql/errors.hpp"
#include "sql/mysql/packet_writer.hpp"
#include "sql/mysql/parameter_encoding.hpp"
#include "sql/mysql/session_implementation.hpp"

#include <fmt/format.h>

#include <utility>

namespace lido::mysql {

using sql::session_state;

namespace {

constexpr unsigned cannot_be_prepared = 1295;  // ER_UNSUPPORTED_PS
// The server does not have the statement any more, or not for the tables of now. It has executed nothing.
constexpr unsigned is_not_prepared = 1243;   // ER_UNKNOWN_STMT_HANDLER
constexpr unsigned must_be_prepared = 1615;  // ER_NEED_REPREPARE

/// SET TRANSACTION, which is about the next transaction only, whoever begins it.
bool is_for_next_transaction(std::string_view text) {
    if (sql::first_keyword(text) != "SET") return false;
    return sql::first_keyword(sql::without_gap(text).substr(3)) == "TRANSACTION";
}

wire_limits limits_of(const sql::pool_settings& settings) noexcept {
    return {settings.max_result_bytes, settings.stream_rows, settings.stream_bytes};
}

}  // namespace

session::implementation::implementation(net::event_loop& loop, unique_handle connected, const sql::channel& over,
                                        const sql::pool_settings& settings, pool::connection_events events)
    : events_(events),
      statements_(settings.statement_cache),
      wire_(loop, std::move(connected), over, limits_of(settings)),
      tells_autocommit_(commits_by_itself(static_cast<std::uint16_t>(wire_.handle()->server_status))) {
    wire_.on_end(&implementation::ended, this);
}

session::implementation::~implementation() {
    // The rest of an answer may be on its way, and nobody reads it: the server is not to wait for that.
    if (state() == session_state::busy || state() == session_state::broken) shut_down();
}

result<void> session::implementation::watch() {
    return wire_.watch();
}

void session::implementation::ended(void* self) noexcept {
    auto& mine = *static_cast<implementation*>(self);
    mine.state_.store(session_state::broken, std::memory_order_release);
    mine.events_.lost();  // which may destroy it, unless it is lent
}

// ---- states and errors ----------------------------------------------------------------------------------------------

void session::implementation::note_status() noexcept {
    const std::uint16_t said = wire_.status();
    if (state_of(said) == session_state::open) has_next_level_ = false;
    const bool lasts = commits_by_itself(said) || !tells_autocommit_;
    is_altered_.store(has_next_level_ || !lasts, std::memory_order_release);
}

void session::implementation::note_next_level() noexcept {
    has_next_level_ = true;
    is_altered_.store(true, std::memory_order_release);
}

task<result<void>> session::implementation::acknowledged(call_scope& call, answer& by, time_point deadline) {
    const bool in_time = co_await wire_.wait(by, deadline);
    if (!in_time) co_return too_late();
    if (by.is_good()) co_return result<void>();
    call.end_broken();
    if (by.failed) co_return std::move(*by.failed);
    co_return make_error(by.refused->number, by.refused->state, by.refused->message);
}

task<result<session_state>> session::implementation::ask_state(call_scope& call, time_point deadline) {
    answer said(wire_);
    packet_writer to = write();
    to.ping();
    wire_.send(said, answer_kind::acknowledged, to.next_number());
    result<void> done = co_await acknowledged(call, said, deadline);
    if (!done) co_return std::move(done).error();
    note_status();
    co_return state_of(wire_.status());
}

task<void> session::implementation::settle(call_scope& call, std::string_view text, time_point deadline) {
    const result<session_state> said = co_await ask_state(call, deadline);
    if (!said) co_return;
    // What follows would run alone and be kept, while its owner believes that it is in a transaction.
    const bool is_lost = before_ == session_state::open && *said == session_state::idle &&
                         sql::ends_transaction(text) == sql::transaction_end::none;
    call.end_as(is_lost ? session_state::failed : *said);
}

/// What is too large leaves the session busy: the rest is on its way.
error session::implementation::failure(call_scope& call, answer& of, const prepared_statement* what) {
    if (of.failed) {
        if (wire_.broken()) call.end_broken();
        return std::move(*of.failed);
    }
    const refusal& said = *of.refused;
    last_number_ = said.number;
    if (what != nullptr && (said.number == is_not_prepared || said.number == must_be_prepared)) statements_.drop(*what);
    if (means_lost(said.number)) {
        call.end_broken();
    } else {
        call.note_refusal();
    }
    return make_error(said.number, said.state, said.message);
}

error session::implementation::too_late() {
    return {lido::errc::timeout, "the database had not answered when the statement's time was over",
            "raise statement_timeout, or look at what the statement waits for"};
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

// ---- sending --------------------------------------------------------------------------------------------------------

packet_writer session::implementation::write() {
    packet_writer to(wire_.out());
    for (const std::uint32_t each : statements_.dropped()) to.close_statement(each);
    statements_.forget_dropped();
    return to;
}

void session::implementation::send_prepare(answer& to, std::string_view text) {
    packet_writer out = write();
    out.prepare(text);
    wire_.send(to, answer_kind::prepared, out.next_number());
}

void session::implementation::send_text(answer& to, std::string_view text) {
    packet_writer out = write();
    out.query(text);
    wire_.send(to, answer_kind::text, out.next_number());
}

result<void> session::implementation::send_execute(call_scope& call, answer& to, const prepared_statement& what,
                                                   const sql::parameters& with) {
    if (what.parameters != with.size()) {
        call.end_unsent();
        return error(sql::errc::syntax_error,
                     fmt::format("the statement has {} placeholders, and {} parameters were given", what.parameters,
                                 with.size()),
                     "give one for each '?'");
    }
    to.shape = what.shape;
    packet_writer out = write();
    out.execute(what.id, with);
    wire_.send(to, answer_kind::binary, out.next_number());
    return {};
}

prepared_statement& session::implementation::keep(std::string_view text, answer& from) {
    prepared_statement made;
    made.text = text;
    made.id = from.prepared.id;
    made.parameters = from.prepared.parameters;
    made.shape = std::move(from.shape);
    return statements_.add(std::move(made));
}

task<result<prepared_statement*>> session::implementation::prepare(call_scope& call, std::string_view text,
                                                                   bool may_be_text, time_point deadline) {
    answer preparing(wire_);
    send_prepare(preparing, text);
    const bool in_time = co_await wire_.wait(preparing, deadline);
    if (!in_time) co_return too_late();
    if (preparing.is_good()) co_return &keep(text, preparing);
    if (preparing.refused && preparing.refused->number == cannot_be_prepared && may_be_text) co_return nullptr;
    error why = failure(call, preparing, nullptr);
    if (call.was_refused()) co_await settle(call, text, deadline);
    co_return std::move(why);
}

// ---- calls ----------------------------------------------------------------------------------------------------------

/// The server leaves definitions out from then on, whether what followed them succeeded or not.
void session::implementation::keep_shape(prepared_statement* of, const answer& came) noexcept {
    if (of != nullptr && came.shape != nullptr && of->shape != came.shape) of->shape = came.shape;
}

task<result<sql::rows>> session::implementation::run(const sql::statement& what, const sql::parameters& with,
                                                     time_point deadline) {
    if (auto allowed = check_free_for(what.text()); !allowed) co_return std::move(allowed).error();
    if (auto possible = check_parameters(with); !possible) co_return std::move(possible).error();
    call_scope call(*this);
    prepared_statement* known = statements_.find(what.text());
    if (known == nullptr) {
        result<prepared_statement*> made = co_await prepare(call, what.text(), with.empty(), deadline);
        if (!made) co_return std::move(made).error();
        known = *made;
    }
    answer given(wire_);
    if (known == nullptr) {
        send_text(given, what.text());
    } else if (auto sent = send_execute(call, given, *known, with); !sent) {
        co_return std::move(sent).error();
    }
    const bool in_time = co_await wire_.wait(given, deadline);
    if (!in_time) co_return too_late();
    keep_shape(known, given);
    if (given.is_good()) {
        call.end_good();
        if (given.into.column_count() == 0 && is_for_next_transaction(what.text())) note_next_level();
        co_return std::move(given.into);
    }
    error why = failure(call, given, known);
    if (call.was_refused()) co_await settle(call, what.text(), deadline);
    co_return std::move(why);
}

task<result<void>> session::implementation::start(const sql::statement& what, const sql::parameters& with,
                                                  time_point deadline) {
    if (auto allowed = check_free_for(what.text()); !allowed) co_return std::move(allowed).error();
    if (auto possible = check_parameters(with); !possible) co_return std::move(possible).error();
    call_scope call(*this);
    prepared_statement* known = statements_.find(what.text());
    if (known == nullptr) {
        constexpr bool may_be_text = false;
        result<prepared_statement*> made = co_await prepare(call, what.text(), may_be_text, deadline);
        if (!made) co_return std::move(made).error();
        known = *made;
    }
    streamed_ = std::make_unique<answer>(wire_);
    streamed_->one_by_one = true;
    streaming_ = known;
    if (auto sent = send_execute(call, *streamed_, *known, with); !sent) {
        streamed_.reset();
        co_return std::move(sent).error();
    }
    const bool in_time = co_await wire_.wait(*streamed_, deadline);
    if (!in_time) {
        streamed_.reset();
        co_return too_late();
    }
    if (!streamed_->refused && !streamed_->failed) co_return result<void>();  // busy until the last row has come
    const std::unique_ptr<answer> ended = std::move(streamed_);
    keep_shape(known, *ended);
    error why = failure(call, *ended, known);
    if (call.was_refused()) co_await settle(call, what.text(), deadline);
    co_return std::move(why);
}

task<result<bool>> session::implementation::fetch(sql::rows& into, time_point deadline) {
    if (streamed_ == nullptr) co_return false;
    answer& from = *streamed_;
    call_scope call(*this);
    if (!from.done) wire_.resume_reading(from);
    const bool in_time = co_await wire_.wait(from, deadline);
    if (!in_time) {
        streamed_.reset();
        co_return too_late();
    }
    if (from.refused || from.failed) {
        const std::unique_ptr<answer> ended = std::move(streamed_);
        keep_shape(streaming_, *ended);
        const std::string text = streaming_->text;
        error why = failure(call, *ended, streaming_);
        if (call.was_refused()) co_await settle(call, text, deadline);
        co_return std::move(why);
    }
    into = std::move(from.into);
    if (from.done) {
        keep_shape(streaming_, from);
        call.end_good();
        streamed_.reset();
        co_return false;
    }
    from.into = sql::rows();
    from.into.set_columns(from.shape->names);
    co_return true;
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
    if (auto allowed = check_free(); !allowed) co_return std::move(allowed).error();
    call_scope call(*this);
    statements_.clear();
    answer reset(wire_);
    packet_writer first(wire_.out());
    first.reset_connection();
    wire_.send(reset, answer_kind::acknowledged, first.next_number());
    result<void> done = co_await acknowledged(call, reset, deadline);
    if (!done) co_return std::move(done).error();
    answer zoned(wire_);
    packet_writer second(wire_.out());
    second.query(words_after_reset);
    wire_.send(zoned, answer_kind::acknowledged, second.next_number());
    done = co_await acknowledged(call, zoned, deadline);
    if (!done) co_return std::move(done).error();
    has_next_level_ = false;
    call.end_good();
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

#include "sql/sqlite/engine.hpp"

#include "lido/sql/error.hpp"
#include "sql/keyword.hpp"
#include "sql/sqlite/error.hpp"
#include "sql/sqlite/process_mark.hpp"
#include "sql/sqlite/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <new>
#include <thread>
#include <utility>

namespace lido::sqlite {
namespace {

using sql::ends_transaction;
using sql::session_state;
using sql::transaction_end;

/// Of SQLite's virtual machine, between two looks at the clock: some ten microseconds.
constexpr int steps_between_looks = 2000;
constexpr duration between_looks = std::chrono::microseconds(20);  // with what is done with its rows
/// By the clock a brief statement may take this long: on a busy machine others have the processor in between.
constexpr duration most_patience = std::chrono::milliseconds(1);
constexpr duration longest_pause = std::chrono::milliseconds(20);

bool is_gap(std::string_view text) {
    return sql::first_keyword(text).empty() && text.find_first_not_of(" \t\r\n\f;") == std::string_view::npos;
}

int bounded(std::size_t value) {
    return static_cast<int>(std::min<std::size_t>(value, std::numeric_limits<int>::max()));
}

error lost_transaction() {
    return {sql::errc::transaction_failed, "the transaction was rolled back after an earlier failure",
            "roll back, and run the transaction again"};
}

/// A cached statement keeps nothing of its last use: no lock, no snapshot, no value.
void rest(sqlite3_stmt* which) noexcept {
    sqlite3_reset(which);
    sqlite3_clear_bindings(which);
}

/// `which` rests at the end of the scope.
class in_use {
public:
    explicit in_use(sqlite3_stmt* which) noexcept : which_(which) {}
    in_use(const in_use&) = delete;
    in_use& operator=(const in_use&) = delete;
    ~in_use() { rest(which_); }

private:
    sqlite3_stmt* which_;
};

}  // namespace

/// One call: alone, until a deadline, and with the state told at its end.
class engine::call {
public:
    call(engine& of, const visit& until) : call(of, std::unique_lock(of.calls_), until) {}
    /// `held` is over `calls_`.
    call(engine& of, std::unique_lock<std::mutex> held, const visit& until)
        : of_(of), held_(std::move(held)), writes_(of.writes() ? of.settings_.locks.get() : nullptr) {
        of_.begun_.fetch_add(1, std::memory_order_acq_rel);
        of_.deadline_ = until.deadline;
        of_.out_of_time_ = false;
        of_.is_overtaken_ = until.borrower && *until.borrower != of_.borrower_.load(std::memory_order_acquire);
        of_.looks_ = 0;
        of_.brief_until_ = time_point::max();
        of_.not_brief_ = false;
        errno = 0;  // so that what is there after a failure belongs to it
        of_.in_transaction_ = of_.db_ != nullptr && sqlite3_get_autocommit(of_.db_) == 0;
    }
    call(const call&) = delete;
    call& operator=(const call&) = delete;
    ~call() { of_.update_state(); }

private:
    engine& of_;
    const std::unique_lock<std::mutex> held_;
    const turn_locks::writing writes_;
};

engine::engine(engine_settings settings)
    : settings_(std::move(settings)), process_(process_mark()), cache_(settings_.statement_cache) {}

engine::~engine() {
    close();
}

// ---- opening and closing --------------------------------------------------------------------------------------------

result<void> engine::open() {
    const call mine(*this, visit(time_point::max()));
    return open_handle();
}

result<void> engine::open_handle() {
    close_handle();
    const bool writes = settings_.role == role::writer;
    // A database in memory cannot be opened read-only by its readers; PRAGMA query_only makes them so.
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
    flags |= writes || settings_.in_memory ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    if (settings_.create || settings_.in_memory) flags |= SQLITE_OPEN_CREATE;
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(settings_.uri.c_str(), &opened, flags, nullptr);
    if (code != SQLITE_OK) {
        error reported = open_error(opened, code, settings_.shown, writes);
        sqlite3_close(opened);
        return reported;
    }
    {
        const std::lock_guard held(handle_mutex_);
        db_ = opened;
    }
    if (auto configured = configure(); !configured) {
        close_handle();
        return configured;
    }
    return {};
}

/// The first statement reads the file's head, so what is wrong with it is found here.
result<void> engine::configure() {
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_handler(db_, &engine::on_busy, this);
    sqlite3_progress_handler(db_, steps_between_looks, &engine::on_progress, this);
    sqlite3_limit(db_, SQLITE_LIMIT_LENGTH, bounded(settings_.max_value_bytes));
    sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
    const std::string cache = fmt::format("PRAGMA cache_size=-{}", settings_.page_cache_bytes / 1024);
    if (auto set = execute(cache.c_str()); !set) return set;
    if (settings_.role == role::writer) {
        // With a look at the file where it is not changed: what is wrong with it is found here.
        const char* const journal =
            settings_.keeps_journal ? "SELECT 1 FROM sqlite_master LIMIT 1" : "PRAGMA journal_mode=WAL";
        if (auto set = execute(journal); !set && !settings_.in_memory) return set;
        return execute(settings_.full_durability ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    }
    if (auto set = execute("PRAGMA query_only=1"); !set) return set;
    return execute("SELECT 1 FROM sqlite_master LIMIT 1");
}

result<void> engine::execute(const char* text) {
    const int code = sqlite3_exec(db_, text, nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return {};
    return open_error(db_, code, settings_.shown, settings_.role == role::writer);
}

void engine::close_handle() noexcept {
    end_stream();
    cache_.clear();
    const std::lock_guard held(handle_mutex_);
    sqlite3_close(std::exchange(db_, nullptr));
}

void engine::close() noexcept {
    if (process_mark() != process_) {
        // The statements belong to the handle, which is left to itself.
        static_cast<void>(new (std::nothrow) statement_cache(std::move(cache_)));
        return;
    }
    const std::lock_guard held(calls_);
    close_handle();
    state_.store(session_state::broken, std::memory_order_release);
}

// ---- statements -----------------------------------------------------------------------------------------------------

error engine::given_up() {
    return {sql::errc::statement_cancelled, "the statement was given up before it began"};
}

result<void> engine::may_begin() {
    if (process_mark() != process_) {
        return error(errc::connection_closed, "the connection belongs to the process that forked this one",
                     "open a pool of one's own after fork");
    }
    if (db_ == nullptr) return error(errc::connection_closed, "the connection is closed", "acquire another one");
    if (is_overtaken_ || cancelled_.load(std::memory_order_acquire)) return given_up();
    if (clock::now() >= deadline_) {
        out_of_time_ = true;
        return error(errc::timeout, "the statement's time was over before it began",
                     "raise statement_timeout, or the number of threads");
    }
    if (lost_transaction_) return lost_transaction();
    return {};
}

result<sqlite3_stmt*> engine::prepare(std::string_view text) {
    if (sqlite3_stmt* known = cache_.find(text); known != nullptr) return known;
    sqlite3_stmt* made = nullptr;
    const char* tail = nullptr;
    const unsigned flags = settings_.statement_cache == 0 ? 0U : unsigned{SQLITE_PREPARE_PERSISTENT};
    const int code = sqlite3_prepare_v3(db_, text.data(), bounded(text.size()), flags, &made, &tail);
    prepared_statement owned(made);
    if (code != SQLITE_OK) return failure(code, "prepare");
    if (made == nullptr) return error(sql::errc::syntax_error, "the statement is empty");
    if (!is_gap(text.substr(static_cast<std::size_t>(tail - text.data())))) {
        return error(sql::errc::syntax_error, "there is more than one statement in the text",
                     "send them one by one, in a transaction if they belong together");
    }
    return cache_.keep(text, std::move(owned));
}

result<sqlite3_stmt*> engine::begin(const sql::statement& what, const sql::parameters& with) {
    if (auto allowed = may_begin(); !allowed) return std::move(allowed).error();
    end_stream();
    auto made = prepare(what.text());
    if (!made) return made;
    if (settings_.role == role::reader && sqlite3_stmt_readonly(*made) == 0) {
        return error(sql::errc::read_only, "the statement writes, and this connection only reads",
                     "send it to the writer");
    }
    if (auto bound = bind(*made, with); !bound) {
        rest(*made);
        return std::move(bound).error();
    }
    return made;
}

/// After the first step, which prepares the statement anew if the schema has changed; it is the one used last.
void engine::name_columns(sqlite3_stmt* of, sql::rows& into) {
    known_columns& known = cache_.columns_of_last();
    const int prepared_anew = sqlite3_stmt_status(of, SQLITE_STMTSTATUS_REPREPARE, 0);
    if (known.names == nullptr || known.prepared_anew != prepared_anew) {
        known.names = std::make_shared<const std::vector<std::string>>(column_names(of));
        known.prepared_anew = prepared_anew;
    }
    into.set_columns(known.names);
}

result<void> engine::collect(sqlite3_stmt* from, sql::rows& into) {
    while (true) {
        const int code = sqlite3_step(from);
        if (code != SQLITE_ROW && code != SQLITE_DONE) return failure(code, "run");
        if (into.column_count() == 0) name_columns(from, into);
        if (code == SQLITE_DONE) return {};
        add_row(from, into);
        if (into.stored_bytes() > settings_.max_result_bytes) {
            return error(errc::limit_exceeded,
                         fmt::format("the result is larger than max_result_bytes = {}", settings_.max_result_bytes),
                         "stream it, or raise max_result_bytes; what the statement has written is not undone");
        }
    }
}

/// SQLite tells of the last INSERT, UPDATE or DELETE, however long ago that was.
void engine::note_changes(sqlite3_stmt* of, std::int64_t before, sql::rows& into) const {
    if (sqlite3_stmt_readonly(of) != 0 || sqlite3_total_changes64(db_) == before) return;
    into.set_affected(into.affected() + static_cast<std::uint64_t>(sqlite3_changes64(db_)));
    into.set_last_insert_id(sqlite3_last_insert_rowid(db_));
}

result<sql::rows> engine::run(const sql::statement& what, const sql::parameters& with, const visit& until) {
    const call mine(*this, until);
    if (is_overtaken_) return given_up();
    const transaction_end ends = ends_transaction(what.text());
    if (ends != transaction_end::none) {
        in_transaction_ = false;  // when it fails, its owner knows that there is none any more
        const bool was_lost = std::exchange(lost_transaction_, false);
        if (was_lost && ends == transaction_end::rollback) return sql::rows();
        if (was_lost) return lost_transaction();
    }
    auto begun = begin(what, with);
    if (!begun) return std::move(begun).error();
    const in_use used(*begun);
    const auto changes = sqlite3_total_changes64(db_);
    const bool may_be_brief = runs_briefly() && ends == transaction_end::none;
    const time_point start = may_be_brief ? clock::now() : time_point();
    sql::rows given;
    if (auto got = collect(*begun, given); !got) return std::move(got).error();
    if (may_be_brief) note_pace(clock::now() - start);
    note_changes(*begun, changes, given);
    return given;
}

/// What the setting amounts to in looks of the progress handler.
int engine::most_looks() const noexcept {
    return static_cast<int>(std::max<duration::rep>(settings_.brief / between_looks, 1));
}

/// Of the statement that `begin` has begun last.
void engine::note_pace(duration took) noexcept {
    if (looks_ < most_looks() && took < most_patience) {
        cache_.pace_of_last().ran_within();
    } else {
        cache_.pace_of_last().ran_beyond();
    }
}

std::optional<result<sql::rows>> engine::run_briefly(const sql::statement& what, const sql::parameters& with,
                                                     time_point deadline, time_point& now) {
    if (writes() || !runs_briefly() || now >= deadline || !settings_.pause->allows(now)) return std::nullopt;
    std::unique_lock held(calls_, std::try_to_lock);
    if (!held || db_ == nullptr || stream_ != nullptr || lost_transaction_) return std::nullopt;
    if (cancelled_.load(std::memory_order_acquire) || process_mark() != process_) return std::nullopt;
    sqlite3_stmt* const known = cache_.find(what.text());
    if (known == nullptr || !cache_.pace_of_last().is_brief() || sqlite3_stmt_readonly(known) == 0) return std::nullopt;
    const call mine(*this, std::move(held), visit(deadline));
    const in_use used(known);
    if (auto bound = bind(known, with); !bound) return result<sql::rows>(std::move(bound).error());
    if (settings_.locks != nullptr && !in_transaction_) settings_.locks->hold();
    brief_until_ = now + most_patience;
    std::optional<result<sql::rows>> given(std::in_place,
                                           sql::rows());  // filled in place: it is handed on often enough
    auto got = collect(known, **given);
    const time_point begun = std::exchange(now, clock::now());
    if (brief_pause::is_suspicious(now - begun) && has_read_a_disk()) settings_.pause->begin(now);
    note_pace(now - begun);
    if (not_brief_) return std::nullopt;
    if (!got) given.emplace(std::move(got).error());
    return given;
}

result<sql::rows> engine::run_many(const sql::statement& what, std::span<const sql::parameters> with,
                                   const visit& until) {
    const call mine(*this, until);
    sql::rows all;
    for (std::size_t i = 0; i < with.size(); ++i) {
        auto begun = begin(what, with[i]);
        if (!begun) return std::move(begun).error().with_context(fmt::format("set {} of parameters", i + 1));
        const in_use used(*begun);
        const auto changes = sqlite3_total_changes64(db_);
        sql::rows each;
        if (auto got = collect(*begun, each); !got) {
            return std::move(got).error().with_context(fmt::format("set {} of parameters", i + 1));
        }
        note_changes(*begun, changes, all);
    }
    return all;
}

result<void> engine::start(const sql::statement& what, sql::parameters with, const visit& until) {
    const call mine(*this, until);
    auto begun = begin(what, with);
    if (!begun) return std::move(begun).error();
    stream_ = *begun;
    stream_parameters_ = std::move(with);  // bound where they are: moving a vector leaves its elements in place
    stream_changes_ = sqlite3_total_changes64(db_);
    return {};
}

result<bool> engine::fetch(sql::rows& into, const visit& until) {
    const call mine(*this, until);
    if (auto allowed = may_begin(); !allowed) return std::move(allowed).error();
    if (stream_ == nullptr) return false;
    while (into.size() < settings_.stream_rows && into.stored_bytes() < settings_.stream_bytes) {
        const int code = sqlite3_step(stream_);
        if (code == SQLITE_ROW || code == SQLITE_DONE) add_columns(stream_, into);
        if (code == SQLITE_DONE) {
            note_changes(stream_, stream_changes_, into);
            end_stream();
            return false;
        }
        if (code != SQLITE_ROW) {
            error reported = failure(code, "run");
            end_stream();
            return reported;
        }
        add_row(stream_, into);
    }
    return true;
}

void engine::end_stream() noexcept {
    if (stream_ != nullptr) rest(std::exchange(stream_, nullptr));
    stream_parameters_.clear();
}

// ---- between borrowers ----------------------------------------------------------------------------------------------

result<void> engine::reset(bool full, time_point deadline) {
    const call mine(*this, visit(deadline));
    borrower_.fetch_add(1, std::memory_order_acq_rel);
    in_transaction_ = false;
    cancelled_.store(false, std::memory_order_release);
    lost_transaction_ = false;
    if (db_ == nullptr) return error(errc::reset_failed, "the connection is closed");
    if (full) return open_handle();
    end_stream();
    if (sqlite3_get_autocommit(db_) != 0) return {};
    const int code = sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    if (sqlite3_get_autocommit(db_) != 0) return {};
    return failure(code, "roll back");
}

result<void> engine::check() {
    const call mine(*this, visit(time_point::max()));
    if (auto allowed = may_begin(); !allowed) return std::move(allowed).error();
    int moved = 0;
    const int code = sqlite3_file_control(db_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (code == SQLITE_OK && moved != 0) {
        return error(errc::check_failed, fmt::format("{}: the file was deleted, moved or replaced", settings_.shown),
                     "stop every program that uses a database before its file is replaced");
    }
    return {};
}

void engine::update_state() noexcept {
    if (db_ == nullptr) {
        state_.store(session_state::broken, std::memory_order_release);
        return;
    }
    const bool in_transaction = sqlite3_get_autocommit(db_) == 0;
    session_state now = session_state::idle;
    if (in_transaction) now = session_state::open;
    if (lost_transaction_) now = session_state::failed;
    // What was cancelled refuses everybody until it is reset, whatever its state is otherwise.
    if (stream_ != nullptr || cancelled_.load(std::memory_order_acquire)) now = session_state::busy;
    state_.store(now, std::memory_order_release);
}

// ---- stopping -------------------------------------------------------------------------------------------------------

void engine::cancel() noexcept {
    const std::lock_guard held(handle_mutex_);
    cancelled_.store(true, std::memory_order_release);
    if (db_ != nullptr && process_mark() == process_) sqlite3_interrupt(db_);
}

bool engine::must_stop() noexcept {
    if (cancelled_.load(std::memory_order_relaxed)) return true;
    const time_point now = clock::now();
    const bool is_to_be_brief = brief_until_ != time_point::max();
    ++looks_;
    out_of_time_ = now >= deadline_;
    not_brief_ = is_to_be_brief && !out_of_time_ && (looks_ >= most_looks() || now >= brief_until_);
    return out_of_time_ || not_brief_;
}

int engine::on_progress(void* self) noexcept {
    return static_cast<engine*>(self)->must_stop() ? 1 : 0;
}

/// Waits for another process's lock: SQLite has no way to be told that it is free.
int engine::on_busy(void* self, int attempts) noexcept {
    auto& mine = *static_cast<engine*>(self);
    if (mine.brief_until_ != time_point::max()) {
        mine.not_brief_ = true;
        return 0;
    }
    const time_point now = clock::now();
    if (attempts == 0) mine.busy_until_ = now + mine.settings_.busy_timeout;
    if (now >= mine.busy_until_ || mine.must_stop()) return 0;
    const duration pause = std::min<duration>(std::chrono::milliseconds(1) * (attempts + 1), longest_pause);
    std::this_thread::sleep_until(std::min({now + pause, mine.busy_until_, mine.deadline_}));
    return 1;
}

/// SQLite ends a transaction by itself after some failures (disk full, interrupted while writing …).
error engine::failure(int code, std::string_view doing) {
    if (in_transaction_ && sqlite3_get_autocommit(db_) != 0) lost_transaction_ = true;
    if (out_of_time_ && ((code & 0xff) == SQLITE_INTERRUPT || (code & 0xff) == SQLITE_BUSY)) {
        return {errc::timeout, fmt::format("{}: the statement did not end in time", doing),
                "raise statement_timeout, or make the statement cheaper"};
    }
    return error_of(db_, code, doing);
}

}  // namespace lido::sqlite

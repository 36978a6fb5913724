// Lido: one connection to a SQLite database, by calls that block.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/session.hpp"
#include "lido/sql/statement.hpp"
#include "lido/sql/value.hpp"
#include "sql/sqlite/brief_runs.hpp"
#include "sql/sqlite/statement_cache.hpp"
#include "sql/sqlite/turn_locks.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

namespace lido::sqlite {

/// What a connection is for.
enum class role : std::uint8_t {
    writer,  ///< reads and writes
    reader,  ///< opened read-only
};

struct engine_settings {
    std::string uri;    ///< for sqlite3_open_v2 with SQLITE_OPEN_URI
    std::string shown;  ///< how errors name it
    sqlite::role role = sqlite::role::writer;
    bool create = false;
    bool in_memory = false;
    bool keeps_journal = false;  ///< the file stays as it is, WAL or not
    bool full_durability = false;
    duration busy_timeout = std::chrono::seconds(5);
    std::size_t statement_cache = 256;
    std::size_t page_cache_bytes = std::size_t{2} * 1024 * 1024;
    std::size_t max_result_bytes = std::size_t{64} * 1024 * 1024;
    std::size_t max_value_bytes = std::size_t{64} * 1024 * 1024;
    std::size_t stream_rows = 256;
    std::size_t stream_bytes = std::size_t{256} * 1024;
    duration brief{};  ///< the work that a statement may do in `run_briefly`; 0: none does
    std::shared_ptr<brief_pause> pause = std::make_shared<brief_pause>();
    std::shared_ptr<turn_locks> locks{};  ///< null: each statement has its own
};

/// The handle of SQLite, without its own mutex (SQLITE_OPEN_NOMUTEX): the calls are ordered by one of ours, so they may
/// come from any thread. All block, except `cancel`, `begun` and the constructor.
///
/// After a fork the child must not use it: each call then fails, and its destructor leaves the handle alone, because
/// closing it would drop the parent's locks on the file.
class engine {
public:
    explicit engine(engine_settings settings);
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;
    ~engine();

    /// Until when a call may take, and for which borrower it is made.
    struct visit {
        visit(time_point until) noexcept : deadline(until) {}  // NOLINT(google-explicit-constructor): whoever it is
        visit(time_point until, std::uint64_t by) noexcept : deadline(until), borrower(by) {}
        time_point deadline;
        std::optional<std::uint64_t> borrower;
    };
    /// For a call that is to be made on another thread by whoever borrows the connection now: should that thread come
    /// to it only after a `reset`, it does nothing.
    [[nodiscard]] visit visit_until(time_point deadline) const noexcept {
        return {deadline, borrower_.load(std::memory_order_acquire)};
    }

    /// Opens the file, or opens it anew.
    [[nodiscard]] result<void> open();

    /// A whole result. A statement that SQLite itself does not call reading is refused by a reader with `read_only`,
    /// before anything was done.
    [[nodiscard]] result<sql::rows> run(const sql::statement& what, const sql::parameters& with, const visit& until);
    /// The same on a thread that must not be held up; `now` is the time, also at its end. Nothing, and as if it had not
    /// been asked, when that cannot be promised: the statement writes, was never run, was not brief lately, has to wait
    /// for a lock, or has more to do than takes `brief`.
    [[nodiscard]] std::optional<result<sql::rows>> run_briefly(const sql::statement& what, const sql::parameters& with,
                                                               time_point deadline, time_point& now);
    [[nodiscard]] bool runs_briefly() const noexcept { return settings_.brief > duration::zero(); }
    /// The statement once with each set of parameters; the counts added up. Stops at the first that fails.
    [[nodiscard]] result<sql::rows> run_many(const sql::statement& what, std::span<const sql::parameters> with,
                                             const visit& until);
    /// Begins a statement whose rows `fetch` brings piece by piece. `with` need not live longer than the call.
    [[nodiscard]] result<void> start(const sql::statement& what, sql::parameters with, const visit& until);
    /// Brings the next rows into an empty `into`; false once there are no more.
    [[nodiscard]] result<bool> fetch(sql::rows& into, const visit& until);

    /// Ends what is under way, rolls back, and with `full` opens the file anew, which drops all that a session can
    /// have: temporary tables, attached databases, pragmas, prepared statements.
    [[nodiscard]] result<void> reset(bool full, time_point deadline);
    /// Is it still the file that has this name?
    [[nodiscard]] result<void> check();
    void close() noexcept;

    /// Any thread, at any time: the call that is under way ends soon, and those to come are refused until `reset`.
    void cancel() noexcept;
    /// How many calls have begun; any thread.
    [[nodiscard]] std::uint64_t begun() const noexcept { return begun_.load(std::memory_order_acquire); }
    /// By sqlite3_get_autocommit and by what is being fetched; after a call, by who made it.
    [[nodiscard]] sql::session_state state() const noexcept { return state_.load(std::memory_order_acquire); }
    [[nodiscard]] bool writes() const noexcept { return settings_.role == role::writer; }

private:
    class call;

    [[nodiscard]] result<void> open_handle();
    [[nodiscard]] result<void> configure();
    [[nodiscard]] result<void> execute(const char* text);
    [[nodiscard]] result<void> may_begin();
    [[nodiscard]] static error given_up();
    [[nodiscard]] result<sqlite3_stmt*> prepare(std::string_view text);
    [[nodiscard]] result<sqlite3_stmt*> begin(const sql::statement& what, const sql::parameters& with);
    void name_columns(sqlite3_stmt* of, sql::rows& into);
    [[nodiscard]] result<void> collect(sqlite3_stmt* from, sql::rows& into);
    [[nodiscard]] error failure(int code, std::string_view doing);
    [[nodiscard]] int most_looks() const noexcept;
    void note_pace(duration took) noexcept;
    void note_changes(sqlite3_stmt* of, std::int64_t before, sql::rows& into) const;
    void end_stream() noexcept;
    void close_handle() noexcept;
    void update_state() noexcept;
    [[nodiscard]] bool must_stop() noexcept;
    static int on_progress(void* self) noexcept;
    static int on_busy(void* self, int attempts) noexcept;

    const engine_settings settings_;
    const std::uint64_t process_;
    std::mutex calls_;  // one call at a time

    // Under calls_.
    statement_cache cache_;
    time_point deadline_{};
    time_point busy_until_{};
    int looks_ = 0;  // of the progress handler at the clock, in this call
    time_point brief_until_ = time_point::max();
    bool not_brief_ = false;  // it was to be, and had to be stopped
    bool out_of_time_ = false;
    bool is_overtaken_ = false;      // by a reset: the call is of an earlier borrower
    bool in_transaction_ = false;    // at the beginning of the call
    bool lost_transaction_ = false;  // SQLite rolled it back by itself, and its owner does not know yet
    sqlite3_stmt* stream_ = nullptr;
    sql::parameters stream_parameters_;
    std::int64_t stream_changes_ = 0;

    std::mutex handle_mutex_;  // over changes of db_, for `cancel`
    sqlite3* db_ = nullptr;
    std::atomic<bool> cancelled_{false};
    std::atomic<std::uint64_t> begun_{0};
    std::atomic<std::uint64_t> borrower_{0};  // counts resets
    std::atomic<sql::session_state> state_{sql::session_state::broken};
};

}  // namespace lido::sqlite

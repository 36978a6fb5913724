// Lido: one connection to a SQLite database.
#pragma once

#include "lido/base/task.hpp"
#include "lido/base/time.hpp"
#include "lido/sql/pool_settings.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/session.hpp"
#include "lido/sql/statement.hpp"
#include "lido/sql/value.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <span>

namespace lido {
class worker_threads;
}

namespace lido::sqlite {

class engine;

/// A connection whose calls run on worker threads, one after the other, or where they are asked for when they are short
/// (docs/design/sql_sqlite.md); it belongs to no scheduler. See `sql::session` and `sql::answers_at_once`. A call that
/// is given up is interrupted (sqlite3_interrupt), so that its connection can be used again soon.
class session {
public:
    /// For the connector.
    session(std::shared_ptr<worker_threads> threads, std::shared_ptr<engine> handle, bool cancel_abandoned) noexcept;
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    /// The handle is closed on a worker thread.
    ~session();

    [[nodiscard]] task<result<sql::rows>> run(const sql::statement& what, const sql::parameters& with,
                                              time_point deadline);
    [[nodiscard]] std::optional<result<sql::rows>> run_at_once(const sql::statement& what, const sql::parameters& with,
                                                               time_point deadline);
    [[nodiscard]] task<result<sql::rows>> run_later(const sql::statement& what, const sql::parameters& with,
                                                    time_point deadline);
    [[nodiscard]] static bool turn_is_over() noexcept;
    /// The statement once with each set of parameters, by one visit to a worker thread; the counts added up. Stops at
    /// the first that fails, without undoing those before it: for use in a transaction.
    [[nodiscard]] task<result<sql::rows>> run_many(const sql::statement& what,
                                                   std::shared_ptr<const std::vector<sql::parameters>> with,
                                                   time_point deadline);
    [[nodiscard]] task<result<void>> start(const sql::statement& what, const sql::parameters& with,
                                           time_point deadline);
    [[nodiscard]] task<result<bool>> fetch(sql::rows& into, time_point deadline);
    [[nodiscard]] sql::session_state state() const noexcept { return state_.load(std::memory_order_acquire); }

    // For the connector.
    [[nodiscard]] task<result<void>> reset(bool full, time_point deadline);
    [[nodiscard]] task<result<void>> check(time_point deadline);
    [[nodiscard]] task<void> close(time_point deadline);
    void cancel() noexcept;

private:
    class turn;
    template <class Function>
    task<std::invoke_result_t<Function&>> on_thread(Function function, time_point deadline);

    std::shared_ptr<worker_threads> threads_;
    std::shared_ptr<engine> engine_;
    bool cancel_abandoned_;
    std::atomic<sql::session_state> state_{sql::session_state::idle};
};

}  // namespace lido::sqlite

// Lido: what stands behind a MySQL session: libmariadb's handle, driven on an event loop.
#pragma once

#include "lido/net/descriptor_watch.hpp"
#include "lido/pool/connector.hpp"
#include "lido/sql/mysql/session.hpp"
#include "lido/sql/pool_settings.hpp"
#include "sql/mysql/errors.hpp"
#include "sql/mysql/parameter_binding.hpp"
#include "sql/mysql/result_columns.hpp"

#include <mysql.h>

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lido::mysql {

/// Closes a connection politely, or at once when it was shut down before.
struct handle_closer {
    void operator()(MYSQL* handle) const noexcept { mysql_close(handle); }
};
using unique_handle = std::unique_ptr<MYSQL, handle_closer>;

/// While rows are on their way, this waits for all of them.
struct text_result_freer {
    void operator()(MYSQL_RES* result) const noexcept { mysql_free_result(result); }
};
using unique_text_result = std::unique_ptr<MYSQL_RES, text_result_freer>;

/// Belongs to its loop; `state` may be read on any thread.
class session::implementation {
public:
    implementation(net::event_loop& loop, unique_handle connected, const sql::pool_settings& settings,
                   pool::connection_events events);
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;
    ~implementation();

    [[nodiscard]] task<result<sql::rows>> run(const sql::statement& what, const sql::parameters& with,
                                              time_point deadline);
    [[nodiscard]] task<result<void>> start(const sql::statement& what, const sql::parameters& with,
                                           time_point deadline);
    [[nodiscard]] task<result<bool>> fetch(sql::rows& into, time_point deadline);
    [[nodiscard]] task<result<void>> ping(time_point deadline);
    /// COM_RESET_CONNECTION, and what has to be said again after it.
    [[nodiscard]] task<result<void>> reset_all(time_point deadline);

    [[nodiscard]] sql::session_state state() const noexcept { return state_.load(std::memory_order_acquire); }
    [[nodiscard]] MYSQL* handle() const noexcept { return handle_.get(); }
    /// Of the error reported last; 0: none yet.
    [[nodiscard]] unsigned last_number() const noexcept { return last_number_; }
    /// Nothing more is sent or awaited: closing will not wait for anything.
    void shut_down() noexcept;

private:
    /// A statement that was prepared. Closed with the handle, or when it leaves the cache.
    struct prepared {
        explicit prepared(MYSQL* of) : statement(mysql_stmt_init(of)) {}
        prepared(const prepared&) = delete;
        prepared& operator=(const prepared&) = delete;
        ~prepared() {
            if (statement != nullptr) mysql_stmt_close(statement);
        }
        MYSQL_STMT* statement;
        std::string text;
        result_columns columns;
    };
    /// Is `busy` from its making on; the end of a call says what it is then. A call that is destroyed half-way so
    /// leaves a busy session.
    class call_scope {
    public:
        explicit call_scope(implementation& of) noexcept : of_(of) {
            const sql::session_state now = of.state();
            if (now != sql::session_state::busy) of.before_ = now;  // else it goes on with a stream
            end_as(sql::session_state::busy);
        }
        call_scope(const call_scope&) = delete;
        call_scope& operator=(const call_scope&) = delete;
        void end_as(sql::session_state what) noexcept { of_.state_.store(what, std::memory_order_release); }
        /// The answer is complete, and the server's word counts.
        void end_good() noexcept { end_as(of_.state_by_server()); }
        /// Nothing was sent that could have changed anything.
        void end_unsent() noexcept { end_as(of_.before_); }
        void end_broken() noexcept { end_as(sql::session_state::broken); }
        /// The server refused, and so said nothing about its state: the call ends by `settle`.
        void note_refusal() noexcept { was_refused_ = true; }
        /// The same is tried another way.
        void go_on() noexcept { was_refused_ = false; }
        [[nodiscard]] bool was_refused() const noexcept { return was_refused_; }

    private:
        implementation& of_;
        bool was_refused_ = false;
    };

    /// Drives one of libmariadb's calls to its end: `start()` and `go_on(events)` say what it waits for. False: the
    /// deadline came, and the call stands where it is.
    template <class Start, class Continue>
    [[nodiscard]] task<bool> drive(Start start, Continue go_on, time_point deadline);
    /// The same from where it waits for the first time. For calls that mostly do not: they are then spared a task.
    template <class Continue>
    [[nodiscard]] task<bool> drive_on(int waits, Continue go_on, time_point deadline);

    [[nodiscard]] sql::session_state state_by_server() const noexcept;
    /// The server's word by a ping. Without one the call has ended, and the session is busy or broken.
    [[nodiscard]] task<result<sql::session_state>> ask_state(call_scope& call, time_point deadline);
    /// Ends a call that was refused: where the session stands now, only the server knows. `text` is what was refused.
    [[nodiscard]] task<void> settle(call_scope& call, std::string_view text, time_point deadline);
    [[nodiscard]] error failure(call_scope& call);
    [[nodiscard]] error failure(call_scope& call, MYSQL_STMT* of);
    [[nodiscard]] error failure(call_scope& call, unsigned number, std::string_view state, std::string_view message);
    [[nodiscard]] static error too_late();
    [[nodiscard]] error too_large() const;

    /// Null when it is not in the cache.
    [[nodiscard]] std::shared_ptr<prepared> find(std::string_view text);
    /// With `refused` it cannot be prepared at all.
    [[nodiscard]] task<result<std::shared_ptr<prepared>>> prepare(call_scope& call, std::string_view text,
                                                                  time_point deadline, bool& refused);
    void keep(const std::shared_ptr<prepared>& made);
    [[nodiscard]] task<result<void>> execute(call_scope& call, prepared& what, const sql::parameters& with,
                                             parameter_binding& bound, time_point deadline);
    /// Appends rows until one of the limits is reached. True: there may be more.
    [[nodiscard]] task<result<bool>> take_rows(call_scope& call, prepared& what, sql::rows& into, std::size_t most_rows,
                                               std::size_t most_bytes, time_point deadline);
    [[nodiscard]] task<result<void>> finish(call_scope& call, prepared& what, time_point deadline);
    [[nodiscard]] task<result<sql::rows>> run_prepared(call_scope& call, std::shared_ptr<prepared> what,
                                                       const sql::parameters& with, time_point deadline);
    [[nodiscard]] task<result<sql::rows>> run_text(call_scope& call, std::string_view text, time_point deadline);
    /// Appends all rows of the result that is next.
    [[nodiscard]] task<result<void>> take_text(call_scope& call, sql::rows& into, time_point deadline);
    [[nodiscard]] task<result<void>> finish_text(call_scope& call, time_point deadline);
    [[nodiscard]] result<void> check_free() const;
    /// Is it free, and for this statement?
    [[nodiscard]] result<void> check_free_for(std::string_view text) const;
    void disturbed() noexcept;

    const sql::pool_settings& settings_;
    pool::connection_events events_;
    std::atomic<sql::session_state> state_{sql::session_state::idle};
    sql::session_state before_ = sql::session_state::idle;  // the call that is under way, or a stream
    unsigned last_number_ = 0;
    unique_handle handle_;
    std::optional<net::descriptor_watch> watch_;  // destroyed before the handle closes its descriptor

    using cache_list = std::list<std::shared_ptr<prepared>>;
    cache_list cache_;  // used last first
    std::unordered_map<std::string_view, cache_list::iterator> cached_;
    std::shared_ptr<prepared> uncached_;  // the last, where there is no cache
    std::shared_ptr<prepared> streaming_;
    unique_text_result text_result_;  // of a call that was given up: freed when nothing more can come
};

}  // namespace lido::mysql

// Lido: what stands behind a MySQL session: the wire, and what a session has to know of its server.
#pragma once

#include "lido/pool/connector.hpp"
#include "lido/sql/mysql/session.hpp"
#include "lido/sql/pool_settings.hpp"
#include "sql/mysql/statement_cache.hpp"
#include "sql/mysql/wire.hpp"

#include <atomic>
#include <memory>
#include <string_view>

namespace lido::mysql {

class packet_writer;

/// Belongs to its loop; `state` may be read on any thread.
class session::implementation {
public:
    /// `over` is the channel of `connected`.
    implementation(net::event_loop& loop, unique_handle connected, const sql::channel& over,
                   const sql::pool_settings& settings, pool::connection_events events);
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;
    ~implementation();

    /// Once, before anything else.
    [[nodiscard]] result<void> watch();

    [[nodiscard]] task<result<sql::rows>> run(const sql::statement& what, const sql::parameters& with,
                                              time_point deadline);
    [[nodiscard]] task<result<void>> start(const sql::statement& what, const sql::parameters& with,
                                           time_point deadline);
    [[nodiscard]] task<result<bool>> fetch(sql::rows& into, time_point deadline);
    [[nodiscard]] task<result<void>> ping(time_point deadline);
    /// COM_RESET_CONNECTION, and what has to be said again after it.
    [[nodiscard]] task<result<void>> reset_all(time_point deadline);

    [[nodiscard]] sql::session_state state() const noexcept { return state_.load(std::memory_order_acquire); }
    [[nodiscard]] MYSQL* handle() const noexcept { return wire_.handle(); }
    /// Would the next borrower's statements do something else than they say? They do not last, or the next transaction
    /// has a level that it was not begun with. From any thread.
    [[nodiscard]] bool is_altered() const noexcept { return is_altered_.load(std::memory_order_acquire); }
    /// What is said first of all. Times are UTC, and what is not in a transaction lasts.
    static constexpr const char* first_words = "SET time_zone = '+00:00', autocommit = 1";
    /// And after a reset, with which MySQL goes back to a character set of its own.
    static constexpr const char* words_after_reset = "SET NAMES utf8mb4, time_zone = '+00:00', autocommit = 1";
    /// Of the error reported last; 0: none yet.
    [[nodiscard]] unsigned last_number() const noexcept { return last_number_; }
    /// Nothing more is sent or awaited: closing will not wait for anything.
    void shut_down() noexcept { wire_.shut_down(); }

private:
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
        void end_as(sql::session_state what) noexcept {
            const sql::session_state now = of_.wire_.broken() ? sql::session_state::broken : what;
            of_.state_.store(now, std::memory_order_release);
        }
        /// The answer is complete, and the server's word counts.
        void end_good() noexcept {
            of_.note_status();
            end_as(state_of(of_.wire_.status()));
        }
        /// Nothing was sent that could have changed anything.
        void end_unsent() noexcept { end_as(of_.before_); }
        void end_broken() noexcept { end_as(sql::session_state::broken); }
        /// The server refused, and so said nothing about its state: the call ends by `settle`.
        void note_refusal() noexcept { was_refused_ = true; }
        [[nodiscard]] bool was_refused() const noexcept { return was_refused_; }

    private:
        implementation& of_;
        bool was_refused_ = false;
    };

    /// Begins what is sent next with what the server is to close.
    [[nodiscard]] packet_writer write();
    void send_prepare(answer& to, std::string_view text);
    [[nodiscard]] result<void> send_execute(call_scope& call, answer& to, const prepared_statement& what,
                                            const sql::parameters& with);
    void send_text(answer& to, std::string_view text);
    /// What an answer to `send_prepare` has brought is a statement from now on.
    [[nodiscard]] prepared_statement& keep(std::string_view text, answer& from);
    /// For statements that are not in the cache. Null: it cannot be prepared, but goes as text.
    [[nodiscard]] task<result<prepared_statement*>> prepare(call_scope& call, std::string_view text, bool may_be_text,
                                                            time_point deadline);

    /// The columns that an answer has brought are those of the statement from now on.
    static void keep_shape(prepared_statement* of, const answer& came) noexcept;
    /// Waits for an OK. Without one the call has ended, and the session is busy or broken.
    [[nodiscard]] task<result<void>> acknowledged(call_scope& call, answer& by, time_point deadline);
    /// The server's word by a ping. Without one the call has ended, and the session is busy or broken.
    [[nodiscard]] task<result<sql::session_state>> ask_state(call_scope& call, time_point deadline);
    /// Ends a call that was refused: where the session stands now, only the server knows. `text` is what was refused.
    [[nodiscard]] task<void> settle(call_scope& call, std::string_view text, time_point deadline);
    /// `what` was executed; null: none was.
    [[nodiscard]] error failure(call_scope& call, answer& of, const prepared_statement* what);
    [[nodiscard]] static error too_late();

    /// The server's word after a statement that it has executed, or a ping.
    void note_status() noexcept;
    void note_next_level() noexcept;

    [[nodiscard]] result<void> check_free() const;
    /// Is it free, and for this statement?
    [[nodiscard]] result<void> check_free_for(std::string_view text) const;
    static void ended(void* self) noexcept;

    pool::connection_events events_;
    std::atomic<sql::session_state> state_{sql::session_state::idle};
    sql::session_state before_ = sql::session_state::idle;  // the call that is under way, or a stream
    unsigned last_number_ = 0;
    statement_cache statements_;
    wire wire_;
    bool tells_autocommit_;        // some proxies may not
    bool has_next_level_ = false;  // SET TRANSACTION was executed, and no transaction has begun since
    std::atomic<bool> is_altered_{false};
    std::unique_ptr<answer> streamed_;
    prepared_statement* streaming_ = nullptr;  // what it is of
};

}  // namespace lido::mysql

// Lido: what a connection to PostgreSQL does.
#pragma once

#include "lido/base/scheduler.hpp"
#include "lido/pool/connector.hpp"
#include "lido/sql/postgres/session.hpp"
#include "lido/sql/postgres/settings.hpp"
#include "sql/postgres/cancel_request.hpp"
#include "sql/postgres/statement_cache.hpp"
#include "sql/postgres/text_parameters.hpp"
#include "sql/postgres/wire.hpp"

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::postgres {

/// What a session needs to know of its pool's settings.
struct session_options {
    wire_limits limits;
    std::size_t statement_cache = 0;  ///< 0: nothing is prepared under a name
    /// Statements of many that may be under way at once; 1: one borrower's.
    std::uint32_t depth = 1;
    bool pipelined = false;
    duration patience{};  ///< pipelined: what runs longer than this gets no more statements behind it
    bool cancel_abandoned = true;
    bool transaction_pooling = false;  ///< there is no session behind it that would keep anything
    server_role role = server_role::any;
};

class session::implementation : private timer {
public:
    /// `cancels`: those of its server.
    implementation(net::event_loop& loop, const session_options& options, std::shared_ptr<cancel_lane> cancels,
                   pool::connection_events events);
    implementation(implementation&&) = delete;
    ~implementation();

    [[nodiscard]] task<result<void>> connect(const connect_parameters& with, time_point deadline);
    /// What every session of Lido's has set, at the beginning and after DISCARD ALL.
    [[nodiscard]] task<result<void>> set_up(time_point deadline);
    /// Asks the server for its role, where it does not report that by itself.
    [[nodiscard]] task<result<void>> find_role(time_point deadline);

    /// `once`: what is refused because it was prepared for other columns is sent once more.
    [[nodiscard]] task<result<sql::rows>> run(const sql::statement& what, const sql::parameters& with,
                                              time_point deadline, bool once = true);

    // `run` in steps, for a coroutine that has more to do than that: see query.cpp.

    /// Is there nothing to be done before a statement can be sent?
    [[nodiscard]] bool is_ready() const noexcept { return options_.pipelined || !must_settle(); }
    /// Sends it; `name` is what it goes by at the server.
    [[nodiscard]] result<void> ask(reply& answer, const sql::statement& what, const sql::parameters& with,
                                   std::string& name);
    /// After `answer` was waited for: is it the caller's? False: it is to be asked anew, which is done `once`.
    [[nodiscard]] bool is_final(const reply& answer, bool in_time, const std::string& name, bool once);
    /// What a final answer says.
    [[nodiscard]] result<sql::rows> outcome_of(reply& answer, bool in_time);

    [[nodiscard]] task<result<void>> start(const sql::statement& what, const sql::parameters& with,
                                           time_point deadline);
    [[nodiscard]] task<result<bool>> fetch(sql::rows& into, time_point deadline);
    [[nodiscard]] task<result<std::vector<sql::rows>>> run_batch(const sql::batch& what, time_point deadline);

    [[nodiscard]] task<result<void>> listen(const std::string& channel, time_point deadline);
    [[nodiscard]] task<result<std::vector<notification>>> notifications(time_point deadline);
    [[nodiscard]] task<result<void>> copy_begin(const sql::statement& what, bool put, time_point deadline);
    [[nodiscard]] task<result<void>> copy_put(std::string_view data, time_point deadline);
    [[nodiscard]] task<result<std::string>> copy_take(time_point deadline);
    [[nodiscard]] task<result<std::uint64_t>> copy_end(time_point deadline);

    [[nodiscard]] task<result<void>> check(time_point deadline);
    [[nodiscard]] task<result<void>> reset(sql::reset_policy how, time_point deadline);
    void cut() noexcept;

    [[nodiscard]] bool is_replica() const noexcept { return is_replica_; }
    [[nodiscard]] bool is_read_only_by_default() const noexcept;
    [[nodiscard]] bool in_read_only_transaction() const noexcept { return read_only_; }
    /// Any thread that holds the lease.
    [[nodiscard]] bool is_listening() const noexcept { return wire_.is_listening(); }
    /// A signal may still come, and hits what runs then. Any thread that holds the lease.
    [[nodiscard]] bool cancel_is_on_its_way() const noexcept {
        return cancel_on_its_way_.load(std::memory_order_acquire);
    }
    [[nodiscard]] wire& on() noexcept { return wire_; }
    [[nodiscard]] const wire& on() const noexcept { return wire_; }

private:
    class notification_wait;
    static void unasked(void* self) noexcept;
    void begin_cancel();
    void forget_cancel();
    void watch_patience();
    void look_at_head();
    void note_role() noexcept;
    void follow_role() noexcept;
    /// Something was given up, or a cancel request is on its way that would hit what is sent next.
    [[nodiscard]] bool must_settle() const noexcept { return wire_.outstanding() > 0 || cancelling_ != nullptr; }
    [[nodiscard]] task<result<void>> settle(time_point deadline);
    [[nodiscard]] task<result<sql::rows>> command(const char* text, time_point deadline);
    [[nodiscard]] static result<void> check_text(std::string_view text);
    [[nodiscard]] result<void> prepare(std::string_view text, wire::statement& made);
    /// `name` becomes what it was sent under, if it has one.
    [[nodiscard]] result<void> send(reply& answer, const sql::statement& what, const sql::parameters& with,
                                    std::string& name);
    class sent_batch;
    [[nodiscard]] result<void> send(sent_batch& answers, const sql::batch& what);
    void close_dropped();
    void forget_stale(std::string_view name, std::string_view state);
    [[nodiscard]] bool may_prepare_anew(const reply& answer) const noexcept;
    [[nodiscard]] error failure_of(reply& answer) const;
    [[nodiscard]] error out_of_time();

    session_options options_;
    std::shared_ptr<cancel_lane> cancels_;
    pool::connection_events events_;
    statement_cache statements_;
    wire wire_;
    text_parameters bound_;
    std::unique_ptr<reply> streamed_;
    std::unique_ptr<cancel_request> cancelling_;
    time_point cancelled_head_{};  // since when the statement was next that it is for
    std::atomic<bool> cancel_on_its_way_{false};
    wire::copy_direction copy_ = wire::copy_direction::out;
    std::coroutine_handle<> listener_;  // who waits for notifications
    bool watching_ = false;             // the timer is armed
    bool held_back_ = false;            // no more statements for now
    bool is_replica_ = false;
    bool read_only_ = false;  // the transaction was begun so
};

}  // namespace lido::postgres

// Lido: a database that does what a test says, for what all pools of databases have in common.
#pragma once

#include "lido/sql/basic_pool.hpp"
#include "support/work.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lido::test {

/// What all sessions of a test share.
struct fake_database {
    /// The statements as they came.
    std::vector<std::string> seen;
    /// What a statement brings; nothing: one row with the number of statements so far.
    std::function<std::optional<error>(const std::string& text)> fails;
    duration takes = duration::zero();
    /// Of this statement alone; empty: of all.
    std::string slow;
    /// What answers at once does so; it runs on whichever scheduler asks.
    bool at_once = false;
    const scheduler* answered_on = nullptr;
    int opened = 0;
    int resets = 0;
    bool ends_generation = false;
};

class fake_session {
public:
    explicit fake_session(fake_database& of) : database_(of) {}

    /// A statement that does not end by its deadline leaves the session busy.
    [[nodiscard]] task<result<sql::rows>> run(const sql::statement& what, const sql::parameters& with,
                                              time_point deadline) {
        const std::string text(what.text());
        const sql::session_state before = state_;
        state_ = sql::session_state::busy;
        database_.seen.push_back(text);
        database_.answered_on = scheduler::current();
        if (takes(text) > duration::zero()) {
            const duration left = deadline - scheduler::current()->now();
            co_await delay(std::min(takes(text), left));
            if (takes(text) >= left) co_return error(errc::timeout, "no answer in time");
        }
        if (database_.fails) {
            if (auto failure = database_.fails(text)) {
                state_ = before == sql::session_state::idle ? before : sql::session_state::failed;
                co_return std::move(*failure);
            }
        }
        state_ = before;
        if (text.starts_with("BEGIN")) state_ = sql::session_state::open;
        if (text == "COMMIT" || text == "ROLLBACK") state_ = sql::session_state::idle;
        sql::rows given;
        given.add_column("number");
        given.add(static_cast<std::int64_t>(database_.seen.size()));
        given.set_affected(with.size());
        co_return given;
    }
    [[nodiscard]] task<result<void>> start(const sql::statement& what, const sql::parameters&, time_point) {
        database_.seen.emplace_back(what.text());
        state_ = sql::session_state::busy;
        left_ = 3;
        co_return result<void>();
    }
    [[nodiscard]] task<result<bool>> fetch(sql::rows& into, time_point) {
        into.add_column("number");
        if (left_ > 0) into.add(static_cast<std::int64_t>(left_--));
        if (left_ == 0) state_ = sql::session_state::idle;
        const bool more = left_ > 0;
        co_return more;
    }
    [[nodiscard]] sql::session_state state() const noexcept { return state_; }
    void reset() noexcept { state_ = sql::session_state::idle; }

protected:
    [[nodiscard]] fake_database& database() noexcept { return database_; }

private:
    [[nodiscard]] duration takes(const std::string& text) const {
        const bool is_slow = database_.slow.empty() || database_.slow == text;
        return is_slow ? database_.takes : duration::zero();
    }

    fake_database& database_;
    sql::session_state state_ = sql::session_state::idle;
    int left_ = 0;
};

/// One that answers at once when the database says so.
class quick_fake_session : public fake_session {
public:
    using fake_session::fake_session;

    [[nodiscard]] std::optional<result<sql::rows>> run_at_once(const sql::statement& what, const sql::parameters&,
                                                               time_point) {
        if (!database().at_once) return std::nullopt;
        database().seen.emplace_back(what.text());
        database().answered_on = scheduler::current();
        if (database().fails) {
            if (auto failure = database().fails(database().seen.back())) return result<sql::rows>(std::move(*failure));
        }
        return result<sql::rows>(sql::rows());
    }
    [[nodiscard]] task<result<sql::rows>> run_later(const sql::statement& what, const sql::parameters& with,
                                                    time_point deadline) {
        return run(what, with, deadline);
    }
    [[nodiscard]] static bool turn_is_over() noexcept { return turn_over; }

    static inline bool turn_over = false;
};

template <class Session>
class basic_fake_connector {
public:
    using connection = Session;
    explicit basic_fake_connector(fake_database& of) : database_(&of) {}

    [[nodiscard]] task<result<std::unique_ptr<connection>>> open(const pool::open_request&) {
        ++database_->opened;
        co_return std::make_unique<connection>(*database_);
    }
    [[nodiscard]] task<result<void>> check(connection&, time_point) { co_return result<void>(); }
    [[nodiscard]] task<void> close(connection&, time_point) { co_return; }
    [[nodiscard]] task<result<void>> reset(connection& which, time_point) {
        ++database_->resets;
        which.reset();
        co_return result<void>();
    }
    [[nodiscard]] std::uint32_t capacity(const connection&) const noexcept { return 1; }
    [[nodiscard]] pool::verdict usable(const connection& which) const noexcept {
        return which.state() == sql::session_state::idle ? pool::verdict::clean : pool::verdict::needs_reset;
    }
    [[nodiscard]] result<sql::statement> begin_statement(const sql::transaction_options& options) const {
        if (options.deferrable) return error(errc::invalid_argument, "deferrable");
        return sql::statement("BEGIN");
    }
    [[nodiscard]] bool ends_generation(const error&, const connection&) const noexcept {
        return database_->ends_generation;
    }

private:
    fake_database* database_;
};

using fake_database_connector = basic_fake_connector<fake_session>;
class quick_fake_connector : public basic_fake_connector<quick_fake_session> {
public:
    using basic_fake_connector::basic_fake_connector;
    static constexpr bool roams = true;
};

}  // namespace lido::test

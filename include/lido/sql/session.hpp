// Lido: what a connection to a database of any kind can do.
#pragma once

#include "lido/base/task.hpp"
#include "lido/base/time.hpp"
#include "lido/pool/connector.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/statement.hpp"
#include "lido/sql/transaction_options.hpp"
#include "lido/sql/value.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <vector>

namespace lido::sql {

/// Where a session stands, by the server's last word.
enum class session_state : std::uint8_t {
    idle,    ///< no transaction, no answer outstanding
    open,    ///< in a transaction
    failed,  ///< in a transaction that can only be rolled back
    busy,    ///< an answer is outstanding: a statement was given up
    broken,  ///< not to be used again
};

/// A connection, as the pools of this layer use it. It belongs to its scheduler; `state` may be called on any thread.
///
/// - `run` executes a statement and gives its whole result, within the limits of the settings.
/// - `start` begins one whose result is fetched piece by piece; `fetch` appends the next rows to `into` and says
/// whether
///   there may be more. What is not fetched to its end leaves the session `busy`.
/// - When a task is destroyed half-way the session is `busy` or `broken`, never `idle`.
///
/// Statement and parameters live until the task has ended.
template <class S>
concept session =
    requires(S& on, const S& known, const statement& what, const parameters& with, rows& into, time_point deadline) {
        { on.run(what, with, deadline) } -> std::same_as<task<result<rows>>>;
        { on.start(what, with, deadline) } -> std::same_as<task<result<void>>>;
        { on.fetch(into, deadline) } -> std::same_as<task<result<bool>>>;
        { known.state() } -> std::same_as<session_state>;
    };

/// A session that may know an answer without waiting for anything. Its connector is `lido::pool::roaming`.
///
/// - `run_at_once` gives the whole result, or nothing when that may take longer than a loop can be held up; then
///   nothing has happened yet, and `run_later` is to be asked.
/// - `turn_is_over` says whether so many answers were given in this turn of the scheduler that it is time for others.
template <class S>
concept answers_at_once =
    session<S> && requires(S& on, const statement& what, const parameters& with, time_point deadline) {
        { on.run_at_once(what, with, deadline) } -> std::same_as<std::optional<result<rows>>>;
        { on.run_later(what, with, deadline) } -> std::same_as<task<result<rows>>>;
        { S::turn_is_over() } -> std::same_as<bool>;
    };

/// How a transaction begins: by one statement, or by several where one cannot say it all.
template <class C>
concept transaction_beginner = requires(const C& kind, const transaction_options& options) {
    { kind.begin_statement(options) } -> std::same_as<result<statement>>;
} || requires(const C& kind, const transaction_options& options) {
    { kind.begin_statements(options) } -> std::same_as<result<std::vector<statement>>>;
};

/// A pool's connector whose connections are sessions, and what its database says differently from others: the statement
/// that begins a transaction, and whether an error means that the server has changed its role or goes away, so that no
/// connection of now may be used for anything new.
template <class C>
concept session_connector = lido::pool::connector<C> && session<typename C::connection> && transaction_beginner<C> &&
                            requires(const C& kind, const error& failure, const typename C::connection& where) {
                                { kind.ends_generation(failure, where) } -> std::same_as<bool>;
                            };

}  // namespace lido::sql

// Lido: PostgreSQL for a pool.
#pragma once

#include "lido/pool/connector.hpp"
#include "lido/pool/verdict.hpp"
#include "lido/sql/postgres/session.hpp"
#include "lido/sql/postgres/settings.hpp"
#include "lido/sql/session.hpp"

#include <cstdint>
#include <memory>

namespace lido::sql::detail {

template <class Connector>
struct sql_pool_state;

}  // namespace lido::sql::detail

namespace lido::postgres {

/// What a connector's connections are for.
enum class sharing : std::uint8_t {
    exclusive,  ///< one borrower at a time: transactions, several statements, streams
    pipelined,  ///< single statements of many borrowers, one behind the other
};

/// The connector of `postgres::pool`, and for pools of one's own. Copyable; copies share what they have learned about
/// the hosts. For schedulers that are event loops of `net`.
class connector {
public:
    using connection = session;

    /// Throws `lido::exception` (`invalid_argument`) when `of` is not valid.
    explicit connector(const settings& of, sharing how = sharing::exclusive);

    /// Tries the hosts, that of the last success first, until one has the wanted role.
    [[nodiscard]] task<result<std::unique_ptr<connection>>> open(const lido::pool::open_request& request);
    [[nodiscard]] task<result<void>> check(connection& which, time_point deadline);
    [[nodiscard]] task<void> close(connection& which, time_point deadline);
    /// Cancels what runs, reads answers to their end, rolls back, and drops the session's state if that is the policy.
    [[nodiscard]] task<result<void>> reset(connection& which, time_point deadline);
    void cut(connection& which) noexcept;
    [[nodiscard]] std::uint32_t capacity(const connection& which) const noexcept;
    [[nodiscard]] lido::pool::verdict usable(const connection& which) const noexcept;

    [[nodiscard]] result<sql::statement> begin_statement(const sql::transaction_options& options) const;
    /// 25006 outside of a transaction that was begun READ ONLY: this server takes no writes any more.
    [[nodiscard]] bool ends_generation(const error& failure, const connection& where) const noexcept;

    using pool_state = sql::detail::sql_pool_state<connector>;
    /// A statement on whatever connection is free, in one coroutine: see `sql::queries_by_itself`. `otherwise` is for
    /// shared connections: where it goes when none of those can be had within `settings::shared_patience`.
    template <class Text, class Values>
    [[nodiscard]] static task<result<sql::rows>> query(std::shared_ptr<pool_state> self, Text what, Values with,
                                                       std::shared_ptr<pool_state> otherwise = nullptr);
    /// `settings::shared_patience`.
    [[nodiscard]] duration patience() const noexcept;

    /// A server that takes no writes any more ends the connections of both, whichever of them hears it. Before either
    /// has run a statement.
    static void fence_together(const std::shared_ptr<pool_state>& one, const std::shared_ptr<pool_state>& other);

    struct shared_state;

private:
    std::shared_ptr<shared_state> state_;
};

static_assert(sql::session_connector<connector>);

}  // namespace lido::postgres

// Lido: how pools open SQLite connections.
#pragma once

#include "lido/pool/connector.hpp"
#include "lido/sql/session.hpp"
#include "lido/sql/sqlite/pool_settings.hpp"
#include "lido/sql/sqlite/session.hpp"

#include <cstdint>
#include <memory>

namespace lido::sqlite {

class database;

/// Of one role: the writer, or the readers. A cheap handle.
class connector {
public:
    using connection = session;
    static constexpr bool roams = true;

    [[nodiscard]] task<result<std::unique_ptr<connection>>> open(const lido::pool::open_request& request);
    /// Whether the file is still the one that has this name.
    [[nodiscard]] task<result<void>> check(connection& which, time_point deadline);
    [[nodiscard]] task<void> close(connection& which, time_point deadline);
    [[nodiscard]] task<result<void>> reset(connection& which, time_point deadline);
    void cut(connection& which) noexcept { which.cancel(); }
    [[nodiscard]] std::uint32_t capacity(const connection&) const noexcept { return 1; }
    [[nodiscard]] lido::pool::verdict usable(const connection& which) const noexcept;

    /// BEGIN IMMEDIATE for the writer, so that no transaction fails half-way because another one writes; BEGIN for
    /// readers.
    [[nodiscard]] result<sql::statement> begin_statement(const sql::transaction_options& options) const;
    /// Never: a file has no role that changes.
    [[nodiscard]] bool ends_generation(const error&, const connection&) const noexcept { return false; }

private:
    friend class pool;
    connector(std::shared_ptr<database> of, std::shared_ptr<worker_threads> threads, bool writes,
              const sql::pool_settings& settings) noexcept
        : database_(std::move(of)),
          threads_(std::move(threads)),
          writes_(writes),
          policy_(settings.reset),
          cancel_abandoned_(settings.cancel_abandoned) {}

    std::shared_ptr<database> database_;
    std::shared_ptr<worker_threads> threads_;
    bool writes_;
    sql::reset_policy policy_;
    bool cancel_abandoned_;
};

}  // namespace lido::sqlite

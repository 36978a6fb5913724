// Lido: how connections to MySQL and MariaDB are made, checked, reset and closed.
#pragma once

#include "lido/pool/connector.hpp"
#include "lido/sql/mysql/pool_settings.hpp"
#include "lido/sql/mysql/session.hpp"
#include "lido/sql/transaction_options.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace lido::mysql {

/// See `pool::connector` and `sql::session_connector`; docs/design/sql_mysql.md has what happens when.
class connector {
public:
    using connection = session;

    /// `with` must be valid.
    explicit connector(const pool_settings& with);

    [[nodiscard]] task<result<std::unique_ptr<session>>> open(const pool::open_request& request);
    /// COM_PING.
    [[nodiscard]] task<result<void>> check(session& which, time_point deadline);
    [[nodiscard]] task<result<void>> reset(session& which, time_point deadline);
    [[nodiscard]] task<void> close(session& which, time_point deadline);
    [[nodiscard]] std::uint32_t capacity(const session&) const noexcept { return 1; }
    [[nodiscard]] pool::verdict usable(const session& which) const noexcept;

    [[nodiscard]] result<std::vector<sql::statement>> begin_statements(const sql::transaction_options& options) const;
    [[nodiscard]] bool ends_generation(const error& failure, const session& where) const noexcept;

private:
    struct shared;
    std::shared_ptr<shared> shared_;
};

}  // namespace lido::mysql

// Lido: a pool of PostgreSQL connections.
#pragma once

#include "lido/sql/basic_pool.hpp"
#include "lido/sql/postgres/connector.hpp"
#include "lido/sql/postgres/settings.hpp"

namespace lido::postgres {

/// A pool of connections to one PostgreSQL database: `sql::basic_pool`, with what only PostgreSQL has. Placeholders are
/// $1, $2 … Thread-safe.
///
///     lido::postgres::pool shop(io, {.url = "postgresql:///shop"});
///     auto found = shop.query("select name from outfit where size = $1", 38).wait();
class pool : public sql::basic_pool<connector> {
public:
    /// Throws `lido::exception` (`invalid_argument`, naming the setting) when `of` is not valid.
    pool(scheduler_group& group, const postgres::settings& of) : basic_pool(group, of.pool, connector(of)) {}
};

}  // namespace lido::postgres

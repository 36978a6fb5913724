// Lido: a pool of MySQL or MariaDB connections.
#pragma once

#include "lido/sql/basic_pool.hpp"
#include "lido/sql/mysql/connector.hpp"
#include "lido/sql/mysql/pool_settings.hpp"

namespace lido::mysql {

/// A pool of connections to a MySQL or MariaDB server, over libmariadb. Placeholders are `?`. See `sql::basic_pool` for
/// what it can do.
class pool : public sql::basic_pool<connector> {
public:
    /// Throws `lido::exception` (`invalid_argument`, naming the setting) when `with` is out of range.
    pool(scheduler_group& group, const pool_settings& with)
        : basic_pool(group, (with.validate().value(), with.pool), connector(with)) {}
};

}  // namespace lido::mysql

// Lido: a pool of MySQL or MariaDB connections.
#pragma once

#include "lido/net/address_watch.hpp"
#include "lido/sql/basic_pool.hpp"
#include "lido/sql/mysql/connector.hpp"
#include "lido/sql/mysql/pool_settings.hpp"
#include "lido/sql/replication_state.hpp"
#include "lido/sql/server_report.hpp"

#include <memory>

namespace lido::mysql {

/// A pool of connections to a MySQL or MariaDB server; libmariadb logs in. Placeholders are `?`. See
/// `sql::basic_pool` for what it can do.
class pool : public sql::basic_pool<connector> {
public:
    /// Throws `lido::exception` (`invalid_argument`, naming the setting) when `with` is out of range.
    pool(scheduler_group& group, const pool_settings& with);

    /// Version, role, protection, and how many connections the server still takes, as far as it says. A replica is
    /// known as one only to users that may ask for its state (REPLICA MONITOR); for others it is "read-only".
    [[nodiscard]] operation<sql::server_report> report();
    /// Its part in replication, by @@read_only and its GTIDs, MariaDB's or MySQL's. The position is empty from a server
    /// that has none.
    [[nodiscard]] operation<sql::replication_state> replication();
    /// Nothing new runs on the connections of now.
    void retire_all() { connections().retire_all(); }

private:
    std::unique_ptr<net::address_watch> names_;  // goes first: it calls the pool
};

}  // namespace lido::mysql

// Lido: what a database says of itself.
#pragma once

#include "lido/sql/database_url.hpp"

#include <cstdint>
#include <string>

namespace lido::sql {

/// What a server says of itself.
struct server_report {
    database_kind kind = database_kind::sqlite;
    std::string version;  ///< "SQLite 3.40.1"
    std::string role;     ///< "primary", "replica", "writer", "read-only"
    std::string tls;      ///< protocol and cipher, "none", or "not a network"
    /// Connections that the server still takes, or -1 when it does not say.
    std::int64_t remaining_connections = -1;
};

}  // namespace lido::sql

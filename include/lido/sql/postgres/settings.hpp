// Lido: what can be set about a pool of PostgreSQL connections.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/sql/pool_settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lido::postgres {

/// Which of several servers a pool connects to. Found out at each connect, so that it follows a failover.
enum class server_role : std::uint8_t {
    any,      ///< the first that answers
    primary,  ///< the one that takes writes
    replica,  ///< one that follows a primary
};

/// How a connection is protected. What falls back to plain text by itself (libpq's allow and prefer) does not exist.
enum class tls_mode : std::uint8_t {
    automatic,    ///< `verify_full`, but `disable` for loopback addresses and UNIX sockets
    disable,      ///< plain text
    encrypt,      ///< encrypted, but to whom is not known: sslmode=require
    verify_ca,    ///< the certificate must be signed by a known authority
    verify_full,  ///< and it must be for the host's name
};

/// Settings of `postgres::pool`. A plain value; see `validate`.
struct settings {
    /// "postgresql://user:password@host1:5432,host2/database?sslmode=verify-full": database_url.hpp has the form. The
    /// options that it may have are sslmode (disable, require, verify-ca, verify-full), sslrootcert, sslcert, sslkey,
    /// application_name, role (any, primary, replica; also libpq's target_session_attrs), host (a folder of UNIX
    /// sockets), transaction_pooling (on, off), shared_connections, pipeline_depth and shared_patience (milliseconds).
    /// They count before the members below.
    std::string url;
    /// Sizes, waits, limits.
    sql::pool_settings pool{};

    server_role role = server_role::primary;
    tls_mode tls = tls_mode::automatic;
    /// File of authorities; empty: the system's.
    std::string ca_file;
    /// The client's own certificate and key, if the server asks for one.
    std::string certificate_file;
    std::string key_file;
    /// What pg_stat_activity shows; at most 63 bytes.
    std::string application_name = "lido";
    /// The server is PgBouncer in transaction mode, or another proxy that gives each transaction another session: then
    /// nothing is prepared under a name, and `sql::reset_policy::full` is refused. Needed also where such a proxy takes
    /// prepared statements (PgBouncer's max_prepared_statements): it would hide that a statement's columns have
    /// changed.
    bool transaction_pooling = false;

    /// Connections that single statements share, one behind the other, beside those of `pool`. 0 … 1000; 0: none, then
    /// each statement borrows a connection of `pool`. See `postgres::pool::query`.
    std::size_t shared_connections = 0;
    /// Statements that may be under way on one of them at once. 1 … 256.
    std::uint32_t pipeline_depth = 16;
    /// While a shared statement runs longer than this, no further ones are put behind it; and a statement that has
    /// waited this long for room on a shared connection takes one of `pool`. 1 ms … 1 h.
    duration shared_patience = std::chrono::milliseconds(20);

    /// `invalid_argument` naming the first member that is wrong.
    [[nodiscard]] result<void> validate() const;
    /// Those for a URL and what all kinds of databases have in common. Errors: as `validate`.
    [[nodiscard]] static result<settings> from(std::string_view url, const sql::pool_settings& common);
};

}  // namespace lido::postgres

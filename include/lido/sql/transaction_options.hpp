// Lido: how a transaction is isolated, and when it is run again.
#pragma once

#include "lido/base/back_off.hpp"
#include "lido/base/time.hpp"

#include <cstdint>

namespace lido::sql {

/// The levels of ISO 9075. SQLite has only `serializable`; PostgreSQL treats `read_uncommitted` as `read_committed`.
enum class isolation : std::uint8_t { server_default, read_uncommitted, read_committed, repeatable_read, serializable };

enum class access_mode : std::uint8_t { server_default, read_write, read_only };

/// How a transaction begins. Trivially destructible, so it is safe inside a `co_await` expression.
struct transaction_options {
    sql::isolation isolation = sql::isolation::server_default;
    access_mode access = access_mode::server_default;
    /// PostgreSQL: a serializable, read-only transaction that waits for a snapshot which cannot conflict.
    bool deferrable = false;
    /// Over all of it, acquiring the connection included. Zero: the pool's `statement_timeout` for each statement
    /// alone.
    duration timeout = duration::zero();
};

/// When `transact` runs its function again: after a serialization failure or a deadlock only.
struct transaction_retry {
    /// 0 … 100.
    unsigned max_retries = 5;
    back_off_settings back_off{.initial = std::chrono::milliseconds(5), .maximum = std::chrono::milliseconds(500)};
};

}  // namespace lido::sql

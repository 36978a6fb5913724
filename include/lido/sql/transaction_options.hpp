// Lido: how a transaction is isolated, and when it is run again.
#pragma once

#include "lido/base/back_off.hpp"
#include "lido/base/time.hpp"

#include <algorithm>
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
    /// Over all of it: acquiring the connection, each statement and the commit; with `transact` its repeats and the
    /// pauses between them, too. What would begin later is not sent; what runs then is cancelled, as at the end of
    /// the pool's `statement_timeout`, which each statement has as well. Undoing it has its own time. Zero: the pool's
    /// `acquire_timeout`, and `statement_timeout` for each statement alone.
    duration timeout = duration::zero();
};

/// When `transact` runs its function again: after a serialization failure or a deadlock only.
struct transaction_retry {
    /// 0 … 100.
    unsigned max_retries = 5;
    back_off_settings back_off{.initial = std::chrono::milliseconds(5), .maximum = std::chrono::milliseconds(500)};
};

namespace detail {

/// The end of the time of a transaction that is asked for now.
[[nodiscard]] constexpr time_point end_of_time(const transaction_options& of, time_point now) noexcept {
    return of.timeout > duration::zero() ? deadline_after(now, of.timeout) : never;
}

/// The options for a part of it, that ends when all of it does. Zero would mean that it has no end.
[[nodiscard]] constexpr transaction_options ending_at(time_point end, transaction_options of, time_point now) noexcept {
    if (end != never) of.timeout = std::max(end - now, duration(1));
    return of;
}

}  // namespace detail

}  // namespace lido::sql

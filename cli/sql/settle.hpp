// Lido: the end of a command's work on a database.
#pragma once

#include "lido/sql/pool.hpp"
#include "watch.hpp"

namespace lido::cli::sql {

/// Are there connections that are lent, or whose statement is being cancelled?
[[nodiscard]] bool is_busy(const lido::sql::pool& db);

/// Gives the pool the time to cancel at the server what was given up, then closes it; some seconds at most.
void settle(lido::sql::pool& db, watch& where);

}  // namespace lido::cli::sql

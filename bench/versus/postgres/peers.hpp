// Lido: what its PostgreSQL pool is measured against, in the same program.
#pragma once

#include "database_load.hpp"

#include <string>

namespace lido::bench {

/// Users on threads, each with a libpq connection of its own, which blocks.
void libpq_users(const std::string& url, load& on, int rows);

/// Users on threads over SOCI's pool, a connection for each; false without SOCI.
[[nodiscard]] bool soci_users(const std::string& url, load& on, int rows);

}  // namespace lido::bench

// What can be seen of a statement without asking its database.
#pragma once

#include <string_view>

namespace lido::cli::sql {

/// Does it bring rows, so that it can be fetched piece by piece? A query does, and whatever has RETURNING. Of others,
/// not all databases can be asked for pieces. Comments and quoted texts do not count.
[[nodiscard]] bool brings_rows(std::string_view statement);

/// Is it a query that changes nothing in a database of SQLite? False for WITH, behind which anything may stand.
[[nodiscard]] bool only_reads(std::string_view statement);

}  // namespace lido::cli::sql

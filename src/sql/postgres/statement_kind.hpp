// Lido: what a statement may share.
#pragma once

#include <string_view>

namespace lido::postgres {

/// May it share a connection with the statements of others, one behind the other? True of what begins with SELECT,
/// INSERT, UPDATE, DELETE, MERGE, WITH, VALUES or TABLE: alone, each of them leaves no transaction open and no session
/// state behind (functions that do, such as set_config and pg_advisory_lock, aside). Not of SELECT and WITH with the
/// word INTO anywhere: that may make a temporary table.
[[nodiscard]] bool may_share_connection(std::string_view text) noexcept;

}  // namespace lido::postgres

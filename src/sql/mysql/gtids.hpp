// Lido: the global transaction ids of MariaDB and MySQL.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/replication_state.hpp"

#include <string_view>

namespace lido::mysql {

/// MariaDB's "0-1-100,1-2-7" (domain, server, number) as a position; empty text is none. `protocol_error` for anything
/// else.
[[nodiscard]] result<sql::log_position> read_gtids(std::string_view text);

/// MySQL's "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7,\n4e11fa47-…:tag:1-3" as a position: sets of numbers for each
/// server and tag. Empty text is none. `protocol_error` for anything else.
[[nodiscard]] result<sql::log_position> read_gtid_set(std::string_view text);

}  // namespace lido::mysql

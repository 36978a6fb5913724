// Lido: what a MySQL or MariaDB server, or libmariadb, says about a failure.
#pragma once

#include "lido/base/error.hpp"
#include "lido/sql/error.hpp"

#include <string_view>

namespace lido::mysql {

/// What an error number of the server means; `state` is the SQLSTATE that came with it, `message` the server's text.
[[nodiscard]] sql::errc errc_of(unsigned number, std::string_view state, std::string_view message) noexcept;

/// Does the number, which may be libmariadb's own, mean that the connection is gone?
[[nodiscard]] bool means_lost(unsigned number) noexcept;

/// An error with the number in its text. `message` is the server's; the value that it may quote is left out.
/// A lost connection is `maybe_executed`.
[[nodiscard]] error make_error(unsigned number, std::string_view state, std::string_view message);

/// For a connect that failed.
[[nodiscard]] error make_connect_error(unsigned number, std::string_view state, std::string_view message,
                                       std::string_view where);

}  // namespace lido::mysql

// What the command adds to the URL of a database.
#pragma once

#include <string>
#include <string_view>

namespace lido::cli::sql {

/// The URL with one more option, such as "role=any".
[[nodiscard]] std::string with_option(const std::string& url, std::string_view option);

/// For a look at a database, or for one statement. A file of SQLite is somebody's: its journal stays as it is, and
/// where nothing is to be written it is not made when it is not there, and opened for reading where more is not
/// allowed. What the URL says itself counts. Other databases, and what is no URL, as they are.
[[nodiscard]] std::string for_a_look(const std::string& url, bool only_reads);

}  // namespace lido::cli::sql

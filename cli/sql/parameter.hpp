// Lido: values of placeholders as words of the command line.
#pragma once

#include "lido/sql/value.hpp"

#include <string_view>

namespace lido::cli::sql {

/// "7" and "-1.5e3" are numbers, "null:" is NULL, "text:7" is the text behind the colon, everything else is text.
[[nodiscard]] lido::sql::value parameter_of(std::string_view word);

}  // namespace lido::cli::sql

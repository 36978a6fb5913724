// Lido: results of queries as text.
#pragma once

#include "lido/sql/rows.hpp"

#include <string>
#include <string_view>

namespace lido::cli::sql {

enum class result_form { table, json, csv };

/// Throws `usage_error`.
[[nodiscard]] result_form form_value(std::string_view option, std::string_view text);

/// A table for people; `{"columns": […], "rows": [[…]], "affected": n}`; or CSV (RFC 4180) with a line of names, where
/// NULL is empty and empty text is quoted. Bytes are hexadecimal behind \x.
[[nodiscard]] std::string text_of(const lido::sql::rows& result, result_form form);

}  // namespace lido::cli::sql

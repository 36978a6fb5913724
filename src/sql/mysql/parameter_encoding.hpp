// Lido: parameters as a MySQL server takes them.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/value.hpp"

#include <string>

namespace lido::mysql {

/// `invalid_argument` for an array, which neither server has.
[[nodiscard]] result<void> check_parameters(const sql::parameters& with);

/// Appends which of them are NULL, their types, and their values in binary form. The types are said each time: a
/// placeholder's value may be of another one than before. Nothing is appended where there are none.
void append_parameters(std::string& to, const sql::parameters& with);

}  // namespace lido::mysql

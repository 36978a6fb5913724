// Lido: what can be done about a database's refusal, whatever its kind.
#pragma once

#include "lido/sql/error.hpp"

#include <string>

namespace lido::sql {

/// Empty where the refusal itself says all there is to say.
[[nodiscard]] std::string remedy_of(errc refusal);

}  // namespace lido::sql

// Lido: the requests of `lido fetch`.
#pragma once

#include "fetch/options.hpp"

namespace lido::cli::fetch {

/// Sends them, writes what comes, and reports; the exit code is that of the first failure. Throws `command_error` when
/// what came cannot be written.
[[nodiscard]] int run(const options& asked);

}  // namespace lido::cli::fetch

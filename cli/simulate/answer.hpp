// Lido: what came back for an action of a simulated user.
#pragma once

#include <cstdint>
#include <type_traits>

namespace lido::cli::simulate {

/// As far as it is counted. Of HTTP or of a database: what the other has is zero.
struct answer {
    unsigned status = 0;      ///< of HTTP; 0: none
    std::uint64_t bytes = 0;  ///< of the body

    bool wrote = false;         ///< by the statement that writes
    std::uint64_t rows = 0;     ///< that came
    std::uint64_t changed = 0;  ///< rows
};

static_assert(std::is_trivially_destructible_v<answer>);

}  // namespace lido::cli::simulate

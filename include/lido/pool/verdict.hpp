// Lido: what is known about a connection that comes back.
#pragma once

#include <cstdint>

namespace lido::pool {

/// What a borrower, or the connector on its behalf, says about the connection that is returned.
enum class verdict : std::uint8_t {
    clean,        ///< provably as good as new
    needs_reset,  ///< works, but remembers something of the borrower
    broken,       ///< anything else: closed, never lent again
};

}  // namespace lido::pool

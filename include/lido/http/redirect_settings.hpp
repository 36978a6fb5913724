// Lido: whether a client goes where a server sends it.
#pragma once

#include "lido/base/result.hpp"

namespace lido::http {

/// Which redirects (RFC 9110 §15.4) a client follows. By default none: a redirect makes a request to a server that the
/// caller did not name, in a service perhaps one that only this machine can reach, and changes its method; who wants
/// that says so.
struct redirect_settings {
    /// How many for one request; one more is `limit_exceeded`. 0 … 50; 0: the response is given as it came.
    unsigned max = 0;

    /// Follow from https to http as well.
    bool allow_downgrade = false;

    /// The usual ten.
    [[nodiscard]] static redirect_settings follow() noexcept { return {.max = 10}; }

    /// Errors: `invalid_argument` that names the field, its value and the range.
    [[nodiscard]] result<void> validate() const;
};

}  // namespace lido::http

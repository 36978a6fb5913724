// Lido: which fields may follow a body.
#pragma once

#include "lido/base/result.hpp"
#include "lido/http/headers.hpp"

#include <string_view>

namespace lido::http {

/// Must the field be known before the content: for framing, routing, request modifiers, authentication, response
/// control, or what the content is (RFC 9110 §6.5.1)? Then no trailer has its name.
[[nodiscard]] bool is_forbidden_as_trailer(std::string_view name) noexcept;

/// May all of them be sent behind a body? Errors: `invalid_argument` naming the first one that may not.
[[nodiscard]] result<void> check_trailers(const headers& all);

}  // namespace lido::http

// Lido: base64, as credentials are written.
#pragma once

#include <string>
#include <string_view>

namespace lido::http {

/// RFC 4648 §4, with padding.
[[nodiscard]] std::string base64_of(std::string_view bytes);

}  // namespace lido::http

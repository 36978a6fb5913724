// Lido: compressed content for tests.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lido::test {

/// Text in one of the codings that the HTTP client knows: "gzip", "deflate" (in zlib's format), "raw deflate", "br",
/// "zstd".
[[nodiscard]] std::string compressed(std::string_view coding, std::string_view text);

/// So many zero bytes in "gzip", "br" or "zstd", without the memory that they would need.
[[nodiscard]] std::string compressed_zeros(std::string_view coding, std::size_t count);

}  // namespace lido::test

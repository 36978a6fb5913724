// Lido: the line before each chunk of a chunked body.
#pragma once

#include "lido/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lido::http {

/// The hexadecimal digits that a chunk's size may have; leading zeros count.
inline constexpr std::size_t max_chunk_size_digits = 16;

struct chunk_line {
    std::uint64_t size = 0;           ///< of the chunk, in bytes; 0 marks the last one
    std::size_t extension_bytes = 0;  ///< from the first semicolon to the line end
};

/// Reads `chunk-size [ chunk-ext ]` (RFC 9112 §7.1), without its line end. Extensions have to be well-formed, and are
/// ignored; the white space that the grammar calls bad is refused. Errors: `protocol_error`. Cost: one pass.
[[nodiscard]] result<chunk_line> parse_chunk_line(std::string_view line);

}  // namespace lido::http

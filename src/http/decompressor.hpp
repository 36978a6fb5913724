// Lido: one content coding.
#pragma once

#include "lido/base/result.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace lido::http {

/// Undoes one content coding. No I/O; not thread-safe.
class decompressor {
public:
    decompressor() noexcept = default;
    decompressor(const decompressor&) = delete;
    decompressor& operator=(const decompressor&) = delete;
    virtual ~decompressor() = default;

    struct progress {
        std::size_t consumed = 0;
        std::size_t produced = 0;
    };
    /// Does what it can with input and space. Neither consumed nor produced: it needs more input. Errors:
    /// `protocol_error`; what follows the end is one.
    [[nodiscard]] virtual result<progress> decode(std::string_view input, std::span<char> space) = 0;
    /// Has the content come to an end, or not begun?
    [[nodiscard]] virtual bool is_complete() const noexcept = 0;
};

/// The coding of that name (RFC 9110 §8.4.1, RFC 7932, RFC 8878), case aside; null when it is not known.
[[nodiscard]] std::unique_ptr<decompressor> make_decompressor(std::string_view coding);

/// What `Accept-Encoding` says: those that are known and have one meaning only.
inline constexpr std::string_view accepted_codings = "gzip, br, zstd";

}  // namespace lido::http

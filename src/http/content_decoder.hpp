// Lido: undoes content codings, piece by piece.
#pragma once

#include "http/decompressor.hpp"
#include "lido/base/result.hpp"
#include "lido/http/decoding_settings.hpp"
#include "lido/http/request.hpp"
#include "lido/http/response.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lido::http {

/// Turns coded content into what it was, in pieces of any size, within bounds (RFC 9110 §8.4). No I/O; one object for
/// one body. Memory: the windows of the codings (32 KiB for gzip and deflate, up to 16 MiB for br, 8 MiB for zstd) and
/// 16 KiB between two.
///
/// Refused: content that is damaged, ends too early, or has something behind its end (concatenated gzip members and
/// zstd frames are content); what passes the bounds of `decoding_settings` after any of the codings; windows larger
/// than those above. Not thread-safe; movable.
class content_decoder {
public:
    /// So many bytes of a coding for each that comes out are no waste: a gzip member with a single byte has 21.
    static constexpr std::uint64_t fruitful_bytes = 32;

    /// For the values of Content-Encoding of that response. Nothing: there is nothing to be undone, or a coding is not
    /// known, in which case the content has to stay as it is. Errors: `limit_exceeded` for too many codings.
    [[nodiscard]] static result<std::optional<content_decoder>> make(field_range headers,
                                                                     const decoding_settings& bounds);

    struct progress {
        std::size_t consumed = 0;  ///< of the input
        std::size_t produced = 0;  ///< at the front of the space
    };
    /// Goes on until the input is used up or `space`, which is not empty, is full; in the latter case there may be more
    /// to come without any input. Errors: `protocol_error`, `limit_exceeded`; it must not be called again then.
    [[nodiscard]] result<progress> decode(std::string_view input, std::span<char> space);

    /// There is no more input, and all has been taken out. Errors: `protocol_error` when the content is not complete;
    /// none at all is complete.
    [[nodiscard]] result<void> finish() const;

private:
    /// One coding, and what it has produced for the next one.
    struct stage {
        std::unique_ptr<decompressor> coding;
        std::unique_ptr<std::array<char, 16 * 1024>> produced;  // null for the last one
        std::string_view pending;                               // of it, what the next one has not taken
        std::uint64_t taken = 0;                                // of its input, in all
        std::uint64_t given = 0;                                // of its output
    };

    explicit content_decoder(const decoding_settings& bounds) : bounds_(bounds) {}
    [[nodiscard]] result<std::size_t> run(std::size_t number, std::string_view& input, std::span<char> space);
    [[nodiscard]] result<void> check_bounds(const stage& of) const;

    decoding_settings bounds_;
    std::vector<stage> stages_;  // the one that was applied last comes first
};

/// Is what comes for this request to be decoded? Whoever asks for codings or a range by himself gets what was sent.
[[nodiscard]] bool wants_decoding(const request& what, const decoding_settings& settings) noexcept;

/// The response with its content codings undone; as it is when there are none, or one that is not known. Errors: those
/// of `content_decoder`.
[[nodiscard]] result<response> decoded(response came, const decoding_settings& bounds);

}  // namespace lido::http

// Lido: the demo service reads a request.
#pragma once

#include <cstddef>
#include <string_view>

namespace lido::cli::demo {

/// The most that a client may send.
inline constexpr std::size_t max_head_bytes = std::size_t{16} * 1024;
inline constexpr std::size_t max_body_bytes = std::size_t{1024} * 1024;

/// A request that came in. The views point into the bytes it was read from.
struct incoming_request {
    std::string_view method;
    std::string_view path;  ///< without the query
    std::string_view body;
    bool keep_alive = true;
    std::size_t size = 0;  ///< bytes that belong to it; what follows is the next one's
};

struct read_outcome {
    enum class kind {
        need_more,
        complete,
        refused,  ///< by `status`; nothing after it can be understood
    };
    kind what = kind::need_more;
    int status = 0;
    std::string_view reason = {};
    incoming_request request = {};
};

/// Reads the request at the beginning of `bytes`. Pure. Refuses whatever two readers could understand differently
/// (RFC 9112): bare line feeds, folded fields, spaces before a colon, several or odd lengths, transfer codings.
[[nodiscard]] read_outcome read_request(std::string_view bytes);

}  // namespace lido::cli::demo

// Lido: a response as a cache keeps it.
#pragma once

#include "http/freshness.hpp"
#include "lido/http/response.hpp"
#include "lido/http/response_cache.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::http {

/// A GET response in a cache. Never changed once it is shared, so it is read without a lock.
struct stored_response {
    response::parts head;  ///< of the fields those that may be stored (RFC 9111 §3.1), without Age; no body
    std::shared_ptr<const std::string> body;
    cache_directives said;
    freshness time;
    time_point sent{};              ///< when the request was sent that brought or confirmed it last
    std::vector<std::string> vary;  ///< `vary_names`
    std::string selection;          ///< `cache_selector::text` of the request that it answered

    [[nodiscard]] field_range fields() const noexcept {
        return {head.text.data(), std::span(head.places).first(head.header_count)};
    }
    /// The entity tag and the date to ask with whether it still holds (RFC 9110 §8.8).
    [[nodiscard]] std::optional<std::string_view> entity_tag() const noexcept { return fields().find("ETag"); }
    [[nodiscard]] std::optional<std::string_view> last_modified() const noexcept {
        return fields().find("Last-Modified");
    }
    [[nodiscard]] bool can_be_validated() const noexcept { return entity_tag() || last_modified(); }

    /// What it takes in memory, its key of `key_size` bytes and the bookkeeping included: an upper estimate.
    [[nodiscard]] std::size_t bytes(std::size_t key_size) const noexcept;
};

/// `from` in the form in which it is stored; `vary` and `selection` are left to the caller. Trailers are dropped.
[[nodiscard]] stored_response to_stored(const response& from, const cache_arrival& when);

/// `old`, confirmed by `news`, a 304 or the response to a HEAD: its fields take the place of the old ones (RFC 9111
/// §3.2, §4.3.4), but for those that describe the body that is kept. The body is shared, not copied. `vary` and
/// `selection` are left to the caller.
[[nodiscard]] stored_response freshened(const stored_response& old, const response& news, const cache_arrival& when);

/// Does a 304 with these fields speak of `stored` (§4.3.4)? If it names an entity tag or a date, it must be the same.
[[nodiscard]] bool confirms(const stored_response& stored, const field_range& news) noexcept;

/// The response to give to a caller at `now`, with its Age (RFC 9111 §4, §5.1). Without `with_body` that to a HEAD.
/// `also` are fields that this caller gets and that are not stored: the Set-Cookie of a 304.
[[nodiscard]] response to_response(const stored_response& stored, response_source source, time_point now,
                                   bool with_body, const field_range& also = {});

}  // namespace lido::http

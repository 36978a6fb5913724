// Lido: the fields of an HTTP/2 request.
#pragma once

#include "http/request_writer.hpp"
#include "lido/base/result.hpp"
#include "lido/http/request.hpp"

#include <nghttp2/nghttp2.h>

#include <array>
#include <vector>

namespace lido::http {

/// A request as nghttp2 takes it: pseudo-header fields, the request's own, the defaults (RFC 9113 §8.3.1). This is the
/// one place that every request over HTTP/2 passes: it calls `request::validate()` and checks the context as well, as
/// `append_request` does for HTTP/1.1. What means something to HTTP/1.1 connections only is left out (§8.2.2).
///
/// The fields point into the request, the context and this object, until the next `make`.
class http2_fields {
public:
    /// `secure`: the origin is https. Errors: those of `append_request`.
    [[nodiscard]] result<void> make(const request& what, const request_target_context& context, bool secure);

    /// Trailers, which are checked already.
    void make(const headers& trailers);

    [[nodiscard]] const std::vector<nghttp2_nv>& all() const noexcept { return fields_; }

private:
    void add(std::string_view name, std::string_view value, bool secret = false);

    std::vector<nghttp2_nv> fields_;
    std::array<char, 20> length_{};
};

}  // namespace lido::http

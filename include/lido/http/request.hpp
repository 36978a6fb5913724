// Lido: an HTTP request.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/result.hpp"
#include "lido/base/secret.hpp"
#include "lido/base/time.hpp"
#include "lido/http/body_source.hpp"
#include "lido/http/credentials.hpp"
#include "lido/http/headers.hpp"
#include "lido/http/method.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::http {

/// Makes the fields that follow a body, see `request::trailers_from`.
using trailer_maker = std::function<result<headers>()>;

/// A request, built in one expression:
///
///     request(method::post, "/outfits/7/rating").header("Accept", "application/json").body("5", "text/plain")
///
/// A mistake (a line break in a header …) does not interrupt the chain: the first one is kept, `validate()` and every
/// way of sending return it. Copyable; distinct objects may be used from different threads.
class request {
public:
    /// `target` is a path with an optional query, "/outfits?size=38", percent-encoded by the caller, or an absolute
    /// URL;
    /// "*" for OPTIONS, which asks about the server of `base_url` as a whole (RFC 9112 §3.2.4). CONNECT has "host:port"
    /// (§3.2.3), and is known to those that write requests only: a client refuses it, because it could not hand the
    /// tunnel to anybody; proxies are a setting of the client.
    request(http::method method, std::string target);

    /// Appends a header field; see `headers::add`.
    request& header(std::string_view name, std::string_view value) &;
    request&& header(std::string_view name, std::string_view value) && { return std::move(header(name, value)); }

    /// The content, sent with its Content-Length. An empty one is a body too: "Content-Length: 0".
    request& body(std::string content) &;
    request&& body(std::string content) && { return std::move(body(std::move(content))); }
    /// The same, and sets Content-Type.
    request& body(std::string content, std::string_view content_type) &;
    request&& body(std::string content, std::string_view content_type) && {
        return std::move(body(std::move(content), content_type));
    }

    /// Content that is not held in memory: sent with its Content-Length where the source knows it, else in chunks.
    /// Copies of the request share the source. Null takes the body away.
    request& body(std::shared_ptr<body_source> source) &;
    request&& body(std::shared_ptr<body_source> source) && { return std::move(body(std::move(source))); }
    request& body(std::shared_ptr<body_source> source, std::string_view content_type) &;
    request&& body(std::shared_ptr<body_source> source, std::string_view content_type) && {
        return std::move(body(std::move(source), content_type));
    }

    /// A field that follows the body (RFC 9110 §6.5); a field Trailer tells of it. Over HTTP/1.1 the body is sent in
    /// chunks then. Servers and proxies may drop what they do not know.
    request& trailer(std::string_view name, std::string_view value) &;
    request&& trailer(std::string_view name, std::string_view value) && { return std::move(trailer(name, value)); }
    /// Fields that are not known before the body was given, such as a checksum of it: `make` is called when all of the
    /// body was read, for each sending anew, on the I/O thread of the connection; must not block. They follow those
    /// given by `trailer`; an error breaks the request off and is what its sender gets. Copies of the request share it.
    request& trailers_from(trailer_maker make) &;
    request&& trailers_from(trailer_maker make) && { return std::move(trailers_from(std::move(make))); }

    /// Says who the request is from, by an Authorization field. It goes to the origin of this request only.
    request& authorize(const credentials& by) & {
        keep(headers_.set("Authorization", by.field_value().reveal()));
        return *this;
    }
    request&& authorize(const credentials& by) && { return std::move(authorize(by)); }

    /// The same for a field of another name that holds a secret ("X-Api-Key"): a redirect to another origin does not
    /// carry it on.
    request& secret_header(std::string_view name, const secret& value) & {
        keep(headers_.add(name, value.reveal()));
        secret_headers_.emplace_back(name);
        return *this;
    }
    request&& secret_header(std::string_view name, const secret& value) && {
        return std::move(secret_header(name, value));
    }

    /// Sends "Expect: 100-continue": the body follows when the server asks for it, or after
    /// `client_settings::continue_timeout`, and not at all when the server refuses the request before (RFC 9110
    /// §10.1.1).
    request& expect_continue() & {
        keep(headers_.set("Expect", "100-continue"));
        return *this;
    }
    request&& expect_continue() && { return std::move(expect_continue()); }

    /// The most time from the call on until the whole response is there, waiting for a connection and retries included;
    /// positive. Without it the client's own counts.
    request& timeout(duration value) &;
    request&& timeout(duration value) && { return std::move(timeout(value)); }

    /// The longest silence of the peer while a response is awaited; positive. Without it the client's own counts.
    request& read_timeout(duration value) &;
    request&& read_timeout(duration value) && { return std::move(read_timeout(value)); }

    [[nodiscard]] const http::method& method() const noexcept { return method_; }
    [[nodiscard]] const std::string& target() const noexcept { return target_; }
    [[nodiscard]] const http::headers& headers() const noexcept { return headers_; }
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept {
        return headers_.find(name);
    }
    /// In memory or by a source.
    [[nodiscard]] bool has_body() const noexcept { return body_.has_value() || source_ != nullptr; }
    /// Null unless the body comes from a source.
    [[nodiscard]] const std::shared_ptr<body_source>& source() const noexcept { return source_; }
    /// What is in memory of the body; valid until the request is changed, moved or destroyed.
    [[nodiscard]] std::string_view body() const noexcept {
        return body_ ? std::string_view(*body_) : std::string_view();
    }
    [[nodiscard]] bool has_trailers() const noexcept { return !trailers_.empty() || trailer_maker_ != nullptr; }
    /// For senders, when all of the body was read: what follows it. Errors: what the maker says, `invalid_argument` for
    /// a field that must not be a trailer.
    [[nodiscard]] result<http::headers> make_trailers() const;
    /// The names of the fields that were given by `secret_header`.
    [[nodiscard]] const std::vector<std::string>& secret_headers() const noexcept { return secret_headers_; }
    [[nodiscard]] std::optional<duration> timeout() const noexcept { return timeout_; }
    [[nodiscard]] std::optional<duration> read_timeout() const noexcept { return read_timeout_; }

    /// For policies that send a changed request (redirects, credentials).
    void set_method(http::method method) noexcept { method_ = method; }
    void set_target(std::string target) { target_ = std::move(target); }
    [[nodiscard]] http::headers& mutable_headers() noexcept { return headers_; }
    void remove_body() noexcept {
        body_.reset();
        source_.reset();
        trailers_.clear();
        trailer_maker_ = nullptr;
    }
    /// May it be sent (again)? Not with a body source that was read from and cannot be rewound.
    [[nodiscard]] bool may_be_sent() const noexcept { return source_ == nullptr || source_->may_begin(); }

    /// Is it fit to be sent? Errors, all `invalid_argument` (or `limit_exceeded` from `headers::add`): the first
    /// mistake made while building; a target with white space, control or non-ASCII characters or a fragment, or of the
    /// wrong form for the method; a Content-Length that contradicts the body, or stands for a source of unknown
    /// size; a Transfer-Encoding; an Expect without a body or but 100-continue; two Host fields or one that is no host;
    /// a body of TRACE or CONNECT; trailers without a body, with a Content-Length of one's own, or of a name that has
    /// to be known before the body (RFC 9110 §6.5.1). Cost: one pass over target and field names.
    [[nodiscard]] result<void> validate() const;

private:
    void keep(result<void> outcome);
    [[nodiscard]] result<void> check_framing() const;

    http::method method_;
    std::string target_;
    http::headers headers_;
    std::vector<std::string> secret_headers_;
    std::optional<std::string> body_;
    std::shared_ptr<body_source> source_;
    http::headers trailers_;
    trailer_maker trailer_maker_;
    std::optional<duration> timeout_;
    std::optional<duration> read_timeout_;
    std::optional<error> mistake_;
};

}  // namespace lido::http

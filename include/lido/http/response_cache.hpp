// Lido: a bounded private cache of HTTP responses in memory.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/http/cache_settings.hpp"
#include "lido/http/headers.hpp"
#include "lido/http/request.hpp"
#include "lido/http/response.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lido::http {

/// Whose responses: clients that reach the same servers, by the same way and as the same, have the same one. From
/// `response_cache::identity_of`.
enum class cache_identity : std::uint32_t {};

/// What is to be done about a request, see `cache_visit`.
enum class cache_plan : std::uint8_t {
    send,                ///< send it as `prepare` leaves it, then `settle` what came of it
    use,                 ///< `answer` is the response
    use_and_revalidate,  ///< the same, and ask the server in the background, see `begin_revalidation`
};

class cache_visit;
struct client_settings;

/// Responses that need not be asked for again (RFC 9111), and those that stand in for a server that fails
/// (`stale-if-error`, RFC 5861), within bounds. In memory only; docs/design/http_cache.md says what is stored and when
/// it is used. Give it to clients by `client_settings::cache`; several may share one, also with an upstream service.
///
/// It is a private cache that keeps callers apart: a response is given only to requests of the same identity (TLS
/// settings, proxies, UNIX socket) and the same values of Authorization, Cookie, Proxy-Authorization, a Host of their
/// own, and `cache_settings::credential_headers`; a response with Set-Cookie is never stored, one with `Cache-Control:
/// private` only when its request carried credentials.
///
/// Thread-safe. What it hands out keeps what it needs alive. A hit costs some 300 ns and a copy of the body.
class response_cache {
public:
    /// Throws `lido::exception` naming the setting when `settings` are invalid.
    explicit response_cache(cache_settings settings = {});
    response_cache(const response_cache&) = delete;
    response_cache& operator=(const response_cache&) = delete;
    ~response_cache();

    [[nodiscard]] const cache_settings& settings() const noexcept;
    [[nodiscard]] cache_statistics statistics() const;

    /// Forgets what is stored for an absolute URI, written as it is asked for ("https://shop.example/outfits?size=38");
    /// the number of responses.
    std::size_t forget(std::string_view uri);
    void clear();

    /// The number of what these settings say about whom a client reaches, by which way and as whom (see
    /// docs/design/http.md), among those that this cache has seen. Errors: `limit_exceeded` beyond a thousand different
    /// ones.
    [[nodiscard]] result<cache_identity> identity_of(const client_settings& settings);

    /// How a sender of requests uses the cache: one visit for each request.
    ///
    ///     cache_visit visit = cache.visit(uri, what, whose, defaults, now);
    ///     if (visit.plan() != cache_plan::send) return visit.answer(now);
    ///     visit.prepare(what);
    ///     result<response> came = send(what);              // however: by a client, by one of several regions …
    ///     if (visit.must_ask_again(came)) { visit.prepare(what); came = send(what); }
    ///     return visit.settle(std::move(came), {sent, received, wall});
    ///
    /// `uri` is what the request is about, absolute and without a fragment; a service with several regions has one for
    /// all of them. `defaults` are the fields that the sender adds when the request brings none of that name; they must
    /// outlive the visit. Cost: one look-up under a lock; no response is copied yet.
    [[nodiscard]] cache_visit visit(std::string uri, const request& what, cache_identity whose, const headers& defaults,
                                    time_point now);

    class implementation;

private:
    std::shared_ptr<implementation> self_;
};

/// When what came of a request came.
struct cache_arrival {
    time_point sent;      ///< when the request was sent, the last time if it was sent several times
    time_point received;  ///< when its outcome was there
    std::chrono::system_clock::time_point wall;  ///< what the wall clock showed then: servers' dates are compared to it
};

/// One request's dealings with a cache, see `response_cache::visit`. It may outlive the cache. Movable; for one thread
/// at a time.
class cache_visit {
public:
    cache_visit(cache_visit&& other) noexcept;
    cache_visit& operator=(cache_visit&& other) noexcept;
    ~cache_visit();

    [[nodiscard]] cache_plan plan() const noexcept;

    /// The stored response, marked as `cache` or `stale`; 504 for `only-if-cached` when nothing fits. Once, and not
    /// with `cache_plan::send`.
    [[nodiscard]] response answer(time_point now);

    /// The visit of a request in the background that brings up to date what `answer` gives: prepare, send and settle it
    /// with the same request. Nothing when that is going on already, or there are as many as allowed. It is going on
    /// until the visit is destroyed, which has to have a deadline.
    [[nodiscard]] std::optional<cache_visit> begin_revalidation(time_point now);

    /// Adds If-None-Match and If-Modified-Since, or takes them off again before the request is sent the second time.
    void prepare(request& what);

    /// Did the server confirm a version that was not asked for? Then the request has to be sent once more, as `prepare`
    /// leaves it.
    [[nodiscard]] bool must_ask_again(const result<response>& came);

    /// What the caller gets: the response as it came, and it is stored if it may be; the stored one for a 304; the
    /// stored one, marked as `stale`, for a failure that it may stand in for; otherwise the failure. `body_follows`: of
    /// what came there is the head only, so that it is not stored, and displaces what was.
    [[nodiscard]] result<response> settle(result<response> came, const cache_arrival& when, bool body_follows = false);

    struct state;

private:
    friend class response_cache;
    explicit cache_visit(std::unique_ptr<state> made) noexcept;
    std::unique_ptr<state> self_;
};

}  // namespace lido::http

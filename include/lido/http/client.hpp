// Lido: an HTTP client over pools of connections.
#pragma once

#include "lido/base/back_off.hpp"
#include "lido/base/operation.hpp"
#include "lido/http/connection_statistics.hpp"
#include "lido/http/cookie_jar.hpp"
#include "lido/http/credentials.hpp"
#include "lido/http/decoding_settings.hpp"
#include "lido/http/http2_settings.hpp"
#include "lido/http/http_versions.hpp"
#include "lido/http/limits.hpp"
#include "lido/http/redirect_settings.hpp"
#include "lido/http/request.hpp"
#include "lido/http/response.hpp"
#include "lido/http/response_cache.hpp"
#include "lido/http/response_stream.hpp"
#include "lido/net/egress_policy.hpp"
#include "lido/net/resolver.hpp"
#include "lido/net/tls.hpp"
#include "lido/pool/settings.hpp"
#include "lido/pool/statistics.hpp"
#include "lido/resilience/retry.hpp"
#include "lido/resilience/retry_budget.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::http {

/// What a client tells about each attempt of a request, see `client_settings::on_attempt`.
struct attempt_report {
    std::string_view method;
    std::string_view origin;  ///< "http://127.0.0.1:8080"
    std::string_view path;    ///< the target without its query, which may hold secrets
    unsigned attempt = 1;     ///< 1 is the first
    int status = 0;           ///< 0 when there was no response
    const lido::error* failure = nullptr;
    bool reused = false;  ///< on a connection that had served before
    bool slow = false;    ///< took longer than `slow_after`
    duration elapsed{};   ///< of this attempt, its wait for a connection included
    duration retry_in{};  ///< a further attempt follows after this; negative: none
};

/// The settings of a client. `validate` names what is out of range; a client is never made from invalid settings.
struct client_settings {
    /// "http://host[:port][/prefix]": what relative targets are relative to. May be empty when all are absolute.
    std::string base_url;
    /// Connections per origin (scheme, host, port), and callers that may wait for one. See `pool::settings`.
    std::size_t max_connections_per_origin = 10;
    /// Up to so many at any time, or as many as the load of each origin needs: `sizing = adaptive_sizing::by_load()`.
    pool::sizing sizing = pool::fixed_sizing{};
    std::size_t max_waiters_per_origin = 1024;
    /// Of these, the ones that may be kept idle; one more is closed after its request. 1 … 100,000; 0: all.
    std::size_t max_idle_per_origin = 0;
    /// Connections over all origins. A request that needs one more waits until one closes; an idle one of another
    /// origin makes room. 1 … 1,000,000; 0: no limit beside the one per origin.
    std::size_t max_connections = 0;
    pool::when_full when_full = pool::when_full::wait;
    /// Origins with a pool at once; one more closes the one unused longest, or is refused while all are in use.
    /// 1 … 100,000.
    std::size_t max_origins = 256;
    /// A pool whose origin was not used for this long is closed in the background. 1 s … 30 days.
    duration unused_origin_timeout = std::chrono::minutes(10);

    duration acquire_timeout = std::chrono::seconds(30);
    duration connect_timeout = std::chrono::seconds(10);
    /// Of `connect_timeout`, at most this much for each TLS handshake, with a proxy or the server: some middleboxes
    /// accept every connection and then say nothing. 1 ms … 10 min.
    duration tls_handshake_timeout = std::chrono::seconds(10);
    /// Between two arrivals of data. 1 ms … 1 h.
    duration read_timeout = std::chrono::seconds(30);
    /// How long a body with "Expect: 100-continue" waits for the server's word before it is sent all the same.
    /// 0 … 1 h.
    duration continue_timeout = std::chrono::seconds(1);
    /// Over everything: waiting, connecting, all attempts and the pauses between. 1 ms … 24 h.
    duration timeout = std::chrono::seconds(60);
    /// While an origin cannot be reached, a request that has waited this long for a connection ends with the connect
    /// error instead of waiting for `acquire_timeout`. 0 … 1 h; 0: at once.
    duration down_fail_fast = std::chrono::seconds(1);
    /// The pause between attempts to connect to an origin that cannot be reached; full jitter.
    back_off_settings connect_back_off{};
    /// A connection idle longer than this is closed; a server's `Keep-Alive: timeout=N` shortens it to N - 1 s.
    duration idle_timeout = std::chrono::seconds(60);
    duration max_lifetime = std::chrono::minutes(30);
    /// Open a new connection for each request instead of keeping any. For comparisons.
    bool keep_alive = true;

    resilience::retry_settings retry{};
    /// How much `retry` may add to the load on an origin, over all requests to it: when all of them fail, three retries
    /// each would multiply it by four. A request whose retry is not allowed ends with what it has. Nothing: no limit.
    std::optional<resilience::retry_budget_settings> retry_budget{resilience::retry_budget_settings()};
    /// Which redirects are followed; none unless told.
    redirect_settings redirects{};
    /// How compressed responses are asked for and undone.
    decoding_settings decoding{};
    /// Sent with each request to the base URL's origin that has no Authorization of its own, and to no other. For a
    /// service: to each region.
    std::optional<http::credentials> credentials{};
    /// Keeps the cookies that servers set and sends them back; null: none are. A request with a Cookie field of its own
    /// gets no others. Several clients may share one. Not used by a service of several regions.
    std::shared_ptr<cookie_jar> cookies{};
    http_limits limits{};
    net::tls_settings tls{};
    /// The proxy for all requests: "http://", "https://" (spoken to by TLS) or "socks5://" (which looks names up
    /// itself), "user:password@" percent-encoded where it wants that, host and port. Several, separated by commas, are
    /// gone through in turn. The credentials are shown to the proxies alone. Empty: none.
    std::string proxy{};
    /// Hosts that are reached without it, separated by commas: "shop.example" with all below it, addresses, networks
    /// such as 10.0.0.0/8, each with ":port" if only that is meant; "*": all.
    std::string no_proxy{};
    /// Where `proxy` is empty: as the environment says by http_proxy, https_proxy, all_proxy and no_proxy. Of these all
    /// but the first count in capitals too.
    bool proxy_from_environment = false;
    /// Tunnel through an HTTP proxy for http targets too, instead of asking it for the whole URL.
    bool proxy_tunnel = false;
    /// For a proxy that is spoken to by TLS.
    net::tls_settings proxy_tls{};
    /// The UNIX socket that everything is sent to, whatever host the URL names; 1 … 107 bytes. Not with `proxy`. Empty:
    /// none.
    std::string unix_socket{};
    /// The address of this machine to connect from, such as "192.0.2.7" or "::1"; servers of the other family are not
    /// reached then. Empty: the system chooses.
    std::string local_address{};

    /// Which addresses may be connected to, asked at every connect: for clients that are told by others where to go. A
    /// proxy's own address is one of them; whom a proxy connects to is the proxy's to decide. `unix_socket` is not
    /// asked about.
    net::egress_policy egress{};

    /// Which versions of HTTP may be spoken.
    http_versions http_version = http_versions::automatic;
    /// Of connections that speak HTTP/2; `limits` hold for them too.
    http2_settings http2{};
    /// Sent unless a request brings its own. Empty: none.
    std::string user_agent = "lido/0.1";

    /// Looks names up. Null: the process's, `net::default_resolver()`.
    std::shared_ptr<net::resolver> names{};

    /// Answers from memory what need not be asked for again, and what the server fails to answer. Several clients may
    /// share one. Null: none. See `response_cache` and `cache_settings`.
    std::shared_ptr<response_cache> cache{};

    /// Called after each attempt, on an I/O thread; must not block or throw. For logs (D13).
    std::function<void(const attempt_report&)> on_attempt;
    /// What counts as slow for `attempt_report::slow`.
    duration slow_after = std::chrono::seconds(5);

    [[nodiscard]] result<void> validate() const;
};

/// One origin of a client, see `client_statistics`.
struct origin_statistics {
    std::string origin;
    pool::statistics pool;
    /// Those that are open and could be used, in the order in which they came.
    std::vector<connection_statistics> connections;
};

/// A snapshot of a client.
struct client_statistics {
    std::uint64_t requests = 0;  ///< operations that ended
    std::uint64_t failed = 0;    ///< of these, without a response, be it one from a cache
    std::uint64_t attempts = 0;  ///< exchanges begun, retries included
    std::uint64_t retries = 0;   ///< attempts by the retry policy
    /// Those that the policy wanted and `retry_budget` did not allow.
    std::uint64_t retries_refused = 0;
    std::uint64_t resends = 0;  ///< attempts because a reused connection turned out closed before any answer
    std::uint64_t pools_created = 0;
    std::uint64_t pools_closed = 0;
    /// Sums over all pools there ever were.
    std::uint64_t connections_created = 0;
    std::uint64_t connections_closed = 0;
    std::uint64_t connections_failed = 0;
    std::uint64_t connections_reused = 0;
    /// TLS handshakes with servers that ended well, and how many of them resumed an earlier session.
    std::uint64_t tls_handshakes = 0;
    std::uint64_t tls_resumed = 0;
    /// By protocol, over all connections there ever were: how many requests each of them carried.
    protocol_statistics http1{};
    protocol_statistics http2{};
    duration uptime{};
    /// How long ago unused pools were last looked for; negative before the first time.
    duration since_last_clean_up{-1};
    std::vector<origin_statistics> origins;
    /// Of `client_settings::cache`, all clients that share it together; nothing without one.
    std::optional<cache_statistics> cache;
};

/// A client of HTTP/1.1 and HTTP/2. One pool of connections per origin, made when first needed and dropped when unused;
/// strict parsing; retries by policy; a request on a kept-alive connection that turns out closed before any answer is
/// sent again only when the peer provably did not act on it or the method is idempotent (RFC 9110 §9.2.2).
///
/// Thread-safe. `group` must outlive it. The destructor waits for a bounded `close`; operations that are still
/// running then end with `pool_closed` or `cancelled`.
class client {
public:
    /// Throws `lido::exception` naming the setting when `settings` are invalid.
    client(scheduler_group& group, client_settings settings);
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client();

    /// `target` is an absolute URL or a path below the base URL.
    [[nodiscard]] operation<response> get(std::string_view target);
    [[nodiscard]] operation<response> post(std::string_view target, std::string body,
                                           std::string_view content_type = "application/octet-stream");
    [[nodiscard]] operation<response> send(request what);

    /// As `send`, but comes back with the head: the body is read from the stream, which holds the connection. Retries
    /// happen before that only. A cache answers, validates and stands in as for `send`; what comes from the server is
    /// not stored by it. `max_body_bytes` does not count, for nothing is held in memory.
    /// The client's `timeout` bounds the time until the head; a request's own `timeout` the whole body as well.
    [[nodiscard]] operation<response_stream> open(request what);

    /// Opens `count` connections to the base URL's origin; fails with the first connect error if none comes up.
    /// The result is how many are open.
    [[nodiscard]] operation<std::size_t> warm_up(std::size_t count);

    /// Refuses new requests, lets running ones end until `timeout`, then cuts them. Idempotent. The result is the
    /// number of connections that had to be cut.
    [[nodiscard]] operation<std::size_t> close(duration timeout = std::chrono::seconds(10));

    [[nodiscard]] client_statistics statistics() const;
    [[nodiscard]] const client_settings& settings() const noexcept;

    /// The process-wide client, made at the first call with default settings and a runtime of its own.
    [[nodiscard]] static client& process_default();
    /// Closes the process-wide client, if it was made, and every other client and every service that lives. Blocks; not
    /// on an I/O thread.
    static void close_all(duration timeout = std::chrono::seconds(10));

    class implementation;

private:
    std::shared_ptr<implementation> self_;
};

}  // namespace lido::http

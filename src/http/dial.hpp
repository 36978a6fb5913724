// Lido: from an identity to a byte stream.
#pragma once

#include "http/identity.hpp"
#include "lido/base/task.hpp"
#include "lido/http/limits.hpp"
#include "lido/net/stream.hpp"

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace lido::http {

/// The TLS contexts of a client, made once for each set of TLS settings. Thread-safe.
class tls_contexts {
public:
    /// Errors: those of `net::tls_context::client`.
    [[nodiscard]] result<std::shared_ptr<const net::tls_context>> get(const net::tls_settings& of);

private:
    /// More than a client ever has: the one made first is forgotten.
    static constexpr std::size_t most = 16;
    std::mutex mutex_;
    std::vector<std::pair<net::tls_settings, std::shared_ptr<const net::tls_context>>> made_;
};

/// How TLS with one peer is begun.
struct tls_plan {
    std::shared_ptr<const net::tls_context> context;  ///< null: plain
    std::shared_ptr<net::tls_session_store> sessions;
};

/// What is the same for all identities of a client.
struct dial_settings {
    std::shared_ptr<net::resolver> names{};  ///< null: `net::default_resolver()`
    net::egress_policy egress{};
    http_limits limits{};  ///< of what a proxy answers
    /// Of all the time there is, each TLS handshake gets this much at most.
    duration tls_handshake_timeout = std::chrono::seconds(10);
};

/// What opens the connections of one identity, and holds the TLS sessions that they may resume. May be used by several
/// connects at once.
struct dial_plan {
    identity who;
    tls_plan tls;                     ///< with the origin
    std::vector<tls_plan> proxy_tls;  ///< with each proxy
    /// The last proxy is not asked for a tunnel but for each URL (RFC 9112 §3.2.2).
    bool asks_proxy = false;
    dial_settings how{};
};

/// The plan for `who`. Errors: those of `net::tls_context::client`.
[[nodiscard]] result<std::shared_ptr<const dial_plan>> plan_of(const identity& who, tls_contexts& contexts,
                                                               dial_settings how = {});

/// A byte stream to the plan's origin, after TLS if that is secure (`alpn()` says which protocol is spoken on it), or
/// to the proxy that is asked for URLs. Ends a little before `deadline`, so that a pool that waits for it can tell what
/// took so long. Runs on `loop`; destroying the task gives everything up. Errors: `resolve_failed`, `connect_failed`,
/// `tls_failed`, `connect_timeout`, each saying what failed with whom, and never a credential.
[[nodiscard]] task<result<std::unique_ptr<net::stream>>> dial(net::event_loop& loop,
                                                              std::shared_ptr<const dial_plan> plan,
                                                              time_point deadline);

}  // namespace lido::http

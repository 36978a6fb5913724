// Lido: host names to addresses, off the event loop.
#pragma once

#include "lido/base/task.hpp"
#include "lido/base/time.hpp"
#include "lido/net/endpoint.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lido::net {

/// Settings of a `resolver`.
struct resolver_settings {
    /// Looks `host` up and may block as long as it likes; runs on the resolver's threads, several at once. The port of
    /// what it returns does not matter. Empty: the system's getaddrinfo with AI_ADDRCONFIG.
    using lookup_function = std::function<result<std::vector<address>>(const std::string& host)>;

    /// Threads that look up, 1 … 64; started when first needed.
    std::uint32_t threads = 2;
    /// Different names that may wait for a thread, 1 … 65536; more are refused with `queue_full`.
    std::uint32_t max_queued = 256;
    /// How long the destructor waits for lookups that are under way.
    duration shutdown_grace = std::chrono::seconds(2);
    lookup_function lookup;
};

/// Resolves names on a few threads of its own, because getaddrinfo blocks, and may block for half a minute.
///
/// A lookup cannot be interrupted. Whoever waits for one can: at the deadline, or when the awaiting coroutine is
/// destroyed, the result has no taker and is dropped when it comes; only the thread stays occupied until then. Callers
/// that ask for a name that is being looked up share that lookup, so that one name whose server hangs occupies one
/// thread, not all. Nothing is cached: that is the system's business.
///
/// Thread-safe. The destructor lets queued lookups fail with `cancelled`, waits at most `shutdown_grace` for those
/// under way and then leaves their threads to themselves: they touch nothing of this object and end with the lookup.
class resolver {
public:
    /// Throws `lido::exception` when a setting is out of range. Starts no thread yet.
    explicit resolver(resolver_settings settings = {});
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;
    ~resolver();

    /// The addresses of `host` with `port`, in the order of the system's preference (RFC 6724), without duplicates and
    /// never empty. An address literal is answered at once, without a thread. Runs on any scheduler.
    ///
    /// Errors: `resolve_failed` naming the host and the cause, `connect_timeout` at the deadline, `queue_full`,
    /// `cancelled` when the resolver is destroyed.
    [[nodiscard]] task<result<std::vector<address>>> resolve(std::string host, std::uint16_t port, time_point deadline);

    struct state;

private:
    std::shared_ptr<state> state_;
};

/// The resolver of the process, made at first use. It is never destroyed, so that it can be used until the very end.
[[nodiscard]] resolver& default_resolver();

}  // namespace lido::net

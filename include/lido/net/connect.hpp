// Lido: a connection to whichever address answers first.
#pragma once

#include "lido/base/task.hpp"
#include "lido/base/time.hpp"
#include "lido/net/egress_policy.hpp"
#include "lido/net/endpoint.hpp"
#include "lido/net/socket.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lido::net {

/// Settings of one connect. Trivially destroyed, so it may be written inside a `co_await` expression.
struct connect_options {
    /// How long an attempt may take before the next address is tried beside it: RFC 8305, section 5. 10 ms … 2 s are
    /// kept to (section 8).
    duration attempt_delay = std::chrono::milliseconds(250);
    /// How long sent data may stay unacknowledged, and a silent peer unanswering, until the kernel gives the
    /// connection up (TCP_USER_TIMEOUT, RFC 5482; keep-alive probes begin after a third of it). Zero: the system's
    /// own, which is a quarter of an hour and two hours.
    duration user_timeout = std::chrono::seconds(30);
    /// The local address to connect from; with port 0 any port of it. Peers of the other family are skipped.
    std::optional<address> local_address;
    /// Peers that it does not allow are skipped.
    egress_policy egress;
};

/// Connects to one of `peers` by happy eyeballs (RFC 8305): the families take turns, beginning with that of the first
/// address; the next attempt starts when one has failed or after `attempt_delay`; the first that succeeds wins and the
/// others are closed. The socket has TCP_NODELAY, keep-alive and the user time-out set.
///
/// Runs on `loop`; destroying the task closes all attempts. Errors: `connect_failed` naming each address with its
/// reason, `connect_timeout` at `deadline`, `invalid_argument` when `peers` is empty. Without a peer that the
/// egress policy allows it is `connect_failed`, too. Costs one descriptor for each
/// attempt under way.
[[nodiscard]] task<result<std::unique_ptr<socket>>> connect_tcp(event_loop& loop, std::vector<address> peers,
                                                                time_point deadline, connect_options options = {});

/// Connects to a Unix socket at `path`. Errors as above.
[[nodiscard]] task<result<std::unique_ptr<socket>>> connect_unix(event_loop& loop, std::string path,
                                                                 time_point deadline);

/// What errno `code` means in a few plain words, such as "connection refused" or "no route to host".
[[nodiscard]] std::string plain_reason(int code);

/// What to do about errno `code`; empty when there is nothing better to say than the error code's own remedy.
[[nodiscard]] std::string remedy_of(int code);

}  // namespace lido::net

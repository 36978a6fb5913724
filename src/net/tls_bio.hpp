// Lido: OpenSSL's view of what a TLS session runs on.
#pragma once

#include "lido/net/socket.hpp"

struct bio_st;

namespace lido::net {
class tls_session;
}

namespace lido::net::detail {

/// What a BIO knows. Must outlive it.
struct bio_state {
    socket* below = nullptr;
    tls_session* through = nullptr;  ///< null: straight on the socket
    int error = 0;                   ///< errno of the last failure
    bool ended = false;              ///< the peer has ended its sending
};

/// A BIO that reads and writes by what `state` names: never blocks, and never raises SIGPIPE, which OpenSSL's own
/// would. Null when memory is short. Its owner is the caller.
[[nodiscard]] bio_st* make_bio(bio_state& state) noexcept;

}  // namespace lido::net::detail

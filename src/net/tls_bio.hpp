// Lido: OpenSSL's view of a socket.
#pragma once

#include "lido/net/socket.hpp"

struct bio_st;

namespace lido::net::detail {

/// What a BIO on a socket knows. Must outlive the BIO.
struct bio_state {
    socket* below = nullptr;
    int error = 0;       ///< errno of the last failure
    bool ended = false;  ///< the peer has ended its sending
};

/// A BIO that reads and writes by `state.below`: never blocks, and never raises SIGPIPE, which OpenSSL's own would.
/// Null when memory is short. Its owner is the caller.
[[nodiscard]] bio_st* make_socket_bio(bio_state& state) noexcept;

}  // namespace lido::net::detail

// Lido: ports for servers that a test starts, stops and starts again.
#pragma once

#include "support/test_sockets.hpp"

#include <cstdint>
#include <random>
#include <stdexcept>
#include <string_view>

namespace lido::test {

/// A socket that is bound to `port` of a loopback address and does not listen yet; not valid when somebody has it.
[[nodiscard]] inline net::unique_descriptor bind_to(std::uint16_t port, std::string_view host = "127.0.0.1") {
    net::unique_descriptor bound(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const int yes = 1;
    checked_call(setsockopt(bound.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), "setsockopt");
    const net::address wanted = *net::address::from_literal(host, port);
    if (bind(bound.get(), wanted.data(), wanted.size()) != 0) return {};
    return bound;
}

/// What ports are chosen from, below all that the system takes for outgoing connections. A database takes seconds from
/// the choice of its port until it listens there; tests with databases run beside those of other servers, though not
/// beside each other (LidoTests.cmake), so the two must not choose from the same.
struct port_range {
    std::uint16_t first;
    std::uint16_t count;
};
inline constexpr port_range server_ports{.first = 15'000, .count = 8'500};
inline constexpr port_range database_ports{.first = 23'500, .count = 8'500};

/// A loopback port that nobody uses now, below the range that the system takes for outgoing connections: while a server
/// is down, its port could otherwise be given to a client, which would then find itself when it connects.
[[nodiscard]] inline std::uint16_t free_port(port_range from = server_ports) {
    std::random_device dice;
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const auto port = static_cast<std::uint16_t>(from.first + dice() % from.count);
        const net::unique_descriptor bound = bind_to(port);
        if (bound.valid() && listen(bound.get(), 1) == 0) return port;
    }
    throw std::runtime_error("no free port on 127.0.0.1");
}

}  // namespace lido::test

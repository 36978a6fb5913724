// Lido: which addresses may be connected to.
#pragma once

#include "lido/net/endpoint.hpp"

#include <cstdint>

namespace lido::net {

/// What kind of network an address belongs to (RFC 6890 and the registries of special addresses).
enum class address_scope : std::uint8_t {
    global,           ///< the internet
    loopback,         ///< this machine: 127.0.0.0/8, ::1, and 0.0.0.0/8 and ::, which lead to it
    private_network,  ///< 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7, fec0::/10
    link_local,       ///< 169.254.0.0/16, where clouds have their metadata, and fe80::/10
    reserved,         ///< multicast, broadcast, documentation, benchmarks, and what else no server has
};

/// The scope of an address. An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4) counts as that IPv4 address. A
/// UNIX socket is `loopback`.
[[nodiscard]] address_scope scope_of(const address& of) noexcept;

/// "loopback", "private network".
[[nodiscard]] const char* text_of(address_scope scope) noexcept;

/// Which addresses may be connected to, for programs that connect to where others tell them to: it keeps them from
/// being led to services that trust their neighbours. It is asked about each address right before each connect,
/// whatever name it was found by and however often that was looked up, so a name that changes its address does not get
/// around it. Everything is allowed by default. Trivially copied.
struct egress_policy {
    bool allow_loopback = true;
    bool allow_private = true;
    bool allow_link_local = true;
    bool allow_reserved = true;

    /// Nothing but the internet.
    [[nodiscard]] static constexpr egress_policy internet_only() noexcept { return {false, false, false, false}; }
    [[nodiscard]] bool allows(const address& peer) const noexcept;
    [[nodiscard]] friend bool operator==(const egress_policy&, const egress_policy&) = default;
};

}  // namespace lido::net

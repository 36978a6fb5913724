#include "lido/net/egress_policy.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include <netinet/in.h>

namespace lido::net {
namespace {

using ipv6_bytes = std::array<unsigned char, 16>;

struct ipv4_range {
    std::uint32_t begin;
    unsigned bits;
    address_scope scope;
};

constexpr std::uint32_t ipv4(unsigned a, unsigned b, unsigned c = 0) {
    return (a << 24U) | (b << 16U) | (c << 8U);
}

constexpr std::array ipv4_ranges{
    ipv4_range{ipv4(0, 0), 8, address_scope::loopback},
    ipv4_range{ipv4(127, 0), 8, address_scope::loopback},
    ipv4_range{ipv4(10, 0), 8, address_scope::private_network},
    ipv4_range{ipv4(172, 16), 12, address_scope::private_network},
    ipv4_range{ipv4(192, 168), 16, address_scope::private_network},
    ipv4_range{ipv4(100, 64), 10, address_scope::private_network},
    ipv4_range{ipv4(169, 254), 16, address_scope::link_local},
    ipv4_range{ipv4(192, 0, 0), 24, address_scope::reserved},
    ipv4_range{ipv4(192, 0, 2), 24, address_scope::reserved},
    ipv4_range{ipv4(192, 88, 99), 24, address_scope::reserved},
    ipv4_range{ipv4(198, 18), 15, address_scope::reserved},
    ipv4_range{ipv4(198, 51, 100), 24, address_scope::reserved},
    ipv4_range{ipv4(203, 0, 113), 24, address_scope::reserved},
    ipv4_range{ipv4(224, 0), 3, address_scope::reserved},  // multicast, future use, broadcast
};

address_scope scope_of_ipv4(std::uint32_t value) noexcept {
    for (const ipv4_range& each : ipv4_ranges) {
        if (((value ^ each.begin) >> (32U - each.bits)) == 0) return each.scope;
    }
    return address_scope::global;
}

std::uint32_t ipv4_at(const ipv6_bytes& bytes, std::size_t offset) noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = (value << 8U) | bytes[offset + i];
    return value;
}

template <std::size_t Size>
bool begins(const ipv6_bytes& bytes, const std::array<unsigned char, Size>& with) noexcept {
    return std::equal(with.begin(), with.end(), bytes.begin());
}

/// The IPv4 address that an IPv6 one stands for.
std::optional<std::uint32_t> embedded(const ipv6_bytes& bytes) noexcept {
    constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    constexpr std::array<unsigned char, 12> nat64{0, 0x64, 0xFF, 0x9B};  // 64:ff9b::/96, RFC 6052
    constexpr std::array<unsigned char, 2> six_to_four{0x20, 0x02};
    if (begins(bytes, mapped) || begins(bytes, nat64)) return ipv4_at(bytes, 12);
    if (begins(bytes, six_to_four)) return ipv4_at(bytes, 2);
    return std::nullopt;
}

address_scope scope_of_ipv6(const ipv6_bytes& bytes) noexcept {
    if (const auto inside = embedded(bytes)) return scope_of_ipv4(*inside);
    constexpr std::array<unsigned char, 15> zeros{};
    if (begins(bytes, zeros) && bytes[15] <= 1) return address_scope::loopback;
    if ((bytes[0] & 0xFEU) == 0xFC) return address_scope::private_network;
    if (bytes[0] == 0xFE && (bytes[1] & 0xC0U) == 0xC0) return address_scope::private_network;
    if (bytes[0] == 0xFE && (bytes[1] & 0xC0U) == 0x80) return address_scope::link_local;
    // Servers have addresses of 2000::/3. In it, 2001::/23 is for protocols, 2001:db8::/32 for documentation.
    if ((bytes[0] & 0xE0U) != 0x20) return address_scope::reserved;
    const bool for_protocols = bytes[0] == 0x20 && bytes[1] == 0x01 && (bytes[2] & 0xFEU) == 0;
    const bool for_documents = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0D && bytes[3] == 0xB8;
    return for_protocols || for_documents ? address_scope::reserved : address_scope::global;
}

}  // namespace

address_scope scope_of(const address& of) noexcept {
    if (of.is_ipv4()) {
        sockaddr_in v4{};
        std::memcpy(&v4, of.data(), sizeof v4);
        return scope_of_ipv4(ntohl(v4.sin_addr.s_addr));
    }
    if (of.is_ipv6()) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, of.data(), sizeof v6);
        ipv6_bytes bytes{};
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return scope_of_ipv6(bytes);
    }
    return of.family() == AF_UNIX ? address_scope::loopback : address_scope::reserved;
}

const char* text_of(address_scope scope) noexcept {
    switch (scope) {
        case address_scope::global:
            return "internet";
        case address_scope::loopback:
            return "loopback";
        case address_scope::private_network:
            return "private network";
        case address_scope::link_local:
            return "link-local";
        case address_scope::reserved:
            break;
    }
    return "reserved";
}

bool egress_policy::allows(const address& peer) const noexcept {
    switch (scope_of(peer)) {
        case address_scope::global:
            return true;
        case address_scope::loopback:
            return allow_loopback;
        case address_scope::private_network:
            return allow_private;
        case address_scope::link_local:
            return allow_link_local;
        case address_scope::reserved:
            break;
    }
    return allow_reserved;
}

}  // namespace lido::net

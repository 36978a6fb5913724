// Lido: where a peer is: by name, and by address.
#pragma once

#include "lido/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>

namespace lido::net {

/// A peer as a user names it. `host` is a name, an IPv4 address, or an IPv6 address with or without brackets. It has
/// constructors, so that GCC 12 can have it inside a `co_await` expression.
struct endpoint {
    endpoint() noexcept {}  // NOLINT(modernize-use-equals-default): user-provided, so that it is no aggregate
    endpoint(std::string of_host, std::uint16_t of_port) : host(std::move(of_host)), port(of_port) {}

    std::string host;
    std::uint16_t port = 0;

    /// "shop.example:443", "[::1]:443".
    [[nodiscard]] std::string to_text() const;
    [[nodiscard]] friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// "host:port", with brackets around an IPv6 address (RFC 3986, section 3.2.2).
[[nodiscard]] std::string host_and_port(std::string_view host, std::uint16_t port);

/// The address of a socket: IPv4, IPv6 or the path of a Unix socket. A plain value, trivially copied and destroyed.
class address {
public:
    /// No address: family AF_UNSPEC.
    address() noexcept = default;
    /// A copy of `from`, of which `size` bytes count. `size` ≤ sizeof(sockaddr_storage).
    address(const sockaddr* from, socklen_t size) noexcept;

    /// The address that `text` spells, or nothing when it is a name: "127.0.0.1", "::1", "[::1]", "fe80::1%eth0".
    /// Costs no system call but for a zone.
    [[nodiscard]] static std::optional<address> from_literal(std::string_view text, std::uint16_t port);
    /// A Unix socket; `path` has 1 … 107 bytes and no zero byte, otherwise `invalid_argument`.
    [[nodiscard]] static result<address> unix_socket(std::string_view path);
    /// The address that `descriptor` is bound to, or that it is connected to; AF_UNSPEC when it is not.
    [[nodiscard]] static address local_of(int descriptor) noexcept;
    [[nodiscard]] static address peer_of(int descriptor) noexcept;

    [[nodiscard]] int family() const noexcept { return storage_.ss_family; }
    [[nodiscard]] bool is_ipv4() const noexcept { return family() == AF_INET; }
    [[nodiscard]] bool is_ipv6() const noexcept { return family() == AF_INET6; }
    /// 0 for a Unix socket.
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// Nothing happens to a Unix socket's address.
    void set_port(std::uint16_t port) noexcept;

    /// "127.0.0.1:80", "[::1]:80", "/run/server.sock".
    [[nodiscard]] std::string to_text() const;
    /// The same without the port.
    [[nodiscard]] std::string host_text() const;

    [[nodiscard]] const sockaddr* data() const noexcept;
    [[nodiscard]] socklen_t size() const noexcept { return size_; }

    friend bool operator==(const address& left, const address& right) noexcept;

private:
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

}  // namespace lido::net

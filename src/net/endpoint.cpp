#include "lido/net/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace lido::net {
namespace {

/// The socket address of kind `Kind` in `storage`, copied, as aliasing demands.
template <class Kind>
Kind view(const sockaddr_storage& storage) noexcept {
    Kind kind{};
    std::memcpy(&kind, &storage, sizeof kind);
    return kind;
}

template <class Kind>
address wrap(const Kind& kind) noexcept {
    return {reinterpret_cast<const sockaddr*>(&kind), sizeof kind};  // NOLINT: how the socket API is made
}

std::optional<address> ipv4(const std::string& text, std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    if (inet_pton(AF_INET, text.c_str(), &out.sin_addr) != 1) return std::nullopt;
    return wrap(out);
}

std::optional<address> ipv6(std::string text, std::uint16_t port) {
    sockaddr_in6 out{};
    out.sin6_family = AF_INET6;
    out.sin6_port = htons(port);
    if (const auto percent = text.find('%'); percent != std::string::npos) {
        const std::string zone = text.substr(percent + 1);
        text.resize(percent);
        out.sin6_scope_id = if_nametoindex(zone.c_str());
        const bool digits = !zone.empty() && zone.size() < 10 &&
                            std::all_of(zone.begin(), zone.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (out.sin6_scope_id == 0 && digits) out.sin6_scope_id = static_cast<std::uint32_t>(std::stoul(zone));
        if (out.sin6_scope_id == 0) return std::nullopt;
    }
    if (inet_pton(AF_INET6, text.c_str(), &out.sin6_addr) != 1) return std::nullopt;
    return wrap(out);
}

template <class Query>
address address_by(int descriptor, Query query) noexcept {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    auto* const generic = reinterpret_cast<sockaddr*>(&storage);  // NOLINT: how the socket API is made
    if (query(descriptor, generic, &size) != 0) return {};
    return {generic, size};
}

}  // namespace

std::string endpoint::to_text() const {
    return host_and_port(host, port);
}

std::string host_and_port(std::string_view host, std::uint16_t port) {
    const bool bare_ipv6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
    return bare_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

address::address(const sockaddr* from, socklen_t size) noexcept
    : size_(std::min(size, static_cast<socklen_t>(sizeof storage_))) {
    std::memcpy(&storage_, from, size_);
}

std::optional<address> address::from_literal(std::string_view text, std::uint16_t port) {
    const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
    std::string inner(bracketed ? text.substr(1, text.size() - 2) : text);
    if (inner.find('\0') != std::string::npos) return std::nullopt;
    if (!bracketed) {
        if (auto found = ipv4(inner, port)) return found;
    }
    return ipv6(std::move(inner), port);
}

result<address> address::unix_socket(std::string_view path) {
    sockaddr_un out{};
    out.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof out.sun_path || path.find('\0') != std::string_view::npos) {
        return error(errc::invalid_argument,
                     fmt::format("path of a Unix socket has {} bytes or a zero byte, allowed are 1 … {}", path.size(),
                                 sizeof out.sun_path - 1),
                     "use a shorter path, such as one in /run or /tmp");
    }
    std::memcpy(out.sun_path, path.data(), path.size());
    return wrap(out);
}

address address::local_of(int descriptor) noexcept {
    return address_by(descriptor, ::getsockname);
}

address address::peer_of(int descriptor) noexcept {
    return address_by(descriptor, ::getpeername);
}

std::uint16_t address::port() const noexcept {
    if (is_ipv4()) return ntohs(view<sockaddr_in>(storage_).sin_port);
    if (is_ipv6()) return ntohs(view<sockaddr_in6>(storage_).sin6_port);
    return 0;
}

void address::set_port(std::uint16_t port) noexcept {
    const in_port_t wire = htons(port);
    auto* const bytes = reinterpret_cast<unsigned char*>(&storage_);  // NOLINT: bytes may alias anything
    if (is_ipv4()) std::memcpy(bytes + offsetof(sockaddr_in, sin_port), &wire, sizeof wire);
    if (is_ipv6()) std::memcpy(bytes + offsetof(sockaddr_in6, sin6_port), &wire, sizeof wire);
}

std::string address::host_text() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (is_ipv4()) {
        const auto v4 = view<sockaddr_in>(storage_);
        inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return text.data();
    }
    if (is_ipv6()) {
        const auto v6 = view<sockaddr_in6>(storage_);
        inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
        return v6.sin6_scope_id == 0 ? std::string(text.data()) : fmt::format("{}%{}", text.data(), v6.sin6_scope_id);
    }
    if (family() == AF_UNIX && size_ > offsetof(sockaddr_un, sun_path)) {
        const auto local = view<sockaddr_un>(storage_);
        return {local.sun_path, strnlen(local.sun_path, size_ - offsetof(sockaddr_un, sun_path))};
    }
    return "(no address)";
}

std::string address::to_text() const {
    return is_ipv4() || is_ipv6() ? host_and_port(host_text(), port()) : host_text();
}

const sockaddr* address::data() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage_);  // NOLINT: how the socket API is made
}

bool operator==(const address& left, const address& right) noexcept {
    return left.size_ == right.size_ && std::memcmp(&left.storage_, &right.storage_, left.size_) == 0;
}

}  // namespace lido::net

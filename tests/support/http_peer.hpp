// Lido: real HTTP servers of several makers, all with the same pages.
#pragma once

#include "support/nginx_server.hpp"
#include "support/server_process.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_certificates.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lido::test {

/// HAProxy and nghttpx are proxies and have an nginx behind them.
enum class http_peer_kind : std::uint8_t { nginx, apache, haproxy, nghttpx };
[[nodiscard]] std::string_view name_of(http_peer_kind kind) noexcept;

/// A server that ends with this object. It has
///
/// - /nonce, which answers with the request's X-Nonce,
/// - /store/…, files that can be put and read, compressed by gzip for those who ask for that.
///
/// Throws, with the remedy, when a package is missing or the server does not start.
class http_peer {
public:
    /// `shown` is its certificate; an idle connection is closed after `keep_alive`.
    http_peer(http_peer_kind kind, const certificate_files& shown,
              std::chrono::milliseconds keep_alive = std::chrono::seconds(20));
    http_peer(const http_peer&) = delete;
    http_peer& operator=(const http_peer&) = delete;
    ~http_peer();

    /// "http://127.0.0.1:20000": HTTP/1.1.
    [[nodiscard]] std::string url() const;
    /// "https://localhost:20001": HTTP/1.1 and HTTP/2, by ALPN.
    [[nodiscard]] std::string secure_url() const;
    /// "http://127.0.0.1:20002": HTTP/2 to who knows that.
    [[nodiscard]] std::string http2_url() const;

    /// Makes it read its settings again, as an administrator does while it is in use: new processes take over, the old
    /// ones end what they are at and say goodbye. Comes back when the new ones have been asked for.
    void reload() const;

private:
    void start_nginx(std::string_view more);
    [[nodiscard]] std::vector<std::string> apache_command();
    [[nodiscard]] std::vector<std::string> haproxy_command();
    [[nodiscard]] std::vector<std::string> nghttpx_command();
    void reload_haproxy() const;
    [[nodiscard]] std::string file(std::string_view name) const { return folder_.file(name); }

    const http_peer_kind kind_;
    const std::chrono::milliseconds keep_alive_;
    temporary_directory folder_;
    std::uint16_t port_ = 0;
    std::uint16_t secure_port_ = 0;
    std::uint16_t http2_port_ = 0;
    std::unique_ptr<nginx_server> nginx_;
    server_process process_;
};

}  // namespace lido::test

// Lido: two ends of a connection that talk to each other on one loop, for tests.
#pragma once

#include "lido/net/stream.hpp"
#include "lido/net/tls.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace lido::test {

/// A TLS client and a TLS server on a pair of sockets, after their handshake, however it ended.
class tls_pair {
public:
    tls_pair(test_loop& here, std::shared_ptr<const net::tls_context> client,
             std::shared_ptr<const net::tls_context> server, const std::string& host,
             std::shared_ptr<net::tls_session_store> sessions = nullptr)
        : here_(here) {
        auto [left, right] = socket_pair();
        client_socket_ = std::make_unique<net::socket>(here.loop(), std::move(left));
        server_socket_ = std::make_unique<net::socket>(here.loop(), std::move(right));
        client_ = net::tls_session::client(std::move(client), *client_socket_, host, std::move(sessions)).value();
        server_ = net::tls_session::server(std::move(server), *server_socket_).value();
        const time_point deadline = clock::now() + std::chrono::seconds(20);
        const auto one = here.start(client_->handshake(deadline));
        const auto other = here.start(server_->handshake(deadline));
        here.run_until([&] { return one.done() && other.done(); });
        client_outcome_ = one.take();
        server_outcome_ = other.take();
    }

    [[nodiscard]] const result<void>& client_outcome() const noexcept { return client_outcome_; }
    [[nodiscard]] const result<void>& server_outcome() const noexcept { return server_outcome_; }
    [[nodiscard]] net::tls_session& client() noexcept { return *client_; }
    [[nodiscard]] net::tls_session& server() noexcept { return *server_; }
    [[nodiscard]] net::socket& client_socket() noexcept { return *client_socket_; }

    /// What the client reads in one step once the loop has nothing left to do.
    net::io_result read_at_client() {
        here_.settle();
        return client_->read_some(space_);
    }
    /// Sends a short text from the client to the server, and returns what arrives.
    std::string transfer(std::string_view text) {
        if (client_->write_some(text).bytes != text.size()) return "(not sent)";
        here_.settle();
        const net::io_result got = server_->read_some(space_);
        return {space_, got.bytes};
    }

    /// Both as streams; this object is empty afterwards.
    [[nodiscard]] std::pair<std::unique_ptr<net::stream>, std::unique_ptr<net::stream>> release() {
        return {std::make_unique<net::stream>(std::move(client_socket_), std::move(client_)),
                std::make_unique<net::stream>(std::move(server_socket_), std::move(server_))};
    }

private:
    test_loop& here_;
    char space_[4096] = {};
    std::unique_ptr<net::socket> client_socket_;
    std::unique_ptr<net::socket> server_socket_;
    std::unique_ptr<net::tls_session> client_;
    std::unique_ptr<net::tls_session> server_;
    result<void> client_outcome_;
    result<void> server_outcome_;
};

/// Writes all of `text`; an error when the stream fails or takes nothing for twenty seconds.
inline task<result<void>> write_all(net::stream& to, std::string text, std::size_t most_at_once = 1 << 20) {
    std::string_view rest = text;
    while (!rest.empty()) {
        const net::io_result sent = to.write_some(rest.substr(0, most_at_once));
        if (sent.status == net::io_status::done) {
            rest.remove_prefix(sent.bytes);
            continue;
        }
        if (sent.status == net::io_status::failed) co_return to.failure(sent);
        const bool ready = co_await to.readiness(sent.status, clock::now() + std::chrono::seconds(20));
        if (!ready) co_return error(errc::write_timeout, "write_all");
    }
    co_return result<void>();
}

/// Reads `size` bytes, or fewer when the stream ends; an error when it fails or nothing comes for twenty seconds.
inline task<result<std::string>> read_bytes(net::stream& from, std::size_t size, std::size_t most_at_once = 1 << 16) {
    std::string all;
    std::string space(most_at_once, '\0');
    while (all.size() < size) {
        const net::io_result got = from.read_some({space.data(), std::min(space.size(), size - all.size())});
        if (got.status == net::io_status::done) {
            all.append(space, 0, got.bytes);
            continue;
        }
        if (got.status == net::io_status::end) break;
        if (got.status == net::io_status::failed) co_return from.failure(got);
        const bool ready = co_await from.readiness(got.status, clock::now() + std::chrono::seconds(20));
        if (!ready) co_return error(errc::read_timeout, "read_bytes");
    }
    co_return all;
}

}  // namespace lido::test

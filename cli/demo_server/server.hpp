// Lido: the demo service on the network.
#pragma once

#include "demo_server/shop.hpp"
#include "lido/base/random.hpp"
#include "lido/net/runtime.hpp"
#include "lido/net/stream.hpp"
#include "watch.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace lido::cli::demo {

/// How the demo service listens, and how it misbehaves.
struct server_options {
    std::uint16_t port = 0;               ///< 0: a free one
    duration latency = duration::zero();  ///< before every answer; to the millisecond
    double error_rate = 0.0;              ///< the share of requests that is answered with 503
    double slow_rate = 0.0;               ///< the share that is answered after `slow_time` instead
    duration slow_time = std::chrono::seconds(1);
    double close_rate = 0.0;       ///< the share after whose answer the connection is closed without a word
    std::string certificate_file;  ///< with `key_file`: TLS
    std::string key_file;
    std::uint64_t seed = 0;
};

/// A server on one I/O thread. Its connections end with it.
class server {
public:
    /// Throws `command_error` when the port cannot be had or the certificate is no good.
    server(runtime& io, watch& where, server_options options);
    /// Cuts all connections.
    ~server();

    /// "http://127.0.0.1:8080"
    [[nodiscard]] std::string url() const;
    /// Why it no longer accepts connections, if so. Rings the bell when that happens.
    [[nodiscard]] std::optional<error> failure() const;

private:
    struct state;
    static task<void> listen(std::shared_ptr<state> shared, live_count::token running);
    static task<void> serve(std::shared_ptr<state> shared, std::unique_ptr<net::socket> accepted,
                            live_count::token running);
    static task<void> converse(state& shared, net::stream& peer);

    std::shared_ptr<state> state_;
    live_count running_;
    std::stop_source stop_;
};

}  // namespace lido::cli::demo

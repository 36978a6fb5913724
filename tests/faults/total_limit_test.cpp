// One limit over all origins of a client (D1): counted at the servers, and nobody starves under it.
#include "lido/http/client.hpp"
#include "lido/net/runtime.hpp"
#include "support/scripted_server.hpp"

#include <gtest/gtest.h>

#include <array>
#include <latch>
#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

http::client_settings limited(std::size_t connections) {
    http::client_settings settings;
    settings.max_connections = connections;
    settings.max_connections_per_origin = 4;
    settings.retry.max_retries = 0;
    return settings;
}

TEST(TotalLimit, AnIdleConnectionOfAnotherOriginMakesRoom) {
    std::array<scripted_server, 3> servers{scripted_server(echo_script()), scripted_server(echo_script()),
                                           scripted_server(echo_script())};
    runtime io;
    http::client client(io, limited(2));
    for (int round = 0; round < 5; ++round) {
        for (scripted_server& server : servers) {
            const auto page = client.get(server.url() + "/page").wait();
            ASSERT_TRUE(page) << page.error().message();
        }
    }
    std::size_t open = 0;
    for (const auto& origin : client.statistics().origins) open += origin.pool.idle + origin.pool.in_use;
    EXPECT_LE(open, 2U);
}

TEST(TotalLimit, ManyRequestsToManyOriginsAllEndAndTheLimitHolds) {
    constexpr int per_origin = 100;
    std::array<scripted_server, 3> servers{scripted_server(echo_script()), scripted_server(echo_script()),
                                           scripted_server(echo_script())};
    runtime io({.threads = 2});
    http::client client(io, limited(3));
    std::latch done(per_origin * 3);
    std::atomic<int> failures{0};
    for (int i = 0; i < per_origin; ++i) {
        for (scripted_server& server : servers) {
            client.get(server.url() + "/" + std::to_string(i)).start([&](result<http::response> page) {
                if (!page) failures.fetch_add(1);
                done.count_down();
            });
        }
    }
    done.wait();
    EXPECT_EQ(failures.load(), 0);
    std::size_t peak = 0;
    for (const auto& origin : client.statistics().origins) peak = std::max(peak, origin.pool.peak_in_use);
    EXPECT_LE(peak, 3U);
}

TEST(TotalLimit, IsNamedInTheErrorWhenAllConnectionsAreBusyForTooLong) {
    server_script silent;
    silent.on_request = [](const arrival&) { return reaction{.bytes = {}, .then = afterwards::stall}; };
    const scripted_server busy(silent);
    const scripted_server other(echo_script());
    runtime io;
    auto settings = limited(1);
    settings.connect_timeout = 2s;
    settings.read_timeout = 20s;
    http::client client(io, settings);
    std::stop_source stop;
    std::latch ended(1);
    client.get(busy.url() + "/").start([&](result<http::response>) { ended.count_down(); }, stop.get_token());
    ASSERT_TRUE(busy.wait_until([&] { return busy.requests() == 1; }));
    const auto page = client.get(other.url() + "/").wait();
    ASSERT_FALSE(page);
    EXPECT_NE(page.error().message().find("max_connections"), std::string::npos) << page.error().message();
    EXPECT_EQ(other.accepted(), 0U);
    stop.request_stop();
    ended.wait();
    EXPECT_TRUE(client.get(other.url() + "/").wait()) << "there is room again";
}

}  // namespace
}  // namespace lido::test

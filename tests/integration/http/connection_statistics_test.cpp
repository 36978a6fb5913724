// What a client says about its connections: protocol, requests on each, bytes, age.
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::connection_statistics;
using http::method;
using http::protocol_statistics;

nginx_configuration answering(bool over_http2) {
    return {.server = R"(keepalive_requests 1000000; http2_max_concurrent_streams 7;
                         location / { return 200 "0123456789"; } location /files/ { alias files/; })",
            .http2 = over_http2};
}

http::client_settings settings_for(const nginx_server& server, bool over_http2) {
    http::client_settings settings = plain_settings(server.url());
    settings.http_version = over_http2 ? http::http_versions::http2 : http::http_versions::http1;
    settings.max_connections_per_origin = 1;
    return settings;
}

std::vector<connection_statistics> connections_of(const client& user) {
    return user.statistics().origins.at(0).connections;
}

task<void> ask(client& user, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
        const auto got = co_await user.get("/");
        EXPECT_TRUE(got.has_value());
    }
}

class connection_counts : public testing::TestWithParam<bool> {};

TEST_P(connection_counts, tell_what_each_open_connection_carries) {
    const bool over_http2 = GetParam();
    nginx_server server(answering(over_http2));
    server.put_file("large", std::string(300'000, 'x'));
    runtime io;
    client user(io, settings_for(server, over_http2));
    EXPECT_TRUE(user.statistics().origins.empty());
    on_tasks(io, 20, [&](std::size_t) { return ask(user, 10); });
    ASSERT_TRUE(user.get("/files/large").wait().has_value());

    EXPECT_TRUE(comes_true([&] { return connections_of(user).at(0).running == 0; }));
    const auto open = connections_of(user);
    ASSERT_EQ(open.size(), 1U);
    EXPECT_EQ(open[0].version, over_http2 ? http::version::http_2 : http::version::http_1_1);
    EXPECT_EQ(open[0].requests, 201U);
    EXPECT_EQ(open[0].limit, over_http2 ? 7U : 1U);
    EXPECT_EQ(open[0].most_at_once, over_http2 ? 7U : 1U);
    EXPECT_GT(open[0].bytes_received, 302'000U);
    EXPECT_GT(open[0].bytes_sent, 1'000U);
    EXPECT_LT(open[0].bytes_sent, 200'000U);
    EXPECT_GT(open[0].age, 0ns);
    EXPECT_LT(open[0].age, 1h);
}

TEST_P(connection_counts, are_summed_up_by_protocol_also_when_the_connections_are_closed) {
    const bool over_http2 = GetParam();
    nginx_server server(answering(over_http2));
    runtime io;
    auto settings = settings_for(server, over_http2);
    settings.keep_alive = over_http2;
    client user(io, settings);
    on_tasks(io, 3, [&](std::size_t) { return ask(user, 2); });
    ASSERT_TRUE(user.close().wait().has_value());
    EXPECT_TRUE(comes_true([&] { return connections_of(user).empty(); }));
    const auto all = user.statistics();
    const protocol_statistics& used = over_http2 ? all.http2 : all.http1;
    EXPECT_EQ(over_http2 ? all.http1 : all.http2, protocol_statistics{});
    EXPECT_EQ(used.connections, over_http2 ? 1U : 6U);
    EXPECT_EQ(used.requests, 6U);
    EXPECT_GE(used.most_at_once, 1U);
    EXPECT_GT(used.bytes_received, 60U);
    EXPECT_GT(used.bytes_sent, 60U);
}

INSTANTIATE_TEST_SUITE_P(over, connection_counts, testing::Bool(),
                         [](const auto& which) { return std::string(which.param ? "http2" : "http1"); });

}  // namespace
}  // namespace lido::test

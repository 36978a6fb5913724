// HTTP/2 against real servers: chosen by ALPN, or known beforehand; many requests on one connection.
#include "support/tls_world.hpp"

#include <atomic>

namespace lido::test {
namespace {

using http::client;
using http::http_versions;
using http::method;

class http2 : public tls_world {
protected:
    nginx_configuration speaking_http2() {
        nginx_configuration made = speaking_tls(for_localhost_, "http2_max_concurrent_streams 50;");
        made.http2 = true;
        return made;
    }
};

TEST_F(http2, is_chosen_where_the_server_speaks_it) {
    nginx_server server(speaking_http2());
    runtime io;
    client user(io, trusting(server));
    const auto got = user.get("/protocol").wait().value();
    EXPECT_EQ(got.status(), 200U);
    EXPECT_EQ(got.version(), http::version::http_2);
    EXPECT_EQ(got.body(), "HTTP/2.0");
    EXPECT_EQ(got.header("Content-Length"), "8");
}

TEST_F(http2, carries_many_requests_on_one_connection) {
    nginx_server server(speaking_http2());
    for (const std::uint32_t threads : {1U, 2U}) {
        const std::size_t before = server.accepted();
        runtime io({.threads = threads});
        client user(io, trusting(server));
        std::atomic<std::size_t> right{0};
        on_tasks(io, 40, [&](std::size_t i) { return ask_all(user, i, 50, right); });
        EXPECT_EQ(right, 2000U);
        EXPECT_EQ(server.accepted() - before, 1U);
    }
}

TEST_F(http2, moves_large_bodies) {
    nginx_server server(speaking_http2());
    const std::string content(5'000'000, 'x');
    server.put_file("large", content);
    runtime io;
    client user(io, trusting(server));
    EXPECT_TRUE(user.get("/files/large").wait().value().body() == content);
}

TEST_F(http2, opens_no_more_connections_than_the_streams_need) {
    nginx_server server(speaking_http2());
    runtime io;
    client user(io, trusting(server));
    std::atomic<std::size_t> right{0};
    on_tasks(io, 120, [&](std::size_t i) { return ask_all(user, i, 20, right); });
    EXPECT_EQ(right, 2400U);
    EXPECT_LE(server.accepted(), 3U) << "each carries 50 at once";
}

TEST_F(http2, is_spoken_in_cleartext_when_it_is_known_that_the_server_does) {  // RFC 9113 §3.3
    nginx_server server({.server = R"(location / { return 200 "$server_protocol $http_x_nonce"; })", .http2 = true});
    runtime io;
    auto settings = plain_settings(server.url());
    settings.http_version = http_versions::http2;
    client user(io, settings);
    EXPECT_EQ(user.send(nonce_request(method::post, "a")).wait().value().body(), "HTTP/2.0 a");
    EXPECT_EQ(user.send(nonce_request(method::put, "b")).wait().value().body(), "HTTP/2.0 b");
    EXPECT_EQ(user.send(http::request(method::head, "/")).wait().value().body(), "");
    EXPECT_EQ(server.accepted(), 1U);
}

TEST_F(http2, is_not_made_up_where_the_server_does_not_speak_it) {
    auto without = speaking_http2();
    without.http2 = false;
    nginx_server secure(without);
    nginx_server plain({.server = "location / { return 200; }"});
    runtime io;
    for (const nginx_server* each : {&secure, &plain}) {
        auto settings = trusting(*each);
        settings.http_version = http_versions::http2;
        client user(io, settings);
        const auto got = user.get("/").wait();
        ASSERT_FALSE(got.has_value());
        EXPECT_TRUE(got.error() == errc::connect_failed || got.error() == errc::tls_failed) << got.error().message();
    }
    client either(io, trusting(secure));
    EXPECT_EQ(either.get("/protocol").wait().value().body(), "HTTP/1.1");
}

TEST_F(http2, sends_large_bodies) {
    auto echoing = speaking_http2();
    echoing.server = R"(client_max_body_size 8m; client_body_buffer_size 8m;
                        location / { return 200 "$content_length"; })";
    nginx_server server(echoing);
    runtime io;
    client user(io, trusting(server));
    const auto got = user.post("/", std::string(3'000'000, 'x')).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body(), "3000000");
}

TEST_F(http2, is_not_spoken_when_the_client_must_not) {
    nginx_server server(speaking_http2());
    runtime io;
    auto settings = trusting(server);
    settings.http_version = http_versions::http1;
    client user(io, settings);
    EXPECT_EQ(user.get("/protocol").wait().value().body(), "HTTP/1.1");
}

}  // namespace
}  // namespace lido::test

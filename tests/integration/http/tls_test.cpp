// HTTPS against a real server: who is trusted, who is not, and that connections are reused as without TLS.
#include "support/tls_world.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using testing::HasSubstr;

class https : public tls_world {
protected:
    static void expect_refused(const nginx_server& server, const http::client_settings& settings,
                               std::string_view why) {
        runtime io;
        client user(io, settings);
        const auto begun = clock::now();
        const auto got = user.send(nonce_request(method::get, "secret")).wait();
        ASSERT_FALSE(got.has_value());
        EXPECT_EQ(got.error(), errc::tls_failed) << got.error().message();
        EXPECT_THAT(got.error().message(), HasSubstr(std::string(why)));
        EXPECT_THAT(got.error().message(), HasSubstr(std::to_string(server.port())));
        EXPECT_LT(clock::now() - begun, 15s);
    }
};

TEST_F(https, reuses_connections_of_a_server_that_it_trusts) {
    nginx_server server(speaking_tls(for_localhost_));
    for (const std::uint32_t threads : {1U, 2U}) {
        const std::size_t before = server.accepted();
        runtime io({.threads = threads});
        client user(io, trusting(server));
        std::atomic<std::size_t> right{0};
        on_tasks(io, 30, [&](std::size_t i) { return ask_all(user, i, 40, right); });
        EXPECT_EQ(right, 1200U);
        EXPECT_LE(server.accepted() - before, 10U);
    }
}

TEST_F(https, moves_large_bodies) {
    nginx_server server(speaking_tls(for_localhost_));
    const std::string content(5'000'000, 'x');
    server.put_file("large", content);
    runtime io;
    client user(io, trusting(server));
    EXPECT_TRUE(user.get("/files/large").wait().value().body() == content);
    EXPECT_EQ(user.post("/", std::string(900'000, 'y')).wait().value().status(), 200U);
}

TEST_F(https, sees_the_end_of_an_idle_connection) {
    nginx_configuration configuration = speaking_tls(for_localhost_);
    configuration.server += "keepalive_timeout 1s;";
    nginx_server server(configuration);
    runtime io;
    client user(io, trusting(server));
    ASSERT_EQ(user.send(nonce_request(method::post, "a")).wait().value().body(), "a");
    EXPECT_TRUE(comes_true([&] { return user.statistics().connections_closed == 1; }));
    EXPECT_EQ(user.send(nonce_request(method::post, "b")).wait().value().body(), "b");
    EXPECT_EQ(server.accepted(), 2U);
    EXPECT_EQ(user.statistics().resends, 0U);
}

TEST_F(https, refuses_a_server_whose_authority_it_does_not_know) {
    const nginx_server server(speaking_tls(for_localhost_));
    const certificate_authority stranger(folder_, "Stranger");
    http::client_settings settings = trusting(server);
    settings.tls.ca_file = stranger.ca_file();
    expect_refused(server, settings, "certificate");
    settings.tls.ca_file.clear();
    expect_refused(server, settings, "certificate");
}

TEST_F(https, refuses_a_certificate_for_another_host) {
    const nginx_server server(speaking_tls({.common_name = "shop.example", .dns = {"shop.example"}}));
    expect_refused(server, trusting(server), "localhost");
}

TEST_F(https, refuses_a_certificate_that_has_expired) {
    certificate_request old = for_localhost_;
    old.valid_from = -48h;
    old.valid_until = -24h;
    const nginx_server server(speaking_tls(old));
    expect_refused(server, trusting(server), "expired");
}

TEST_F(https, asked_of_a_server_without_tls_is_refused) {
    const nginx_server server;
    http::client_settings settings = plain_settings(fmt::format("https://127.0.0.1:{}", server.port()));
    settings.tls.ca_file = authority_.ca_file();
    expect_refused(server, settings, "TLS");
}

TEST_F(https, names_the_file_that_cannot_be_read) {
    const nginx_server server(speaking_tls(for_localhost_));
    http::client_settings settings = trusting(server);
    settings.tls.ca_file = folder_.file("missing.pem");
    runtime io;
    client user(io, settings);
    const auto got = user.get("/").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_THAT(got.error().message(), HasSubstr("missing.pem"));
}

}  // namespace
}  // namespace lido::test

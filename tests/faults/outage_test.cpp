// A server that is down: callers hear of it soon, few connects are made, and work goes on soon after it is back.
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using testing::HasSubstr;

TEST(outage, fails_soon_with_the_connect_error) {
    const refusing_address nobody;
    runtime io;
    client user(io, plain_settings("http://" + nobody.where().to_text()));
    const auto begun = clock::now();
    const auto got = user.get("/page?token=secret").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::connect_failed) << got.error().message();
    EXPECT_THAT(got.error().message(), HasSubstr("connection refused"));
    EXPECT_THAT(got.error().message(), HasSubstr(nobody.where().to_text() + "/page"));
    EXPECT_THAT(got.error().message(), testing::Not(HasSubstr("secret")));
    EXPECT_LT(clock::now() - begun, 15s) << "it waited for the acquire time-out";
}

TEST(outage, of_a_name_fails_with_the_name) {
    runtime io;
    client user(io, plain_settings("http://does-not-exist.invalid"));
    const auto got = user.get("/").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_THAT(got.error().message(), HasSubstr("does-not-exist.invalid"));
}

TEST(outage, costs_few_connects_however_many_ask) {
    const refusing_address nobody;
    runtime io;
    client user(io, plain_settings("http://" + nobody.where().to_text()));
    std::atomic<std::size_t> refused{0};
    const auto until = clock::now() + 2s;
    on_threads(20, [&](std::size_t) {
        do {
            const auto got = user.get("/").wait();
            EXPECT_FALSE(got.has_value());
            ++refused;
        } while (clock::now() < until);
    });
    const pool::statistics numbers = user.statistics().origins.at(0).pool;
    EXPECT_GE(refused, 20U);
    // Back-off doubles from 0.1 s with full jitter: about eight in that time. Each caller's own would be thousands.
    EXPECT_LE(numbers.connect_failed, 60U);
}

TEST(outage, in_which_the_server_takes_connections_but_no_handshake_costs_few_connects) {
    scripted_server server({.on_request = {}, .on_connection = [](std::size_t) {
                                return reaction{.bytes = "220 mail.example ESMTP\r\n", .then = afterwards::fin};
                            }});
    runtime io;
    client user(io, plain_settings("https://127.0.0.1:" + std::to_string(server.port())));
    const auto until = clock::now() + 2s;
    on_threads(20, [&](std::size_t) {
        do {
            const auto got = user.get("/").wait();
            EXPECT_FALSE(got.has_value());
        } while (clock::now() < until);
    });
    EXPECT_GE(server.accepted(), 2U);
    EXPECT_LE(server.accepted(), 60U);
}

/// Takes connections and says nothing.
server_script silence() {
    return {.on_request = {},
            .on_connection = [](std::size_t) { return reaction{.bytes = "", .then = afterwards::stall}; }};
}

/// Of what a server costs that never ends its handshake: the error of the client's request.
error silent_handshake(http::client_settings settings) {
    settings.acquire_timeout = settings.timeout = settings.connect_timeout = 10min;
    settings.tls_handshake_timeout = 200ms;
    settings.down_fail_fast = 0ms;
    runtime io;
    client user(io, settings);
    const auto begun = clock::now();
    auto got = user.get("/").wait();
    EXPECT_LT(clock::now() - begun, 60s) << "it waited for the connect time-out";
    return got ? error(errc::invalid_argument, "it was answered") : std::move(got).error();
}

TEST(outage, in_which_the_server_never_ends_a_handshake_lasts_as_long_as_a_handshake_may) {
    scripted_server server(silence());
    const std::string where = "127.0.0.1:" + std::to_string(server.port());
    const error why = silent_handshake(plain_settings("https://" + where));
    EXPECT_EQ(why, errc::connect_timeout) << why.message();
    EXPECT_THAT(why.message(), HasSubstr("TLS handshake with " + where));
}

TEST(outage, in_which_a_proxy_never_ends_a_handshake_lasts_as_long_as_a_handshake_may) {
    scripted_server server(silence());
    const std::string where = "127.0.0.1:" + std::to_string(server.port());
    http::client_settings settings = plain_settings("http://shop.example");
    settings.proxy = "https://" + where;
    const error why = silent_handshake(settings);
    EXPECT_EQ(why, errc::connect_timeout) << why.message();
    EXPECT_THAT(why.message(), HasSubstr("proxy https://" + where + ": TLS handshake with " + where));
}

TEST(outage, ends_for_all_callers_within_the_longest_back_off) {
    scripted_server server(echo_script());
    runtime io;
    client user(io, plain_settings(server.url()));
    ASSERT_TRUE(user.get("/before").wait().has_value());
    server.go_down();
    // The connection that was idle is noticed to be gone, and there is no other.
    const auto refused = user.get("/during").wait();
    ASSERT_FALSE(refused.has_value());
    server.come_back();
    const auto back = clock::now();
    on_threads(10, [&](std::size_t) {
        while (!user.get("/after").wait()) ASSERT_LT(clock::now() - back, 60s);
    });
    EXPECT_LT(clock::now() - back, 15s) << "the longest back-off is 5 s";
    EXPECT_LE(server.peak(), 10U);
}

TEST(outage, in_the_middle_of_requests_loses_none_without_an_error) {
    server_script slow = echo_script();
    slow.on_request = [](const arrival& what) {
        return reaction{.bytes = response_text(what.target), .delay = std::chrono::milliseconds(5)};
    };
    scripted_server server(slow);
    runtime io({.threads = 2});
    http::client_settings settings = eager_settings(server.url(), 20);
    settings.retry.backoff_factor = 0.1;
    settings.retry.max_backoff = 200ms;
    client user(io, settings);
    std::atomic<std::size_t> ended{0};
    std::atomic<std::size_t> answered{0};
    constexpr std::size_t each_asks = 100;
    struct asker {
        static task<void> run(client& of, std::atomic<std::size_t>& all, std::atomic<std::size_t>& good) {
            for (std::size_t i = 0; i < each_asks; ++i) {
                const auto got = co_await of.get("/x");
                ++all;
                if (got && got->body() == "/x") ++good;
            }
        }
    };
    std::thread trouble([&] {
        for (std::size_t round = 1; round <= 3; ++round) {
            EXPECT_TRUE(server.wait_until([&] { return ended >= round * 400; }, 60s));
            server.go_down();
            EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
            server.come_back();
        }
    });
    on_tasks(io, 20, [&](std::size_t) { return asker::run(user, ended, answered); });
    trouble.join();
    EXPECT_EQ(ended, 20 * each_asks);
    EXPECT_EQ(answered, 20 * each_asks) << "each GET can be asked again";
    EXPECT_LE(server.peak(), 10U);
}

}  // namespace
}  // namespace lido::test

// What happens where a limit is reached: connections, callers, origins, time.
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <gmock/gmock.h>

#include <latch>
#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using testing::HasSubstr;

/// Answers "/slow" only when the client is gone, and everything else at once.
server_script script_with_slow() {
    return {.on_request = [](const arrival& what) {
        if (what.target == "/slow") return reaction{.then = afterwards::stall};
        return reaction{.bytes = response_text(what.target)};
    }};
}

/// A request that holds a connection until it is let go.
class holding {
public:
    holding(client& by, scripted_server& server, const std::string& target) {
        const std::size_t before = server.requests();
        by.get(target).start([done = done_](const result<http::response>&) { done->count_down(); }, stop_.get_token());
        EXPECT_TRUE(server.wait_until([&] { return server.requests() > before; }));
    }
    holding(const holding&) = delete;
    holding& operator=(const holding&) = delete;
    ~holding() { let_go(); }
    void let_go() {
        stop_.request_stop();
        done_->wait();
    }

private:
    std::stop_source stop_;
    std::shared_ptr<std::latch> done_ = std::make_shared<std::latch>(1);
};

TEST(a_full_pool, makes_callers_wait_until_their_timeout_and_says_its_numbers) {
    scripted_server server(script_with_slow());
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    settings.acquire_timeout = 100ms;
    client user(io, settings);
    ASSERT_EQ(user.warm_up(1).wait().value(), 1U);  // so that the first one has no connect to wait for
    const holding first(user, server, "/slow");
    const auto second = user.get("/second?token=secret").wait();
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error(), errc::acquire_timeout) << second.error().message();
    EXPECT_THAT(second.error().message(), HasSubstr("max 1"));
    EXPECT_THAT(second.error().message(), HasSubstr(server.url()));
    EXPECT_THAT(second.error().message(), testing::Not(HasSubstr("secret")));
    ASSERT_TRUE(second.error().numbers().has_value());
    EXPECT_EQ(second.error().numbers()->leased, 1U);
}

TEST(a_full_pool, ends_the_wait_at_the_deadline_of_the_request_and_says_so) {
    scripted_server server(script_with_slow());
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    client user(io, settings);
    const holding first(user, server, "/slow");
    const auto second = user.send(http::request(http::method::get, "/second").timeout(100ms)).wait();
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error(), errc::timeout) << second.error().message();
    ASSERT_NE(second.error().cause(), nullptr);
    EXPECT_EQ(*second.error().cause(), errc::acquire_timeout);
}

TEST(a_full_pool, refuses_at_once_when_told_to_fail) {
    scripted_server server(script_with_slow());
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    settings.when_full = pool::when_full::fail;
    client user(io, settings);
    holding first(user, server, "/slow");
    const auto second = user.get("/second").wait();
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error(), errc::pool_exhausted) << second.error().message();
    EXPECT_EQ(server.peak(), 1U);
    first.let_go();
    EXPECT_TRUE(server.wait_until([&] { return open_connections(user) == 0; }));
    EXPECT_EQ(user.get("/third").wait().value().body(), "/third");
}

TEST(a_full_pool, opens_one_more_when_told_to_overflow_and_closes_it_on_return) {
    scripted_server server(script_with_slow());
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    settings.when_full = pool::when_full::overflow;
    client user(io, settings);
    const holding first(user, server, "/slow");
    EXPECT_EQ(user.get("/second").wait().value().body(), "/second");
    EXPECT_EQ(server.peak(), 2U);
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 1; })) << "the one beyond the limit is kept";
}

TEST(a_full_queue, refuses_one_more_caller) {
    scripted_server server(script_with_slow());
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    settings.max_waiters_per_origin = 1;
    client user(io, settings);
    holding first(user, server, "/slow");
    std::latch done(1);
    std::string body;
    user.get("/waits").start([&](result<http::response> ended) {
        if (ended) body = std::move(*ended).body();
        done.count_down();
    });
    ASSERT_TRUE(server.wait_until([&] { return user.statistics().origins.at(0).pool.waiting == 1; }));
    const auto third = user.get("/third").wait();
    ASSERT_FALSE(third.has_value());
    EXPECT_EQ(third.error(), errc::queue_full) << third.error().message();
    first.let_go();
    done.wait();
    EXPECT_EQ(body, "/waits");
}

http::client_settings any_origin(std::size_t max_origins) {
    http::client_settings settings = plain_settings("");
    settings.max_origins = max_origins;
    return settings;
}

TEST(origins, beyond_their_limit_close_the_pool_that_was_used_longest_ago) {
    scripted_server first(echo_script());
    scripted_server second(echo_script());
    scripted_server third(echo_script());
    runtime io;
    client user(io, any_origin(2));
    ASSERT_TRUE(user.get(first.url() + "/").wait().has_value());
    ASSERT_TRUE(user.get(second.url() + "/").wait().has_value());
    // Time of the loop, in which this is measured, has to go on between the uses.
    const time_point used = clock::now();
    while (clock::now() - used < 20ms) ASSERT_TRUE(user.get(first.url() + "/").wait().has_value());
    ASSERT_TRUE(user.get(third.url() + "/").wait().has_value());
    EXPECT_TRUE(second.wait_until([&] { return second.connections() == 0; }));
    EXPECT_EQ(first.connections(), 1U);
    const http::client_statistics numbers = user.statistics();
    EXPECT_EQ(numbers.origins.size(), 2U);
    EXPECT_EQ(numbers.pools_created, 3U);
    EXPECT_EQ(numbers.pools_closed, 1U);
    EXPECT_EQ(numbers.connections_created, 3U);
}

TEST(origins, beyond_their_limit_are_refused_while_all_are_in_use) {
    scripted_server first(script_with_slow());
    scripted_server second(echo_script());
    runtime io;
    client user(io, any_origin(1));
    holding use(user, first, first.url() + "/slow");
    const auto refused = user.get(second.url() + "/").wait();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::pool_exhausted);
    EXPECT_THAT(refused.error().message(), HasSubstr("max_origins"));
    use.let_go();
    EXPECT_TRUE(user.get(second.url() + "/").wait().has_value());
}

TEST(origins, that_nobody_uses_are_dropped_in_the_background) {
    scripted_server server(echo_script());
    scripted_server base(echo_script());
    runtime io;
    http::client_settings settings = plain_settings(base.url());
    settings.unused_origin_timeout = 1s;
    client user(io, settings);
    ASSERT_TRUE(user.get("/").wait().has_value());
    ASSERT_TRUE(user.get(server.url() + "/").wait().has_value());
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
    EXPECT_TRUE(server.wait_until([&] { return user.statistics().origins.size() == 1; }));
    EXPECT_GE(user.statistics().since_last_clean_up, 0s);
    EXPECT_EQ(base.connections(), 1U) << "the base URL's pool stays";
    EXPECT_TRUE(user.get(server.url() + "/").wait().has_value()) << "and comes again when it is needed";
}

TEST(origins, of_the_base_url_are_never_closed_for_another) {
    scripted_server base(echo_script());
    scripted_server other(echo_script());
    runtime io;
    http::client_settings settings = plain_settings(base.url());
    settings.max_origins = 1;
    client user(io, settings);
    ASSERT_TRUE(user.get("/").wait().has_value());
    const auto refused = user.get(other.url() + "/").wait();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::pool_exhausted);
    EXPECT_TRUE(user.get("/").wait().has_value());
}

TEST(origins, that_are_the_same_share_connections_however_they_are_named) {
    scripted_server server(echo_script());
    runtime io;
    client user(io, plain_settings(server.url()));
    ASSERT_TRUE(user.get("/").wait().has_value());
    ASSERT_TRUE(user.get(server.url() + "/again").wait().has_value());
    ASSERT_TRUE(user.get("HTTP://127.0.0.1:" + std::to_string(server.port())).wait().has_value());
    EXPECT_EQ(server.accepted(), 1U);
    EXPECT_EQ(user.statistics().origins.size(), 1U);
}

}  // namespace
}  // namespace lido::test

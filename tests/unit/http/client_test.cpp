#include "lido/http/client.hpp"

#include "support/safe_in_co_await.hpp"
#include "support/test_loop.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <string>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

static_assert(test::lido_safe_in_co_await<request>);
static_assert(test::lido_safe_in_co_await<operation<response>>);

/// Clients that never get as far as a connection.
class client_test : public testing::Test {
protected:
    client& made(const std::string& base_url) {
        client_settings settings;
        settings.base_url = base_url;
        client_ = std::make_unique<client>(loop_, settings);
        return *client_;
    }
    void TearDown() override {
        loop_.run(destroy(std::move(client_)));
        loop_.settle();
    }
    result<response> run(operation<response> what) { return loop_.run(std::move(what).as_task()); }
    static task<void> destroy(std::unique_ptr<client> which) {
        which.reset();
        co_return;
    }

    test::test_loop loop_;
    std::unique_ptr<client> client_;
};

TEST_F(client_test, without_a_base_url_refuses_a_relative_target_and_says_what_helps) {
    const auto refused = run(made("").get("/page?token=secret"));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::invalid_argument);
    EXPECT_THAT(refused.error().message(), HasSubstr("'/page'"));
    EXPECT_THAT(refused.error().message(), HasSubstr("base_url"));
    EXPECT_THAT(refused.error().message(), Not(HasSubstr("secret")));
}

TEST_F(client_test, refuses_a_target_that_is_no_url) {
    client& user = made("http://shop.example");
    for (const char* target : {"", "page", "ftp://shop.example/", "http://user:secret@shop.example/", "*"}) {
        const auto refused = run(user.get(target));
        ASSERT_FALSE(refused.has_value()) << target;
        EXPECT_EQ(refused.error(), errc::invalid_argument);
        EXPECT_THAT(refused.error().message(), Not(HasSubstr("secret")));
    }
    EXPECT_EQ(user.statistics().requests, 5U);
    EXPECT_EQ(user.statistics().failed, 5U);
    EXPECT_EQ(user.statistics().attempts, 0U);
    EXPECT_EQ(user.statistics().pools_created, 0U);
}

TEST_F(client_test, refuses_to_open_a_tunnel_and_says_how_proxies_are_used) {
    for (const std::string base_url : {"", "http://shop.example"}) {
        client& user = made(base_url);
        const auto refused = run(user.send(request(method::connect, "shop.example:443")));
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error(), errc::invalid_argument);
        EXPECT_THAT(refused.error().message(), HasSubstr("CONNECT opens a tunnel"));
        EXPECT_THAT(refused.error().message(), HasSubstr("set client setting proxy"));
        EXPECT_EQ(user.statistics().pools_created, 0U);
        loop_.run(destroy(std::move(client_)));
    }
}

TEST_F(client_test, without_a_base_url_knows_no_server_to_ask_about) {
    const auto refused = run(made("").send(request(method::options, "*")));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::invalid_argument);
    EXPECT_THAT(refused.error().message(), HasSubstr("base_url"));
}

TEST_F(client_test, without_a_base_url_has_nothing_to_warm_up) {
    const auto refused = loop_.run(made("").warm_up(3).as_task());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::invalid_argument);
    EXPECT_THAT(refused.error().message(), HasSubstr("base_url"));
}

TEST_F(client_test, that_was_closed_refuses_every_request) {
    client& user = made("http://shop.example");
    const result<std::size_t> cut = loop_.run(user.close(1s).as_task());
    EXPECT_EQ(cut.value(), 0U);
    for (const char* target : {"/", "http://other.example/"}) {
        const auto refused = run(user.get(target));
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error(), errc::pool_closed);
    }
}

TEST_F(client_test, does_nothing_for_an_operation_that_is_not_run) {
    client& user = made("http://shop.example");
    { const operation<response> unused = user.get("/"); }
    EXPECT_EQ(user.statistics().requests, 0U);
}

TEST_F(client_test, has_counted_nothing_when_new) {
    const client_statistics numbers = made("http://shop.example").statistics();
    EXPECT_EQ(numbers.requests + numbers.failed + numbers.attempts + numbers.retries + numbers.resends, 0U);
    EXPECT_LT(numbers.since_last_clean_up, 0s);
    EXPECT_TRUE(numbers.origins.empty());
    EXPECT_EQ(client_->settings().base_url, "http://shop.example");
}

}  // namespace
}  // namespace lido::http

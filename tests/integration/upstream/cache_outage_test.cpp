// Goal: while no region can serve, because all are dead and then because their breakers let nothing through, a service
// with a cache answers with what it has, marked as old, and goes on with fresh answers afterwards. Method: two real
// nginx that are killed.
#include "lido/http/service.hpp"
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::response_source;
using http::service;
using http::service_settings;
using resilience::breaker_state;

/// Fresh for no time, and good for ten minutes when nothing else is to be had (RFC 5861 §4).
nginx_configuration pages() {
    nginx_configuration made;
    made.server = R"(
        location /page { add_header Cache-Control "max-age=0, stale-if-error=600"; }
        location /strict { add_header Cache-Control "max-age=0, must-revalidate"; }
        location /plain { })";
    return made;
}

class cache_outage_test : public testing::Test {
protected:
    cache_outage_test() {
        for (auto& each : regions_) {
            each = std::make_unique<nginx_server>(pages());
            for (const char* name : {"page", "strict", "plain"}) each->put_file(name, "as of then");
            settings_.regions.push_back({.base_url = each->url()});
        }
        settings_.client.cache = std::make_shared<http::response_cache>();
        settings_.check_path = "/plain";
        settings_.policies.breaker->open_for = 1h;  // until a check opens the way again
    }
    static bool all_are(const service& shop, breaker_state state) {
        const auto endpoints = shop.statistics().report.endpoints;
        return std::all_of(endpoints.begin(), endpoints.end(),
                           [&](const auto& each) { return each.breaker->state == state; });
    }

    std::array<std::unique_ptr<nginx_server>, 2> regions_;
    service_settings settings_;
};

TEST_F(cache_outage_test, what_is_stored_is_served_and_marked_while_all_regions_are_dead_and_their_breakers_open) {
    runtime io;
    service shop(io, settings_);
    ASSERT_EQ(shop.get("/page").wait().value().source(), response_source::network);
    ASSERT_TRUE(shop.get("/strict").wait().has_value());
    for (const auto& each : regions_) each->kill();

    std::size_t answered = 0;
    ASSERT_TRUE(comes_true([&] {
        const auto old = shop.get("/page").wait();
        EXPECT_TRUE(old.has_value()) << old.error().message();
        if (!old) return true;
        EXPECT_TRUE(old->is_stale());
        EXPECT_EQ(old->body(), "as of then");
        EXPECT_TRUE(old->header("Age").has_value());
        ++answered;
        return all_are(shop, breaker_state::open);
    }));
    const std::uint64_t attempts = shop.statistics().report.attempts;
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(shop.get("/page").wait().value().is_stale());
    EXPECT_EQ(shop.statistics().report.attempts, attempts) << "an open breaker lets nothing through";
    EXPECT_EQ(shop.get("/strict").wait().error(), errc::circuit_open) << "its server forbids to use it when old";
    EXPECT_EQ(shop.get("/plain").wait().error(), errc::circuit_open) << "nothing is stored";
    EXPECT_GE(shop.statistics().cache->stale_if_error, answered + 100);

    regions_[1]->put_file("page", "as of now");
    regions_[1]->start();
    EXPECT_TRUE(comes_true([&] {
        const auto got = shop.get("/page").wait();
        return got && !got->is_stale() && got->body() == "as of now";
    }));
    EXPECT_EQ(shop.get("/page").wait().value().source(), response_source::validated);
}

TEST_F(cache_outage_test, an_operator_who_opens_all_breakers_leaves_what_is_stored) {
    runtime io;
    service shop(io, settings_);
    ASSERT_EQ(shop.get("/page").wait().value().source(), response_source::network);
    for (const auto& each : regions_) ASSERT_TRUE(shop.set_breaker(each->url(), breaker_state::forced_open));
    EXPECT_TRUE(shop.get("/page").wait().value().is_stale());
    for (const auto& each : regions_) ASSERT_TRUE(shop.set_breaker(each->url(), breaker_state::closed));
    EXPECT_EQ(shop.get("/page").wait().value().source(), response_source::validated);
}

}  // namespace
}  // namespace lido::test

// Goal: a service with a cache asks no region for what is fresh, and has an answer when none has. Method: scripted
// servers as regions, some of which go down.
#include "lido/http/service.hpp"
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::method;
using http::request;
using http::response_cache;
using http::response_source;
using http::service;
using http::service_settings;

server_script page(std::string text, const std::string& cache_control) {
    return {.on_request = [text = std::move(text),
                           lines = "ETag: \"v1\"\r\nCache-Control: " + cache_control + "\r\n"](const arrival& what) {
        const bool same = what.head.find("If-None-Match: \"v1\"") != std::string::npos;
        return reaction{.bytes = same ? "HTTP/1.1 304 Same\r\n" + lines + "\r\n" : response_text(text, 200, lines)};
    }};
}

service_settings cached(std::initializer_list<std::string> urls) {
    service_settings settings;
    for (const std::string& each : urls) settings.regions.push_back({.base_url = each});
    settings.policies.balancer.strategy = resilience::balancing::primary_backup;
    settings.client.cache = std::make_shared<response_cache>();
    return settings;
}

TEST(a_service_with_a_cache, asks_no_region_for_what_is_fresh) {
    scripted_server a(page("page", "max-age=600"));
    runtime io;
    service shop(io, cached({a.url() + "/api"}));
    EXPECT_EQ(shop.get("/page").wait().value().source(), response_source::network);
    const auto again = shop.get("/page").wait().value();
    EXPECT_EQ(again.source(), response_source::cache);
    EXPECT_EQ(again.body(), "page");
    EXPECT_EQ(a.requests(), 1U);
    EXPECT_EQ(shop.statistics().requests, 2U);
    EXPECT_EQ(shop.statistics().cache->hits, 1U);
}

TEST(a_service_with_a_cache, has_one_for_all_its_regions) {
    scripted_server a(page("page", "no-cache"));
    scripted_server b(page("page", "no-cache"));
    runtime io;
    service shop(io, cached({a.url(), b.url()}));
    EXPECT_EQ(shop.get("/page").wait().value().source(), response_source::network);
    a.go_down();
    EXPECT_EQ(shop.get("/page").wait().value().source(), response_source::validated) << "by the other region";
    EXPECT_EQ(b.requests(), 1U);
}

TEST(a_service_with_a_cache, gives_what_is_stale_when_no_region_and_no_fallback_answers) {
    scripted_server a(page("page", "max-age=0, stale-if-error=600"));
    scripted_server b(page("page", "max-age=0, stale-if-error=600"));
    runtime io;
    service_settings settings = cached({a.url(), b.url()});
    std::atomic<bool> fallback_answers{false};
    settings.fallbacks.push_back(
        {"notice", true, [&](const request&, const http::unanswered&, time_point) -> task<result<http::response>> {
             if (!fallback_answers) co_return error(errc::connect_failed, "nothing here either");
             co_return http::response();
         }});
    service shop(io, std::move(settings));
    ASSERT_EQ(shop.get("/page").wait().value().source(), response_source::network);
    a.go_down();
    b.go_down();
    const auto stale = shop.get("/page").wait();
    ASSERT_TRUE(stale.has_value()) << stale.error().message();
    EXPECT_TRUE(stale->is_stale());
    EXPECT_EQ(stale->body(), "page");
    EXPECT_FALSE(shop.get("/other").wait().has_value());
    fallback_answers = true;
    EXPECT_FALSE(shop.get("/page").wait().value().is_stale()) << "a fallback comes first";
    fallback_answers = false;
    EXPECT_TRUE(shop.get("/page").wait().value().is_stale()) << "its answer was not stored";
    EXPECT_EQ(shop.statistics().cache->stale_if_error, 2U);
}

TEST(a_service_with_a_cache, brings_up_to_date_behind_the_caller_and_ends_that_with_itself) {
    scripted_server a(page("old", "max-age=0, stale-while-revalidate=600"));
    runtime io;
    const service_settings settings = cached({a.url()});
    {
        service shop(io, settings);
        ASSERT_EQ(shop.get("/page").wait().value().body(), "old");
        a.behave({.on_request = [](const arrival&) {
            return reaction{.bytes = response_text("new", 200, "Cache-Control: max-age=600\r\n")};
        }});
        EXPECT_EQ(shop.get("/page").wait().value().body(), "old");
        EXPECT_TRUE(comes_true([&] { return shop.get("/page").wait().value().body() == "new"; }));
        EXPECT_EQ(a.requests(), 2U);
        a.behave(page("other", "max-age=0, stale-while-revalidate=600"));
        ASSERT_EQ(shop.get("/other").wait().value().body(), "other");
        a.behave({.on_request = [](const arrival&) { return reaction{.then = afterwards::stall}; }});
        EXPECT_TRUE(shop.get("/other").wait().value().is_stale());
        ASSERT_TRUE(a.wait_until([&] { return a.requests() == 4; }));
    }
    EXPECT_TRUE(comes_true([&] { return settings.client.cache->statistics().revalidations_running == 0; }));
}

TEST(a_service_with_a_cache, asks_again_when_a_region_confirms_another_version) {
    scripted_server a({.on_request = [](const arrival& what) {
        const bool conditional = what.head.find("If-None-Match") != std::string::npos;
        return reaction{.bytes = conditional ? "HTTP/1.1 304 Same\r\nETag: \"v2\"\r\n\r\n"
                                             : response_text(std::to_string(what.number), 200, "ETag: \"v1\"\r\n")};
    }});
    runtime io;
    service shop(io, cached({a.url()}));
    EXPECT_EQ(shop.get("/page").wait().value().body(), "1");
    EXPECT_EQ(shop.get("/page").wait().value().body(), "3");
}

TEST(a_service_with_a_cache, that_is_closed_gives_nothing_more) {
    scripted_server a(page("page", "max-age=600"));
    runtime io;
    service shop(io, cached({a.url()}));
    ASSERT_EQ(shop.get("/page").wait().value().body(), "page");
    EXPECT_EQ(shop.close(20s).wait().value(), 0U);
    EXPECT_FALSE(shop.get("/page").wait().has_value());
}

}  // namespace
}  // namespace lido::test

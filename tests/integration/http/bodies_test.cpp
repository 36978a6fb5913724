// Bodies of all kinds to and from a real server, and what else a response can be.
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"
#include "support/streamed_bodies.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;

/// Files that can be stored and read; those under /chunked/ come without a length.
class bodies : public testing::TestWithParam<std::size_t> {
protected:
    static nginx_configuration storing() {
        return {.server = R"(client_max_body_size 200m;
            location / { root temporary; dav_methods PUT DELETE; create_full_put_path on; }
            location /chunked/ { alias temporary/; sub_filter "never found" ""; sub_filter_types *; })"};
    }
};

TEST_P(bodies, of_that_size_come_back_as_they_went) {
    nginx_server server(storing());
    runtime io;
    client user(io, plain_settings(server.url()));
    const std::string content = numbered_text(GetParam());
    const auto put = user.send(request(method::put, "/file").body(content)).wait();
    ASSERT_TRUE(put.has_value()) << put.error().message();
    ASSERT_EQ(put->status(), 201U) << put->body();

    const auto sized = user.get("/file").wait();
    ASSERT_TRUE(sized.has_value()) << sized.error().message();
    EXPECT_TRUE(sized->body() == content);
    EXPECT_EQ(sized->header("Content-Length"), std::to_string(content.size()));

    const auto chunked = user.get("/chunked/file").wait();
    ASSERT_TRUE(chunked.has_value()) << chunked.error().message();
    EXPECT_TRUE(chunked->body() == content);
    if (!content.empty()) {
        EXPECT_EQ(chunked->header("Transfer-Encoding"), "chunked");
    }

    const auto head = user.send(request(method::head, "/file")).wait();
    ASSERT_TRUE(head.has_value()) << head.error().message();
    EXPECT_EQ(head->header("Content-Length"), std::to_string(content.size()));
    EXPECT_EQ(head->body(), "");
    EXPECT_EQ(server.accepted(), 1U) << "after each of them the connection is as good as before";
}

INSTANTIATE_TEST_SUITE_P(of, bodies,
                         testing::Values(std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{16 * 1024},
                                         std::size_t{65536}, std::size_t{1'000'003}, std::size_t{40'000'000}),
                         [](const auto& one) { return fmt::format("{}_bytes", one.param); });

class statuses : public testing::TestWithParam<unsigned> {};

TEST_P(statuses, are_given_as_they_are_and_leave_the_connection_good) {
    nginx_server server(
        {.server = fmt::format("location /it {{ return {}; }} location / {{ return 200 fine; }}", GetParam())});
    runtime io;
    client user(io, plain_settings(server.url()));
    const auto got = user.get("/it").wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->status(), GetParam());
    const bool has_page = GetParam() >= 400;
    EXPECT_EQ(!got->body().empty(), has_page);
    EXPECT_EQ(user.get("/").wait().value().body(), "fine");
    const bool closes = GetParam() == 400 || GetParam() == 500;  // so nginx does, and says so
    EXPECT_EQ(server.accepted(), closes ? 2U : 1U);
}

INSTANTIATE_TEST_SUITE_P(all, statuses, testing::Values(204U, 304U, 400U, 401U, 403U, 404U, 405U, 410U, 500U, 503U),
                         [](const auto& one) { return fmt::format("status_{}", one.param); });

TEST(a_conditional_request, is_answered_without_a_body_when_nothing_has_changed) {
    nginx_server server;
    server.put_file("page", "content");
    runtime io;
    client user(io, plain_settings(server.url()));
    const auto first = user.get("/page").wait().value();
    ASSERT_EQ(first.body(), "content");
    const std::string tag(first.header("ETag").value());
    const auto second = user.send(request(method::get, "/page").header("If-None-Match", tag)).wait().value();
    EXPECT_EQ(second.status(), 304U);
    EXPECT_EQ(second.body(), "");
    EXPECT_EQ(user.get("/page").wait().value().body(), "content");
    EXPECT_EQ(server.accepted(), 1U);
}

TEST(a_response, larger_than_allowed_is_refused_and_its_connection_closed) {
    nginx_server server({.server = R"(location /small { return 200 "small"; })"});
    server.put_file("large", std::string(100'000, 'x'));
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.limits.max_body_bytes = 10'000;
    client user(io, settings);
    const auto got = user.get("/large").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::limit_exceeded) << got.error().message();
    EXPECT_EQ(user.get("/small").wait().value().body(), "small");
    EXPECT_EQ(server.accepted(), 2U);
}

TEST(a_request, that_the_server_finds_too_large_is_answered_before_it_is_sent) {
    nginx_server server({.server = "client_max_body_size 1k; location / { return 200 fine; }"});
    runtime io;
    client user(io, plain_settings(server.url()));
    const auto got = user.post("/", std::string(std::size_t{8} << 20, 'x')).wait();
    if (got) {
        EXPECT_EQ(got->status(), 413U);
    } else {
        // nginx has closed meanwhile, and the kernel has thrown its answer away.
        EXPECT_EQ(got.error(), errc::maybe_executed) << got.error().message();
    }
    EXPECT_EQ(user.get("/").wait().value().body(), "fine");
}

TEST(a_base_url, with_a_path_stands_before_each_target) {
    nginx_server server({.server = R"(location / { return 200 "$request_uri $http_host $http_user_agent"; })"});
    runtime io;
    client user(io, plain_settings(server.url() + "/shop/"));
    const std::string host = server.url().substr(std::string("http://").size());
    EXPECT_EQ(user.get("/outfits?size=38").wait().value().body(), "/shop/outfits?size=38 " + host + " lido/0.1");
}

task<void> upload(client& to, std::size_t number, std::atomic<std::size_t>& right) {
    const std::string target = fmt::format("/file-{}", number);
    const std::string content = numbered_text(3'000'000 + number);
    const auto put = co_await to.send(request(method::put, target).body(content));
    EXPECT_TRUE(put.has_value()) << put.error().message();
    const auto got = co_await to.get(target);
    EXPECT_TRUE(got.has_value()) << got.error().message();
    if (put && got && got->body() == content) ++right;
}

TEST(large_bodies, of_many_tasks_at_once_do_not_mix) {
    nginx_server server({.server = R"(client_max_body_size 200m;
        location / { root temporary; dav_methods PUT; create_full_put_path on; })"});
    runtime io({.threads = 2});
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 4;
    client user(io, settings);
    std::atomic<std::size_t> right{0};
    on_tasks(io, 12, [&](std::size_t i) { return upload(user, i, right); });
    EXPECT_EQ(right, 12U);
    EXPECT_LE(server.accepted(), 4U);
}

}  // namespace
}  // namespace lido::test

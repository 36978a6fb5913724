// httpbin, which shows every feature of HTTP on a server that others have written.
#include "support/free_port.hpp"
#include "support/http_client_world.hpp"
#include "support/listening_process.hpp"
#include "support/streamed_bodies.hpp"
#include "support/temporary_directory.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;
using testing::HasSubstr;
using testing::Not;

/// One for all tests: Python takes its time to start.
class httpbin : public testing::Test {
protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<temporary_directory>();
        std::filesystem::permissions(folder_->path(), std::filesystem::perms(0777));
        const std::uint16_t port = free_port();
        server_ = std::make_unique<listening_process>(
            std::vector<std::string>{"gunicorn", "--bind", fmt::format("127.0.0.1:{}", port), "--worker-class",
                                     "gthread", "--threads", "8", "--keep-alive", "20", "--worker-tmp-dir", "/tmp",
                                     "--chdir", folder_->path().string(), "httpbin:app"},
            port, "gunicorn python3-httpbin", folder_->file("log"), SIGTERM);
    }
    static void TearDownTestSuite() {
        server_.reset();
        folder_.reset();
    }
    static http::client_settings settings() {
        return plain_settings(fmt::format("http://127.0.0.1:{}", server_->port()));
    }
    /// Without white space, so that values can be looked for.
    static std::string answer(client& by, request what, unsigned status = 200) {
        const auto got = by.send(std::move(what)).wait();
        if (!got) {
            ADD_FAILURE() << got.error().message();
            return {};
        }
        EXPECT_EQ(got->status(), status);
        std::string text(got->body());
        std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
        return text;
    }

    static inline std::unique_ptr<temporary_directory> folder_;
    static inline std::unique_ptr<listening_process> server_;
    runtime io_;
};

TEST_F(httpbin, sends_content_in_each_coding_and_it_is_undone) {
    client user(io_, settings());
    EXPECT_THAT(answer(user, request(method::get, "/gzip")), HasSubstr("\"gzipped\":true"));
    EXPECT_THAT(answer(user, request(method::get, "/deflate")), HasSubstr("\"deflated\":true"));
    EXPECT_THAT(answer(user, request(method::get, "/brotli")), HasSubstr("\"brotli\":true"));
}

TEST_F(httpbin, hears_each_method_with_its_body_and_fields) {
    client user(io_, settings());
    for (const auto& [by, target] : {std::pair(method::post, "/post"), std::pair(method::put, "/put"),
                                     std::pair(method::patch, "/patch"), std::pair(method::delete_, "/delete")}) {
        const std::string said = answer(
            user, request(by, target).header("X-Mine", "here").body("a=1&b=two", "application/x-www-form-urlencoded"));
        EXPECT_THAT(said, HasSubstr("\"form\":{\"a\":\"1\",\"b\":\"two\"}"));
        EXPECT_THAT(said, HasSubstr("\"X-Mine\":\"here\""));
    }
    EXPECT_THAT(answer(user, request(method::get, "/get?a=1&b=%C3%BC")), HasSubstr("\"args\":{\"a\":\"1\""));
    EXPECT_EQ(user.send(request(method::head, "/get")).wait().value().body(), "");
    const auto options = user.send(request(method::options, "/get")).wait().value();
    EXPECT_THAT(std::string(options.header("Allow").value_or("")), HasSubstr("GET"));
    EXPECT_EQ(user.statistics().connections_created, 1U);
}

TEST_F(httpbin, hears_a_body_of_unknown_length) {
    client user(io_, settings());
    source_watch watch;
    const std::string said = answer(
        user,
        request(method::post, "/post").body(source_of("in chunks", {.sized = false, .piece = 2}, watch), "text/plain"));
    EXPECT_THAT(said, HasSubstr("\"data\":\"inchunks\""));
    EXPECT_THAT(said, HasSubstr("\"Transfer-Encoding\":\"chunked\""));
}

TEST_F(httpbin, redirects_as_often_as_allowed) {
    http::client_settings follows = settings();
    follows.redirects = {.max = 5};
    client user(io_, follows);
    EXPECT_THAT(answer(user, request(method::get, "/redirect/5")), HasSubstr("/get\""));
    EXPECT_THAT(answer(user, request(method::get, "/absolute-redirect/3")), HasSubstr("/get\""));
    EXPECT_THAT(answer(user, request(method::get, "/relative-redirect/3")), HasSubstr("/get\""));
    const auto refused = user.get("/redirect/6").wait();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::limit_exceeded) << refused.error().message();
    // 307 keeps method and body, 303 does not.
    EXPECT_THAT(
        answer(user, request(method::post, "/redirect-to?url=/post&status_code=307").body("kept", "text/plain")),
        HasSubstr("\"data\":\"kept\""));
    EXPECT_THAT(answer(user, request(method::post, "/redirect-to?url=/get&status_code=303").body("gone")),
                Not(HasSubstr("gone")));
}

TEST_F(httpbin, sets_cookies_and_gets_them_back) {
    http::client_settings keeps = settings();
    keeps.redirects = http::redirect_settings::follow();
    keeps.cookies = std::make_shared<http::cookie_jar>();
    client user(io_, keeps);
    EXPECT_THAT(answer(user, request(method::get, "/cookies/set?session=abc&other=1")),
                HasSubstr("\"session\":\"abc\""));
    EXPECT_THAT(answer(user, request(method::get, "/cookies")), HasSubstr("\"other\":\"1\""));
    EXPECT_THAT(answer(user, request(method::get, "/cookies/delete?session")), Not(HasSubstr("session")));
    client stranger(io_, settings());
    EXPECT_EQ(answer(stranger, request(method::get, "/cookies")), "{\"cookies\":{}}");
}

TEST_F(httpbin, knows_who_asks) {
    client user(io_, settings());
    const auto me = http::credentials::basic("me", secret("hidden"));
    const auto wrong = http::credentials::basic("me", secret("wrong"));
    const auto token = http::credentials::bearer(secret("xyz.def"));
    EXPECT_THAT(answer(user, request(method::get, "/basic-auth/me/hidden").authorize(me.value())),
                HasSubstr("\"authenticated\":true"));
    EXPECT_EQ(answer(user, request(method::get, "/basic-auth/me/hidden").authorize(wrong.value()), 401), "");
    EXPECT_THAT(answer(user, request(method::get, "/bearer").authorize(token.value())),
                HasSubstr("\"token\":\"xyz.def\""));
    EXPECT_EQ(answer(user, request(method::get, "/bearer"), 401), "");
}

TEST_F(httpbin, gives_a_stream_in_chunks_and_a_slow_one_as_it_comes) {
    client user(io_, settings());
    const auto lines = user.get("/stream/50").wait().value();
    EXPECT_EQ(lines.header("Transfer-Encoding"), "chunked");
    EXPECT_EQ(std::count(lines.body().begin(), lines.body().end(), '\n'), 50);
    EXPECT_EQ(user.get("/stream-bytes/100000?seed=1").wait().value().body().size(), 100'000U);
    EXPECT_EQ(user.get("/bytes/100000").wait().value().body().size(), 100'000U);

    const auto begun = clock::now();
    auto drip = user.open(request(method::get, "/drip?duration=1&numbytes=5&delay=0")).wait();
    ASSERT_TRUE(drip.has_value()) << drip.error().message();
    std::array<char, 100> space;
    const auto first = drip->read_some(space).wait();
    ASSERT_TRUE(first.has_value()) << first.error().message();
    EXPECT_LT(clock::now() - begun, 900ms) << "it was not given as it came";
    EXPECT_EQ(*first + drip->read_all(100).wait().value().size(), 5U);
}

TEST_F(httpbin, that_answers_late_is_waited_for_or_not) {
    client user(io_, settings());
    EXPECT_THAT(answer(user, request(method::get, "/delay/1")), HasSubstr("/delay/1"));
    const auto late = user.send(request(method::get, "/delay/2").timeout(200ms)).wait();
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error(), errc::timeout) << late.error().message();
}

TEST_F(httpbin, answers_with_each_status) {
    client user(io_, settings());
    for (const unsigned status : {200U, 201U, 204U, 304U, 400U, 404U, 418U, 500U, 503U}) {
        EXPECT_EQ(user.get(fmt::format("/status/{}", status)).wait().value().status(), status);
    }
    EXPECT_EQ(user.get("/response-headers?X-Said=something").wait().value().header("X-Said"), "something");
    const auto first = user.get("/etag/abc").wait().value();
    EXPECT_EQ(first.header("ETag"), "abc");
    EXPECT_EQ(user.send(request(method::get, "/etag/abc").header("If-None-Match", "abc")).wait().value().status(),
              304U);
    EXPECT_EQ(user.get("/range/1000").wait().value().body().size(), 1000U);
    EXPECT_EQ(user.send(request(method::get, "/range/1000").header("Range", "bytes=10-19")).wait().value().body(),
              "klmnopqrst");
}

}  // namespace
}  // namespace lido::test

// What the client does around a request: content codings, redirects, cookies, credentials.
#include "support/content_codings.hpp"
#include "support/http_client_world.hpp"
#include "support/peak_memory.hpp"
#include "support/recording_peer.hpp"
#include "support/repeated.hpp"
#include "support/sanitized.hpp"
#include "support/scripted_server.hpp"
#include "support/streamed_bodies.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <mutex>
#include <optional>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;
using http::response_stream;
using testing::HasSubstr;
using testing::Not;

std::string coded_response(std::string_view codings, std::string_view body) {
    return response_text(body, 200, fmt::format("Content-Encoding: {}\r\n", codings));
}

// ---- content codings ------------------------------------------------------------------------------------------------

class coded_content : public testing::TestWithParam<const char*> {};

TEST_P(coded_content, is_asked_for_and_undone_on_whole_and_on_streamed_responses) {
    const std::string text = numbered_text(300'000);
    scripted_server server({.on_request = [&](const arrival& what) {
        if (what.head.find("\r\nAccept-Encoding: gzip, br, zstd\r\n") == std::string::npos) {
            return reaction{.bytes = response_text("not asked for")};
        }
        return reaction{.bytes = coded_response(GetParam(), compressed(GetParam(), text))};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    const auto whole = user.get("/").wait();
    ASSERT_TRUE(whole.has_value()) << whole.error().message();
    EXPECT_TRUE(whole->body() == text);
    EXPECT_TRUE(whole->was_decoded());
    EXPECT_FALSE(whole->header("Content-Encoding").has_value());

    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_TRUE(opened->head().was_decoded());
    const auto all = opened->read_all(1'000'000).wait();
    ASSERT_TRUE(all.has_value()) << all.error().message();
    EXPECT_TRUE(*all == text);
    EXPECT_TRUE(opened->has_ended());
    EXPECT_EQ(server.accepted(), 1U);
}

INSTANTIATE_TEST_SUITE_P(codings, coded_content, testing::Values("gzip", "deflate", "br", "zstd"));

TEST(CodedContent, ComesAsItWasSentToWhoAsksByHimselfOrForARange) {
    const std::string coded = compressed("gzip", "content");
    std::mutex mutex;
    std::string head;
    scripted_server server({.on_request = [&](const arrival& what) {
        const std::lock_guard held(mutex);
        head = what.head;
        return reaction{.bytes = coded_response("gzip", coded)};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    const auto raw = user.send(request(method::get, "/").header("Accept-Encoding", "gzip")).wait();
    ASSERT_TRUE(raw.has_value()) << raw.error().message();
    EXPECT_EQ(raw->body(), coded);
    EXPECT_EQ(raw->header("Content-Encoding"), "gzip");
    const auto ranged = user.send(request(method::get, "/").header("Range", "bytes=0-9")).wait();
    ASSERT_TRUE(ranged.has_value()) << ranged.error().message();
    EXPECT_EQ(ranged->body(), coded);
    const std::lock_guard held(mutex);
    EXPECT_THAT(head, Not(HasSubstr("Accept-Encoding")));
}

TEST(CodedContent, IsNeitherAskedForNorUndoneWhenThatIsTurnedOff) {
    const std::string coded = compressed("gzip", "content");
    scripted_server server({.on_request = [&](const arrival& what) {
        const bool asked = what.head.find("Accept-Encoding") != std::string::npos;
        return reaction{.bytes = asked ? response_text("asked for") : coded_response("gzip", coded)};
    }});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.decoding.enabled = false;
    client user(io, settings);
    EXPECT_EQ(user.get("/").wait().value().body(), coded);
}

TEST(CodedContent, ThatIsDamagedOrCutIsAnError) {
    const std::string coded = compressed("gzip", "content");
    scripted_server server({.on_request = [&](const arrival& what) {
        if (what.target == "/cut") return reaction{.bytes = coded_response("gzip", coded.substr(0, coded.size() - 1))};
        return reaction{.bytes = coded_response("gzip", "this is no gzip")};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    for (const char* target : {"/cut", "/damaged"}) {
        const auto whole = user.get(target).wait();
        ASSERT_FALSE(whole.has_value());
        EXPECT_TRUE(whole.error() == errc::protocol_error) << whole.error().message();
        auto opened = user.open(request(method::get, target)).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        const auto all = opened->read_all(1'000).wait();
        ASSERT_FALSE(all.has_value());
        EXPECT_TRUE(all.error() == errc::protocol_error) << all.error().message();
        // And so it stays.
        const auto again = opened->read_all(1'000).wait();
        ASSERT_FALSE(again.has_value());
        EXPECT_TRUE(again.error() == errc::protocol_error) << again.error().message();
    }
    EXPECT_TRUE(comes_true([&] { return user.statistics().origins.front().pool.in_use == 0; }));
}

// ---- bombs ----------------------------------------------------------------------------------------------------------

struct bomb {
    const char* name;
    std::string codings;
    std::function<std::string()> body;
};

constexpr std::size_t ten_gibibytes = std::size_t{10} << 30U;

/// Ten gibibytes of zeros in 160 members.
std::string gzip_zeros() {
    return repeated(compressed_zeros("gzip", std::size_t{64} << 20U), 160);
}

std::vector<bomb> bombs() {
    return {
        {"ten_gibibytes_of_gzip", "gzip", gzip_zeros},
        {"ten_gibibytes_of_br", "br", [] { return compressed_zeros("br", ten_gibibytes); }},
        {"ten_gibibytes_of_zstd", "zstd", [] { return compressed_zeros("zstd", ten_gibibytes); }},
        {"gzip_within_gzip", "gzip, gzip", [] { return compressed("gzip", gzip_zeros()); }},
        {"zstd_within_br", "zstd, br", [] { return compressed("br", compressed_zeros("zstd", ten_gibibytes)); }},
        {"empty_members_without_end", "gzip", [] { return repeated(compressed("gzip", ""), 500'000); }},
        {"empty_frames_without_end", "zstd", [] { return repeated(compressed("zstd", ""), 1'000'000); }},
        {"empty_members_within_gzip", "gzip, gzip",
         [] { return compressed("gzip", repeated(compressed("gzip", ""), 3'000'000)); }},
        // One byte now and then, so that something seems to come of it.
        {"empty_members_between_bytes_within_gzip", "gzip, gzip",
         [] {
             const std::string round = compressed("gzip", "x") + repeated(compressed("gzip", ""), 52'000);
             return compressed("gzip", repeated(round, 64));
         }},
        {"a_huge_window", "zstd", [] { return std::string("\x28\xB5\x2F\xFD\x00\x88\x01\x00\x00", 9); }},
        {"five_codings", "gzip, gzip, gzip, gzip, gzip", [] { return compressed("gzip", ""); }},
    };
}

class expansion : public testing::TestWithParam<bomb> {};

/// urllib3 GHSA-2xpw-w6gg-jr37, curl CVE-2022-32206 and CVE-2023-23916, undici CVE-2026-22036.
TEST_P(expansion, is_stopped_before_it_takes_more_memory_than_its_limit) {
    // What is measured is the memory of the whole process.
    if (sanitized) GTEST_SKIP() << "sanitizers take memory of their own";
    constexpr std::size_t limit = std::size_t{32} << 20U;
    constexpr std::size_t allowance = std::size_t{16} << 20U;
    const std::string bytes = coded_response(GetParam().codings, GetParam().body());
    scripted_server server({.on_request = [&](const arrival&) { return reaction{.bytes = bytes}; }});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.decoding.max_bytes = limit;
    settings.limits.max_body_bytes = limit;
    client user(io, settings);
    for (const bool streamed : {false, true}) {
        std::optional<error> failure;
        forget_peak();
        // The server's copy of what it sends does not count.
        const std::size_t before = peak_memory() + bytes.size();
        if (!streamed) {
            const auto whole = user.get("/").wait();
            if (!whole) failure = whole.error();
        } else {
            auto opened = user.open(request(method::get, "/")).wait();
            if (!opened) {
                failure = opened.error();
            } else {
                std::string space(65'536, '\0');
                while (!failure) {
                    const auto got = opened->read_some(space).wait();
                    if (!got) failure = got.error();
                    ASSERT_FALSE(got && *got == 0) << "nothing has stopped it";
                }
            }
        }
        const std::size_t after = peak_memory();
        ASSERT_TRUE(failure.has_value());
        EXPECT_TRUE(*failure == errc::limit_exceeded || *failure == errc::protocol_error) << failure->message();
        EXPECT_LE(after, before + limit + allowance) << failure->message();
    }
}

INSTANTIATE_TEST_SUITE_P(bombs, expansion, testing::ValuesIn(bombs()),
                         [](const auto& which) { return std::string(which.param.name); });

// ---- redirects ------------------------------------------------------------------------------------------------------

std::string redirect_to(std::string_view location, int status = 302, std::string_view more = {}) {
    return response_text("elsewhere", status, fmt::format("Location: {}\r\n{}", location, more));
}

/// Answers with the head that came.
reaction show(const arrival& what) {
    return {.bytes = response_text(what.head + what.body)};
}

http::client_settings following(std::string url) {
    http::client_settings settings = plain_settings(std::move(url));
    settings.redirects = http::redirect_settings::follow();
    return settings;
}

TEST(FollowedRedirects, AreNoneUnlessTold) {
    scripted_server server({.on_request = [](const arrival&) { return reaction{.bytes = redirect_to("/next")}; }});
    runtime io;
    client user(io, plain_settings(server.url()));
    const auto answer = user.get("/").wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->status(), 302U);
    EXPECT_EQ(answer->redirects(), 0U);
    EXPECT_EQ(answer->url(), "");
}

TEST(FollowedRedirects, LeadToTheAnswerOnTheSameConnection) {
    scripted_server server({.on_request = [](const arrival& what) {
        if (what.target == "/a/b") return reaction{.bytes = redirect_to("../c?d=e#f", 301)};
        if (what.target == "/c?d=e") return reaction{.bytes = redirect_to("/last", 303)};
        return show(what);
    }});
    runtime io;
    client user(io, following(server.url()));
    const auto answer = user.post("/a/b", "content").wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_THAT(std::string(answer->body()), testing::StartsWith("GET /last HTTP/1.1\r\n"));
    EXPECT_THAT(std::string(answer->body()), Not(HasSubstr("content")));
    EXPECT_EQ(answer->redirects(), 2U);
    EXPECT_EQ(answer->url(), server.url() + "/last");

    auto opened = user.open(request(method::get, "/a/b")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->head().redirects(), 2U);
    EXPECT_TRUE(opened->read_all(10'000).wait().has_value());
    EXPECT_EQ(opened->head().url(), server.url() + "/last");
    EXPECT_EQ(server.accepted(), 1U);
}

TEST(FollowedRedirects, KeepTheBodyWhereTheyMustAndSourcesAreRewound) {
    scripted_server server({.on_request = [](const arrival& what) {
        if (what.target == "/") return reaction{.bytes = redirect_to("/next", 307)};
        return reaction{.bytes = response_text(what.method + " " + what.body)};
    }});
    runtime io;
    client user(io, following(server.url()));
    EXPECT_EQ(user.post("/", "content").wait().value().body(), "POST content");
    source_watch watch;
    const auto again = request(method::put, "/").body(source_of("source", {.rewinds = true}, watch));
    EXPECT_EQ(user.send(again).wait().value().body(), "PUT source");
    EXPECT_EQ(watch.rewinds, 1U);
    const auto once = request(method::put, "/").body(source_of("source", {.rewinds = false}, watch));
    EXPECT_EQ(user.send(once).wait().value().status(), 307U);
}

TEST(FollowedRedirects, EndAtTheirLimitAndWithTheDeadline) {
    scripted_server server({.on_request = [](const arrival&) { return reaction{.bytes = redirect_to("/again")}; }});
    runtime io;
    client user(io, following(server.url()));
    const auto endless = user.get("/").wait();
    ASSERT_FALSE(endless.has_value());
    EXPECT_TRUE(endless.error() == errc::limit_exceeded) << endless.error().message();
    EXPECT_EQ(server.requests(), 11U);

    server.behave(
        {.on_request = [](const arrival&) { return reaction{.bytes = redirect_to("/again"), .delay = 30ms}; }});
    const auto late = user.send(request(method::get, "/").timeout(100ms)).wait();
    ASSERT_FALSE(late.has_value());
    EXPECT_TRUE(late.error() == errc::timeout) << late.error().message();
}

/// curl CVE-2018-1000007, CVE-2022-27774, CVE-2022-27776; urllib3 GHSA-v845-jxx5-vc9f: a port makes another origin.
TEST(FollowedRedirects, TakeNoSecretsToAnotherOriginNorBackFromThere) {
    scripted_server other({.on_request = [](const arrival& what) { return show(what); }});
    scripted_server server({.on_request = [&](const arrival& what) {
        if (what.target == "/there") return reaction{.bytes = redirect_to(other.url() + "/seen")};
        return show(what);
    }});
    runtime io;
    http::client_settings settings = following(server.url());
    settings.credentials = http::credentials::basic("client", "hidden word").value();
    client user(io, settings);
    EXPECT_THAT(std::string(user.get("/here").wait().value().body()),
                HasSubstr("Authorization: Basic Y2xpZW50OmhpZGRlbiB3b3Jk"));
    const auto own = request(method::get, "/here").authorize(http::credentials::bearer("own").value());
    EXPECT_THAT(std::string(user.send(own).wait().value().body()), HasSubstr("Authorization: Bearer own"));
    for (const bool by_request : {true, false}) {
        request what(method::get, "/there");
        if (by_request) what.authorize(http::credentials::bearer("own").value());
        what.secret_header("X-Api-Key", "hidden").header("Cookie", "k=hidden").header("X-Plain", "shown");
        const auto answer = user.send(what).wait();
        ASSERT_TRUE(answer.has_value()) << answer.error().message();
        const std::string head(answer->body());
        EXPECT_THAT(head, HasSubstr("GET /seen"));
        EXPECT_THAT(head, HasSubstr("X-Plain: shown"));
        EXPECT_THAT(head, Not(HasSubstr("Authorization")));
        EXPECT_THAT(head, Not(HasSubstr("hidden")));
    }
    // An absolute URL of another origin gets no credentials either.
    EXPECT_THAT(std::string(user.get(other.url() + "/").wait().value().body()), Not(HasSubstr("Authorization")));
    EXPECT_THAT(std::string(user.get(server.url() + "/").wait().value().body()), HasSubstr("Authorization"));
}

/// urllib3 GHSA-38jv-5279-wg99: what a redirect carries is not decoded, and the bounds hold for what follows.
TEST(FollowedRedirects, DoNotDecodeWhatNobodyReads) {
    scripted_server server({.on_request = [](const arrival& what) {
        if (what.target == "/") {
            return reaction{.bytes =
                                response_text("this is no gzip", 302, "Location: /next\r\nContent-Encoding: gzip\r\n")};
        }
        return reaction{.bytes = coded_response("gzip", compressed("gzip", "content"))};
    }});
    runtime io;
    client user(io, following(server.url()));
    const auto answer = user.get("/").wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->body(), "content");
}

// ---- requests about a server as a whole -----------------------------------------------------------------------------

/// RFC 9110 §9.3.7, RFC 9112 §3.2.4.
TEST(OptionsOfAServer, AreAskedForWhateverIsAroundRequestsAndWithoutThePathOfTheBaseUrl) {
    scripted_server server({.on_request = [](const arrival& what) { return show(what); }});
    runtime io;
    for (const bool with_all : {false, true}) {
        http::client_settings settings = plain_settings(server.url() + "/base");
        if (with_all) {
            settings.redirects = http::redirect_settings::follow();
            settings.cookies = std::make_shared<http::cookie_jar>();
            settings.cache = std::make_shared<http::response_cache>(http::cache_settings());
        }
        client user(io, settings);
        const auto answer = user.send(request(method::options, "*")).wait();
        ASSERT_TRUE(answer.has_value()) << answer.error().message();
        EXPECT_THAT(std::string(answer->body()), testing::StartsWith("OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:"));
        auto opened = user.open(request(method::options, "*")).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        EXPECT_EQ(opened->head().status(), 200U);
        EXPECT_EQ(user.statistics().requests, 2U);
    }
}

TEST(OptionsOfAServer, AreAskedForOverHttp2) {
    recording_peer server(recording_peer::as_http2);
    runtime io;
    http::client_settings settings = plain_settings(fmt::format("http://127.0.0.1:{}/base", server.port()));
    settings.http_version = http::http_versions::http2;
    client user(io, settings);
    const auto answer = user.send(request(method::options, "*")).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->version(), http::version::http_2);
}

// ---- cookies --------------------------------------------------------------------------------------------------------

TEST(Cookies, AreNeitherKeptNorSentWithoutAJar) {
    scripted_server server({.on_request = [](const arrival& what) {
        return reaction{.bytes = response_text(what.head, 200, "Set-Cookie: k=v\r\n")};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    ASSERT_TRUE(user.get("/").wait().has_value());
    EXPECT_THAT(std::string(user.get("/").wait().value().body()), Not(HasSubstr("Cookie")));
}

TEST(Cookies, AndRedirectsDoNotGetInTheWayOfATargetThatIsNoUri) {
    scripted_server server({.on_request = [](const arrival& what) {
        if (what.target == "/a|b/%zz?[c]") {
            return reaction{.bytes = response_text("", 302, "Location: next\r\nSet-Cookie: a=1\r\n")};
        }
        return reaction{.bytes = response_text(what.target + (what.head.find("Cookie: a=1") < 9999 ? " a" : ""))};
    }});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.cookies = std::make_shared<http::cookie_jar>();
    client without_redirects(io, settings);
    EXPECT_EQ(without_redirects.get("/a|b/%zz?[c]").wait().value().status(), 302U);
    settings.redirects = http::redirect_settings::follow();
    client user(io, settings);
    EXPECT_EQ(user.get("/a|b/%zz?[c]").wait().value().body(), "/a%7Cb/next a");
}

TEST(Cookies, GoBackToWhereTheyCameFromAlsoAlongRedirects) {
    scripted_server other({.on_request = [](const arrival& what) { return show(what); }});
    scripted_server server({.on_request = [&](const arrival& what) {
        if (what.target == "/log-in") return reaction{.bytes = redirect_to("/home", 303, "Set-Cookie: session=1\r\n")};
        if (what.target == "/away") {
            return reaction{.bytes = redirect_to("http://localhost:" + std::to_string(other.port()) + "/")};
        }
        return show(what);
    }});
    runtime io;
    http::client_settings settings = following(server.url());
    settings.cookies = std::make_shared<http::cookie_jar>();
    client user(io, settings);
    EXPECT_THAT(std::string(user.post("/log-in", "").wait().value().body()), HasSubstr("\r\nCookie: session=1\r\n"));
    EXPECT_THAT(std::string(user.get("/").wait().value().body()), HasSubstr("\r\nCookie: session=1\r\n"));
    const auto own = user.send(request(method::get, "/").header("Cookie", "own=2")).wait();
    EXPECT_THAT(std::string(own.value().body()), HasSubstr("\r\nCookie: own=2\r\n"));
    EXPECT_THAT(std::string(own.value().body()), Not(HasSubstr("session")));
    EXPECT_THAT(std::string(user.get("/away").wait().value().body()), Not(HasSubstr("Cookie")));
    EXPECT_EQ(settings.cookies->size(), 1U);
}

}  // namespace
}  // namespace lido::test

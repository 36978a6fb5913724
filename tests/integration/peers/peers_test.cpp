// The servers that are in use out there, over HTTP/1.1 and HTTP/2, with and without TLS: each is asked much over few
// connections, is told to read its settings again under load, closes connections while they are used, and gets and
// gives large bodies in pieces.
#include "support/http_peer.hpp"
#include "support/streamed_bodies.hpp"
#include "support/tls_world.hpp"
#include "support/work.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::http_versions;
using http::method;
using http::request;

/// How it is spoken to.
enum class speech : std::uint8_t { http1, https1, http2, https2 };
constexpr const char* speech_names[] = {"http1", "https1", "http2", "https2"};

class peer : public tls_world, public testing::WithParamInterface<std::tuple<http_peer_kind, speech>> {
protected:
    void start(std::chrono::milliseconds keep_alive = 20s) {
        server_.emplace(std::get<0>(GetParam()), authority_.issue(for_localhost_), keep_alive);
    }
    static speech how() { return std::get<1>(GetParam()); }
    static bool multiplexed() { return how() == speech::http2 || how() == speech::https2; }

    http::client_settings settings() const {
        const bool secure = how() == speech::https1 || how() == speech::https2;
        const std::string plain = multiplexed() ? server_->http2_url() : server_->url();
        http::client_settings made = trusting(secure ? server_->secure_url() : plain);
        if (!multiplexed()) made.http_version = http_versions::http1;
        if (how() == speech::http2) made.http_version = http_versions::http2;
        made.max_connections_per_origin = 5;
        return made;
    }

    std::optional<http_peer> server_;
};

TEST_P(peer, answers_many_requests_over_few_connections) {
    start();
    runtime io;
    client user(io, settings());
    std::atomic<std::size_t> right{0};
    on_tasks(io, 20, [&](std::size_t i) { return ask_all(user, i, 50, right); });
    EXPECT_EQ(right, 1000U);
    const http::client_statistics after = user.statistics();
    EXPECT_LE(after.connections_created, multiplexed() ? 1U : 5U);
    // All but the first of each connection; one that came when nobody waited for it any more may have served nobody.
    EXPECT_GE(after.connections_reused + after.connections_created, 1000U);
    EXPECT_LT(after.connections_reused, 1000U);
    EXPECT_EQ(after.resends, 0U);
    EXPECT_EQ(user.get("/nonce").wait().value().version() == http::version::http_2, multiplexed());
}

struct traffic {
    std::atomic<std::size_t> right{0};
    std::atomic<std::size_t> unsure{0};
    std::atomic<bool> stop{false};
};

task<void> keep_asking(client& by, std::size_t user, traffic& counts) {
    const method how = user % 4 == 3 ? method::post : method::get;
    for (std::size_t i = 0; !counts.stop.load(); ++i) {
        const std::string nonce = fmt::format("{}-{}", user, i);
        const result<http::response> got = co_await by.send(nonce_request(how, nonce));
        if (got && got->body() == nonce) {
            ++counts.right;
        } else if (!got && how == method::post && got.error() == errc::maybe_executed) {
            ++counts.unsure;
        } else {
            ADD_FAILURE() << how.text() << " " << nonce << ": "
                          << (got ? fmt::format("{} {}", got->status(), got->body()) : got.error().message());
            counts.stop = true;
        }
        // Some users rest, so that there are idle connections too.
        if (user % 2 == 0) co_await delay(1ms);
    }
}

TEST_P(peer, that_reads_its_settings_again_under_load_loses_no_request) {
    start();
    runtime io({.threads = 2});
    http::client_settings how = settings();
    // What may be sent again is, at once; nothing else.
    how.retry.max_retries = 3;
    how.retry.backoff_factor = 0;
    how.retry.methods = {"GET"};
    client user(io, how);
    traffic counts;
    std::thread users([&] { on_tasks(io, 12, [&](std::size_t i) { return keep_asking(user, i, counts); }); });
    const auto answers = [&](std::size_t more) {
        const std::size_t before = counts.right;
        EXPECT_TRUE(comes_true([&] { return counts.right > before + more || counts.stop.load(); }));
    };
    answers(100);
    for (int round = 0; round < 3; ++round) {
        const std::uint64_t before = user.statistics().connections_created;
        server_->reload();
        // The old connections end when the old processes do.
        EXPECT_TRUE(comes_true([&] { return user.statistics().connections_created > before || counts.stop.load(); }));
        answers(100);
    }
    counts.stop = true;
    users.join();
    const http::client_statistics after = user.statistics();
    fmt::print("{} answered, {} maybe executed, {} resent, {} retried, {} connections\n", counts.right.load(),
               counts.unsure.load(), after.resends, after.retries, after.connections_created);
}

task<void> meet_the_close(client& by, std::size_t user, std::chrono::milliseconds keep_alive, traffic& counts) {
    const method how = user % 2 == 0 ? method::get : method::post;
    for (std::size_t round = 0; round < 3; ++round) {
        const std::string nonce = fmt::format("{}-{}", user, round);
        const result<http::response> got = co_await by.send(nonce_request(how, nonce));
        if (got && got->body() == nonce) {
            ++counts.right;
        } else if (!got && how == method::post && got.error() == errc::maybe_executed) {
            ++counts.unsure;
        } else {
            ADD_FAILURE() << how.text() << " " << nonce << ": " << (got ? got->body() : got.error().message());
        }
        // Around the server's time-out, so that some requests meet its close.
        const auto pause = keep_alive - 6ms + std::chrono::microseconds(400) * user;
        co_await delay(pause);
    }
}

TEST_P(peer, that_closes_an_idle_connection_just_when_it_is_used_loses_no_request) {  // haproxy#1423, RFC 9112 §9.3.1
    constexpr auto keep_alive = 200ms;
    start(keep_alive);
    runtime io;
    http::client_settings how = settings();
    // The connection on which a GET is sent again may be about to be closed as well; then it is the policy's turn.
    how.retry.max_retries = 3;
    how.retry.backoff_factor = 0;
    how.retry.methods = {"GET"};
    how.max_connections_per_origin = 40;
    client user(io, how);
    traffic counts;
    on_tasks(io, 40, [&](std::size_t i) { return meet_the_close(user, i, keep_alive, counts); });
    EXPECT_EQ(counts.right + counts.unsure, 120U);
    EXPECT_GE(counts.right, 60U) << "a GET can be asked again";
    EXPECT_GT(user.statistics().connections_closed, 0U);
    fmt::print("{} maybe executed, {} resent, {} connections\n", counts.unsure.load(), user.statistics().resends,
               user.statistics().connections_created);
}

TEST_P(peer, takes_and_gives_large_bodies_in_pieces) {
    start();
    runtime io;
    client user(io, settings());
    source_watch watch;
    for (const bool sized : {false, true}) {
        const std::string content = numbered_text(sized ? 2'000'003 : 1'000'003);
        const std::string target = fmt::format("/store/{}", sized);
        const auto put =
            user.send(request(method::put, target).body(source_of(content, {.sized = sized, .piece = 50'000}, watch)))
                .wait();
        ASSERT_TRUE(put.has_value()) << put.error().message();
        ASSERT_EQ(put->status(), 201U) << put->body();
        // gzip is asked for, and undone.
        const auto whole = user.get(target).wait();
        ASSERT_TRUE(whole.has_value()) << whole.error().message();
        EXPECT_TRUE(whole->was_decoded());
        EXPECT_TRUE(whole->body() == content);
        auto opened = user.open(request(method::get, target)).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        const auto streamed = opened->read_all(content.size()).wait();
        ASSERT_TRUE(streamed.has_value()) << streamed.error().message();
        EXPECT_TRUE(*streamed == content);
        // And as it is.
        const auto plain = user.send(request(method::get, target).header("Accept-Encoding", "identity")).wait();
        ASSERT_TRUE(plain.has_value()) << plain.error().message();
        EXPECT_FALSE(plain->was_decoded());
        EXPECT_TRUE(plain->body() == content);
    }
    EXPECT_EQ(user.statistics().connections_created, 1U);
}

INSTANTIATE_TEST_SUITE_P(called, peer,
                         testing::Combine(testing::Values(http_peer_kind::nginx, http_peer_kind::apache,
                                                          http_peer_kind::haproxy, http_peer_kind::nghttpx),
                                          testing::Values(speech::http1, speech::https1, speech::http2,
                                                          speech::https2)),
                         [](const auto& one) {
                             return fmt::format("{}_over_{}", name_of(std::get<0>(one.param)),
                                                speech_names[static_cast<std::size_t>(std::get<1>(one.param))]);
                         });

}  // namespace
}  // namespace lido::test

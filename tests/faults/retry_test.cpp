// Retries by policy: when, how often, after which wait, and which methods.
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <ctime>
#include <memory>
#include <mutex>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using testing::ElementsAre;
using testing::HasSubstr;

/// Answers the first `bad` requests like that, and all others well.
server_script first_ones(std::size_t bad, const reaction& like) {
    return {.on_request = [bad, like](const arrival& what) {
        return what.number <= bad ? like : reaction{.bytes = response_text(what.nonce)};
    }};
}

reaction status_answer(int status, std::string_view more = {}) {
    return {.bytes = response_text("try again", status, more)};
}

/// Notes the wait before each retry; the last attempt has none.
class waits {
public:
    void note_in(http::client_settings& settings) {
        settings.on_attempt = [this](const http::attempt_report& each) {
            const std::lock_guard held(mutex_);
            if (each.retry_in >= duration::zero()) {
                seen_.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(each.retry_in));
            }
        };
    }
    [[nodiscard]] std::vector<std::chrono::milliseconds> seen() const {
        const std::lock_guard held(mutex_);
        return seen_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::chrono::milliseconds> seen_;
};

http::client_settings with_retries(const scripted_server& server, unsigned retries, double factor) {
    http::client_settings settings = eager_settings(server.url(), retries);
    settings.retry.backoff_factor = factor;
    settings.retry.jitter = 0;
    return settings;
}

std::string date_in(std::chrono::seconds ahead) {
    const std::time_t when = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + ahead);
    std::tm parts{};
    gmtime_r(&when, &parts);
    char text[64];
    const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text, size};
}

TEST(retries, wait_factor_times_two_to_the_number_before) {
    scripted_server server(first_ones(3, status_answer(503)));
    runtime io;
    waits noted;
    http::client_settings settings = with_retries(server, 3, 0.04);
    noted.note_in(settings);
    client user(io, settings);
    EXPECT_EQ(user.send(nonce_request(method::get, "a")).wait().value().body(), "a");
    EXPECT_THAT(noted.seen(), ElementsAre(40ms, 80ms, 160ms));
    const std::vector<time_point> times = server.times();
    ASSERT_EQ(times.size(), 4U);
    EXPECT_GE(times[1] - times[0], 40ms);
    EXPECT_GE(times[2] - times[1], 80ms);
    EXPECT_GE(times[3] - times[2], 160ms);
    EXPECT_EQ(user.statistics().retries, 3U);
    EXPECT_EQ(server.accepted(), 1U) << "an answer with a status of the list leaves the connection as good as before";
}

TEST(retries, wait_no_longer_than_the_cap) {
    scripted_server server(first_ones(4, status_answer(502)));
    runtime io;
    waits noted;
    http::client_settings settings = with_retries(server, 4, 0.02);
    settings.retry.max_backoff = 50ms;
    noted.note_in(settings);
    client user(io, settings);
    EXPECT_EQ(user.send(nonce_request(method::get, "a")).wait().value().status(), 200U);
    EXPECT_THAT(noted.seen(), ElementsAre(20ms, 40ms, 50ms, 50ms));
}

TEST(retries, give_the_last_response_when_there_are_no_more) {
    scripted_server server(first_ones(100, status_answer(503)));
    runtime io;
    client user(io, with_retries(server, 2, 0));
    const auto last = user.send(nonce_request(method::get, "a")).wait();
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(last->status(), 503U);
    EXPECT_EQ(last->body(), "try again");
    EXPECT_EQ(server.requests(), 3U);
}

TEST(retries, do_not_begin_beyond_the_deadline) {
    scripted_server server(first_ones(100, status_answer(503)));
    runtime io;
    http::client_settings settings = with_retries(server, 3, 10);
    settings.timeout = 2s;
    client user(io, settings);
    const auto begun = clock::now();
    EXPECT_EQ(user.get("/").wait().value().status(), 503U);
    EXPECT_LT(clock::now() - begun, 2s);
    EXPECT_EQ(server.requests(), 1U);
}

TEST(retries, ask_a_post_again_when_the_policy_lists_it_as_the_default_does) {
    scripted_server server(first_ones(1, status_answer(503)));
    runtime io;
    client user(io, with_retries(server, 3, 0));
    EXPECT_EQ(user.send(nonce_request(method::post, "a")).wait().value().body(), "a");
    EXPECT_EQ(server.nonces().at("a"), 2U);
}

TEST(retries, ask_no_post_again_when_the_policy_does_not_list_it) {
    scripted_server server(first_ones(1, status_answer(503)));
    runtime io;
    http::client_settings settings = with_retries(server, 3, 0);
    settings.retry.methods = {"GET", "HEAD"};
    client user(io, settings);
    EXPECT_EQ(user.send(nonce_request(method::post, "a")).wait().value().status(), 503U);
    EXPECT_EQ(server.nonces().at("a"), 1U);
    EXPECT_EQ(user.send(nonce_request(method::get, "b")).wait().value().body(), "b");
}

TEST(retries, ask_again_after_a_broken_connection_only_what_the_policy_lists) {
    for (const bool listed : {true, false}) {
        scripted_server server(first_ones(1, {.then = afterwards::rst}));
        runtime io;
        http::client_settings settings = with_retries(server, 3, 0);
        if (!listed) settings.retry.methods = {"GET"};
        client user(io, settings);
        const auto posted = user.send(nonce_request(method::post, "a")).wait();
        EXPECT_EQ(server.nonces().at("a"), listed ? 2U : 1U);
        if (listed) {
            EXPECT_EQ(posted.value().body(), "a");
        } else {
            ASSERT_FALSE(posted.has_value());
            EXPECT_EQ(posted.error(), errc::maybe_executed) << posted.error().message();
            ASSERT_NE(posted.error().cause(), nullptr);
            EXPECT_EQ(*posted.error().cause(), errc::connection_closed);
        }
    }
}

TEST(retries, do_not_forget_that_an_earlier_attempt_may_have_been_executed) {
    scripted_server server(first_ones(100, {.then = afterwards::rst}));
    runtime io;
    http::client_settings settings = with_retries(server, 1, 0.2);
    std::atomic<bool> first{true};
    settings.on_attempt = [&](const http::attempt_report&) {
        if (first.exchange(false)) server.go_down();
    };
    client user(io, settings);
    const auto posted = user.send(nonce_request(method::post, "a")).wait();
    ASSERT_FALSE(posted.has_value());
    EXPECT_EQ(posted.error(), errc::maybe_executed) << posted.error().message();
    EXPECT_THAT(posted.error().message(), HasSubstr("refused"));
}

TEST(retries, obey_retry_after_in_seconds) {
    scripted_server server(first_ones(1, status_answer(429, "Retry-After: 1\r\n")));
    runtime io;
    waits noted;
    http::client_settings settings = with_retries(server, 3, 0);
    noted.note_in(settings);
    client user(io, settings);
    EXPECT_EQ(user.send(nonce_request(method::get, "a")).wait().value().status(), 200U);
    EXPECT_THAT(noted.seen(), ElementsAre(1000ms));
    EXPECT_GE(server.times().at(1) - server.times().at(0), 1s);
}

TEST(retries, obey_retry_after_as_a_date) {
    scripted_server server({.on_request = [](const arrival& what) {
        if (what.number > 1) return reaction{.bytes = response_text(what.nonce)};
        return status_answer(503, "Retry-After: " + date_in(3s) + "\r\n");
    }});
    runtime io;
    waits noted;
    http::client_settings settings = with_retries(server, 3, 0);
    noted.note_in(settings);
    client user(io, settings);
    EXPECT_EQ(user.send(nonce_request(method::get, "a")).wait().value().status(), 200U);
    ASSERT_EQ(noted.seen().size(), 1U);
    EXPECT_GT(noted.seen().front(), 0ms);
    EXPECT_LE(noted.seen().front(), 3s);
}

TEST(retries, leave_a_retry_after_in_the_past_or_malformed_to_the_back_off) {
    for (const std::string_view value : {"Wed, 21 Oct 2015 07:28:00 GMT", "0", "soon"}) {
        scripted_server server(first_ones(1, status_answer(503, "Retry-After: " + std::string(value) + "\r\n")));
        runtime io;
        waits noted;
        http::client_settings settings = with_retries(server, 3, 0.03);
        noted.note_in(settings);
        client user(io, settings);
        EXPECT_EQ(user.send(nonce_request(method::get, "a")).wait().value().status(), 200U);
        EXPECT_THAT(noted.seen(), ElementsAre(30ms)) << value;
    }
}

TEST(retries, end_at_a_retry_after_that_is_too_long) {
    scripted_server server(first_ones(1, status_answer(503, "Retry-After: 3600\r\n")));
    runtime io;
    client user(io, with_retries(server, 3, 0));
    EXPECT_EQ(user.send(nonce_request(method::get, "a")).wait().value().status(), 503U);
    EXPECT_EQ(server.requests(), 1U);
}

TEST(retries, pass_over_retry_after_when_told_to) {
    scripted_server server(first_ones(1, status_answer(503, "Retry-After: 3600\r\n")));
    runtime io;
    http::client_settings settings = with_retries(server, 3, 0);
    settings.retry.respect_retry_after = false;
    client user(io, settings);
    EXPECT_EQ(user.send(nonce_request(method::get, "a")).wait().value().status(), 200U);
}

TEST(retries, that_wait_end_when_the_client_is_closed) {
    scripted_server server(first_ones(100, status_answer(503, "Retry-After: 30\r\n")));
    runtime io({.threads = 2});
    http::client_settings settings = with_retries(server, 3, 0);
    settings.timeout = 5min;
    client user(io, settings);
    std::latch done(3);
    std::atomic<int> answered{0};
    const auto begun = clock::now();
    for (int i = 0; i < 3; ++i) {
        user.get("/").start([&](result<http::response> ended) {
            if (ended && ended->status() == 503) ++answered;
            done.count_down();
        });
    }
    ASSERT_TRUE(server.wait_until([&] { return server.requests() == 3; }));
    EXPECT_EQ(user.close(10s).wait().value(), 0U);
    done.wait();
    EXPECT_EQ(answered, 3);
    EXPECT_LT(clock::now() - begun, 20s);
}

TEST(retries, that_wait_end_when_the_client_is_destroyed) {
    scripted_server server(first_ones(100, status_answer(503, "Retry-After: 30\r\n")));
    runtime io;
    std::latch done(1);
    {
        http::client_settings settings = with_retries(server, 3, 0);
        std::latch waiting(1);
        settings.on_attempt = [&](const http::attempt_report&) { waiting.count_down(); };
        client user(io, settings);
        user.get("/").start([&](const result<http::response>&) { done.count_down(); });
        waiting.wait();
    }
    done.wait();
    EXPECT_EQ(server.requests(), 1U);
}

TEST(reports_of_attempts, say_what_each_one_did) {
    scripted_server server(first_ones(1, status_answer(503)));
    runtime io;
    http::client_settings settings = with_retries(server, 3, 0);
    std::vector<std::string> lines;
    settings.on_attempt = [&](const http::attempt_report& each) {
        lines.push_back(std::string(each.method) + " " + std::string(each.path) + " " + std::to_string(each.attempt) +
                        " " + std::to_string(each.status) + (each.reused ? " reused" : " new"));
        EXPECT_EQ(each.origin, server.url());
        EXPECT_EQ(each.failure, nullptr);
    };
    client user(io, settings);
    EXPECT_EQ(user.get("/page?token=secret").wait().value().status(), 200U);
    EXPECT_THAT(lines, ElementsAre("GET /page 1 503 new", "GET /page 2 200 reused"));
}

}  // namespace
}  // namespace lido::test

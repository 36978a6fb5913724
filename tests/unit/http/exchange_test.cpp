#include "http/exchange.hpp"

#include "lido/pool/pool.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>

#include <string>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using test::get;
using test::put;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright";

/// A connection over one end of a pair of sockets; the test is the server at the other end. Its pool knows nothing of
/// it: a slot that does not exist is passed over.
class exchange_test : public testing::Test {
protected:
    exchange_test() {
        auto [near, far] = test::socket_pair();
        far_ = std::move(far);
        auto below = std::make_unique<net::socket>(loop_.loop(), std::move(near));
        connection_ = std::make_unique<connection>(std::make_unique<net::stream>(std::move(below)),
                                                   pool::connection_events(core_, {}));
        connection_->stream->mark_idle();
    }

    exchange_settings how(duration read_timeout = 20s) const {
        return {.target = {.host = "shop.example"}, .limits = &limits_, .read_timeout = read_timeout};
    }
    task<bool> run(request what, exchange_settings settings) {
        outcome_ = {};
        co_await exchange(*connection_, what, settings, outcome_);
        co_return true;
    }
    test::running<bool> begin(request what, duration read_timeout = 20s) {
        auto started = loop_.start(run(std::move(what), how(read_timeout)));
        loop_.turn();
        return started;
    }
    void finish(const test::running<bool>& which) {
        loop_.run_until([&] { return which.done(); });
    }
    bool usable() { return connection_->reusable && !connection_->busy; }

    struct no_connector {
        using connection = http::connection;
        task<result<std::unique_ptr<connection>>> open(const pool::open_request&) {
            co_return error(errc::connect_failed, "none");
        }
        task<result<void>> check(connection&, time_point) { co_return result<void>(); }
        task<void> close(connection&, time_point) { co_return; }
        std::uint32_t capacity(const connection&) const noexcept { return 1; }
        pool::verdict usable(const connection&) const noexcept { return pool::verdict::broken; }
    };

    test::test_loop loop_;
    http_limits limits_;
    std::shared_ptr<pool::detail::pool_state<no_connector>> state_ =
        std::make_shared<pool::detail::pool_state<no_connector>>(loop_, pool::settings{}, no_connector{}, nullptr);
    pool::core& core_ = *state_;
    net::unique_descriptor far_;
    std::unique_ptr<connection> connection_;
    exchange_outcome outcome_;
};

TEST_F(exchange_test, sends_one_request_and_reads_its_response) {
    const auto running = begin(request(method::get, "/page?x=1").header("Accept", "text/plain"));
    EXPECT_THAT(get(far_.get()), StartsWith("GET /page?x=1 HTTP/1.1\r\nHost: shop.example\r\n"));
    EXPECT_FALSE(usable()) << "while it runs";
    put(far_.get(), answer);
    finish(running);
    ASSERT_FALSE(outcome_.failure.has_value());
    EXPECT_EQ(outcome_.response.body(), "right");
    EXPECT_TRUE(outcome_.answered);
    EXPECT_FALSE(outcome_.unsent);
    EXPECT_TRUE(usable());
}

TEST_F(exchange_test, reads_a_response_in_whatever_pieces_it_comes) {
    const auto running = begin(request(method::get, "/"));
    for (const char byte : answer) {
        put(far_.get(), std::string_view(&byte, 1));
        loop_.turn();
    }
    finish(running);
    EXPECT_EQ(outcome_.response.body(), "right");
    EXPECT_TRUE(usable());
}

TEST_F(exchange_test, of_an_invalid_request_sends_nothing_and_leaves_the_connection_good) {
    const auto running = begin(request(method::get, "/").header("X-Bad", "a\r\nInjected: b"));
    finish(running);
    ASSERT_TRUE(outcome_.failure.has_value());
    EXPECT_EQ(*outcome_.failure, errc::invalid_argument);
    EXPECT_TRUE(outcome_.unsent);
    EXPECT_EQ(get(far_.get()), "");
    EXPECT_TRUE(usable());
}

TEST_F(exchange_test, on_a_connection_with_stray_bytes_sends_nothing) {
    put(far_.get(), answer);
    const auto running = begin(request(method::get, "/"));
    finish(running);
    ASSERT_TRUE(outcome_.failure.has_value());
    EXPECT_EQ(*outcome_.failure, errc::connection_closed);
    EXPECT_TRUE(outcome_.unsent);
    EXPECT_EQ(get(far_.get()), "");
    EXPECT_FALSE(usable());
}

TEST_F(exchange_test, on_a_connection_that_the_peer_has_closed_sends_nothing) {
    far_.reset();
    const auto running = begin(request(method::get, "/"));
    finish(running);
    ASSERT_TRUE(outcome_.failure.has_value());
    EXPECT_EQ(*outcome_.failure, errc::connection_closed);
    EXPECT_TRUE(outcome_.unsent);
    EXPECT_FALSE(usable());
}

TEST_F(exchange_test, that_is_destroyed_half_way_leaves_the_connection_unusable) {
    const auto running = begin(request(method::get, "/"));
    running.cancel();
    finish(running);
    EXPECT_FALSE(usable());
}

TEST_F(exchange_test, with_bytes_behind_the_response_gives_it_and_ends_the_connection) {
    const auto running = begin(request(method::get, "/"));
    put(far_.get(), std::string(answer) + "HTTP/1.1 200");
    finish(running);
    EXPECT_EQ(outcome_.response.body(), "right");
    EXPECT_FALSE(usable());
}

TEST_F(exchange_test, with_the_peers_end_right_behind_the_response_gives_it_and_ends_the_connection) {
    const auto running = begin(request(method::get, "/"));
    put(far_.get(), answer);
    far_.reset();
    finish(running);
    ASSERT_FALSE(outcome_.failure.has_value());
    EXPECT_EQ(outcome_.response.body(), "right");
    EXPECT_FALSE(usable()) << "it would be lent again";
}

TEST_F(exchange_test, with_the_peers_end_before_the_body_was_read_gives_it_and_ends_the_connection) {
    const auto running = begin(request(method::get, "/"));
    const std::string body(100'000, 'x');  // more than is read at once
    put(far_.get(), "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    put(far_.get(), body);
    far_.reset();
    finish(running);
    ASSERT_FALSE(outcome_.failure.has_value()) << outcome_.failure->message();
    EXPECT_EQ(outcome_.response.body(), body);
    EXPECT_FALSE(usable());
}

TEST_F(exchange_test, hears_of_the_peers_end_while_idle) {
    const auto running = begin(request(method::get, "/"));
    put(far_.get(), answer);
    finish(running);
    EXPECT_TRUE(usable());
    far_.reset();
    loop_.run_until([&] { return !usable(); });
}

TEST_F(exchange_test, hears_of_stray_bytes_while_idle) {
    const auto running = begin(request(method::get, "/"));
    put(far_.get(), answer);
    finish(running);
    ASSERT_TRUE(usable());
    put(far_.get(), "x");
    loop_.turn();
    EXPECT_FALSE(usable());
}

TEST_F(exchange_test, obeys_the_hint_of_keep_alive_only_as_long_as_it_is_repeated) {
    auto running = begin(request(method::get, "/"));
    put(far_.get(), "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n");
    finish(running);
    const time_point now = loop_.loop().now();
    EXPECT_TRUE(connection_->is_fit(now + 3900ms));
    EXPECT_FALSE(connection_->is_fit(now + 4s));
    running = begin(request(method::get, "/"));
    put(far_.get(), answer);
    finish(running);
    EXPECT_TRUE(connection_->is_fit(now + 1h));
    running = begin(request(method::get, "/"));
    put(far_.get(), "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n");
    finish(running);
    EXPECT_FALSE(usable()) << "no time is left for another request";
}

TEST_F(exchange_test, passes_over_interim_responses) {
    const auto running = begin(request(method::get, "/"));
    put(far_.get(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + std::string(answer));
    finish(running);
    EXPECT_EQ(outcome_.response.body(), "right");
    EXPECT_TRUE(usable());
}

TEST_F(exchange_test, ends_when_the_peer_is_silent_for_too_long) {
    const auto running = begin(request(method::get, "/page?token=secret"), 20ms);
    finish(running);
    ASSERT_TRUE(outcome_.failure.has_value());
    EXPECT_EQ(*outcome_.failure, errc::read_timeout);
    EXPECT_THAT(outcome_.failure->message(), HasSubstr("20 ms"));
    EXPECT_THAT(outcome_.failure->message(), testing::Not(HasSubstr("secret")));
    EXPECT_FALSE(usable());
}

TEST_F(exchange_test, ends_at_the_deadline_and_says_so) {
    exchange_settings settings = how();
    settings.deadline = loop_.loop().now() + 20ms;
    const auto running = loop_.start(run(request(method::get, "/"), settings));
    finish(running);
    ASSERT_TRUE(outcome_.failure.has_value());
    EXPECT_EQ(*outcome_.failure, errc::timeout);
}

TEST_F(exchange_test, reads_the_response_that_comes_before_the_request_is_sent) {
    // Larger than what the kernel takes: the request is never sent as a whole.
    const auto running = begin(request(method::post, "/").body(std::string(std::size_t{8} << 20, 'x')));
    put(far_.get(), "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    finish(running);
    ASSERT_FALSE(outcome_.failure.has_value()) << outcome_.failure->message();
    EXPECT_EQ(outcome_.response.status(), 413U);
    EXPECT_EQ(outcome_.response.body(), "no");
    EXPECT_FALSE(usable()) << "half a request was sent on it";
}

TEST_F(exchange_test, goes_on_sending_after_an_interim_response) {
    const std::string body(std::size_t{8} << 20, 'x');
    const auto running = begin(request(method::post, "/").body(body));
    put(far_.get(), "HTTP/1.1 100 Continue\r\n\r\n");
    std::size_t taken = 0;
    while (taken < body.size()) {
        loop_.turn(0ms);
        taken += get(far_.get()).size();
    }
    put(far_.get(), answer);
    finish(running);
    EXPECT_EQ(outcome_.response.body(), "right");
    EXPECT_TRUE(usable());
}

TEST_F(exchange_test, ends_when_the_peer_takes_nothing_for_too_long) {
    const auto running = begin(request(method::post, "/").body(std::string(std::size_t{8} << 20, 'x')), 20ms);
    finish(running);
    ASSERT_TRUE(outcome_.failure.has_value());
    EXPECT_EQ(*outcome_.failure, errc::write_timeout);
    EXPECT_FALSE(outcome_.unsent);
}

}  // namespace
}  // namespace lido::http

// A request is cancelled at each of its awaits, one after the other, until it ends untouched. After each time the next
// request must get its own answer, and in the end nothing may be left.
#include "support/http_client_world.hpp"
#include "support/sanitized.hpp"
#include "support/scripted_server.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <optional>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;

/// A client on a loop that the test turns by hand. It is destroyed on the loop too, which nobody turns otherwise.
class hand_driven_client {
public:
    explicit hand_driven_client(const http::client_settings& settings)
        : client_(std::make_unique<client>(loop_, settings)) {}
    hand_driven_client(const hand_driven_client&) = delete;
    hand_driven_client& operator=(const hand_driven_client&) = delete;
    ~hand_driven_client() { end(); }

    client* operator->() const noexcept { return client_.get(); }
    [[nodiscard]] test_loop& loop() noexcept { return loop_; }

    void end() {
        if (client_ == nullptr) return;
        loop_.run(close(*client_));
        loop_.run(destroy(std::move(client_)));
        loop_.settle();
    }

private:
    static task<void> close(client& which) {
        const result<std::size_t> cut = co_await which.close(5s);
        EXPECT_TRUE(cut.has_value());
    }
    static task<void> destroy(std::unique_ptr<client> which) {
        which.reset();
        co_return;
    }

    test_loop loop_;
    std::unique_ptr<client> client_;
};

using outcome = result<http::response>;

/// What kind of request is cancelled, and against which server.
struct cancellation_case {
    std::string name;
    server_script script;
    method by = method::get;
    std::size_t body_size = 0;
    unsigned retries = 0;
    /// Each request finds no connection, so that the connect is among what is cancelled.
    bool fresh = false;
};

server_script answering(reaction (*answer)(const arrival&)) {
    return {.on_request = answer};
}

std::vector<cancellation_case> cancellation_cases() {
    const auto plain = [](const arrival& what) { return reaction{.bytes = response_text(what.nonce)}; };
    const auto slow = [](const arrival& what) {
        return reaction{.bytes = response_text(what.nonce), .per_byte = what.nonce == "cancelled" ? 1ms : 0ms};
    };
    const auto large = [](const arrival& what) {
        const bool probe = what.nonce != "cancelled";
        return reaction{.bytes = response_text(probe ? what.nonce : std::string(std::size_t{3} << 20, 'x'))};
    };
    const auto busy = [](const arrival& what) {
        const bool first = what.nonce == "cancelled" && what.number % 2 == 1;
        return reaction{.bytes = response_text(what.nonce, first ? 503 : 200)};
    };
    const auto closing = [](const arrival& what) {
        return reaction{.bytes = response_text(what.nonce, 200, "Connection: close\r\n"), .then = afterwards::fin};
    };
    return {
        {"a_get", answering(plain)},
        {"a_get_with_its_connect", answering(closing), method::get, 0, 0, true},
        {"a_post", answering(plain), method::post, 20},
        {"a_slow_answer", answering(slow)},
        {"a_large_answer", answering(large)},
        {"a_large_upload", answering(plain), method::post, std::size_t{4} << 20},
        {"a_request_that_is_retried", answering(busy), method::get, 0, 3},
    };
}

class cancellation : public testing::TestWithParam<cancellation_case> {};

http::request request_of(const cancellation_case& what, std::string_view nonce) {
    http::request made(what.by, "/");
    made.header("X-Nonce", nonce);
    if (what.by == method::post) made.body(std::string(what.body_size, 'x'));
    return made;
}

TEST_P(cancellation, at_each_turn_poisons_and_leaks_nothing) {
    const cancellation_case& what = GetParam();
    const std::size_t descriptors_before = open_descriptors();
    scripted_server server(what.script);
    const std::size_t descriptors_of_server = open_descriptors() - descriptors_before;
    http::client_settings settings = eager_settings(server.url(), what.retries);
    settings.max_connections_per_origin = 2;
    settings.limits.max_body_bytes = std::size_t{16} << 20;
    std::size_t last = 0;
    {
        hand_driven_client user(settings);
        test_loop& loop = user.loop();
        bool untouched = false;
        for (std::size_t n = 0; !untouched && n < 20'000; n += n < 60 ? 1 : n / 7) {
            const running<outcome> asked = loop.start(user->send(request_of(what, "cancelled")).as_task());
            for (std::size_t turns = 0; turns < n && !asked.done(); ++turns) ASSERT_TRUE(loop.turn());
            untouched = asked.done();
            asked.cancel();
            loop.run_until([&] { return asked.done(); });
            if (untouched) {
                const outcome ended = asked.take();
                EXPECT_TRUE(ended.has_value());
            }

            const std::string nonce = fmt::format("after-{}", n);
            outcome next = loop.run(user->send(request_of(what, nonce)).as_task());
            ASSERT_TRUE(next.has_value()) << next.error().message();
            ASSERT_EQ(next->body(), nonce) << "after a cancellation at turn " << n;
            last = n;
        }
        EXPECT_TRUE(untouched);
        EXPECT_GE(last, 2U) << "there was nothing to cancel";
        const auto numbers = user->statistics().origins.at(0).pool;
        EXPECT_EQ(numbers.leases, 0U);
        EXPECT_EQ(numbers.waiting, 0U);
    }
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
    EXPECT_LE(server.peak(), 2U);
    EXPECT_LE(open_descriptors(), descriptors_before + descriptors_of_server);
}

INSTANTIATE_TEST_SUITE_P(of, cancellation, testing::ValuesIn(cancellation_cases()),
                         [](const auto& one) { return one.param.name; });

TEST(cancellation_in_the_queue, at_each_turn_leaves_the_others_in_their_order) {
    scripted_server server(echo_script());
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    hand_driven_client user(settings);
    test_loop& loop = user.loop();
    for (std::size_t n = 0; n < 30; ++n) {
        std::vector<running<outcome>> queue;
        for (std::size_t i = 0; i < 5; ++i) {
            queue.push_back(loop.start(user->get(fmt::format("/{}-{}", n, i)).as_task()));
        }
        for (std::size_t turns = 0; turns < n && !queue[2].done(); ++turns) ASSERT_TRUE(loop.turn());
        queue[2].cancel();
        loop.run_until(
            [&] { return std::all_of(queue.begin(), queue.end(), [](const auto& each) { return each.done(); }); });
        for (const std::size_t i : {0U, 1U, 3U, 4U}) {
            const outcome ended = queue[i].take();
            ASSERT_TRUE(ended.has_value()) << ended.error().message();
            EXPECT_EQ(ended->body(), fmt::format("/{}-{}", n, i));
        }
        if (!queue[2].cancelled()) {
            EXPECT_EQ(queue[2].take().value().body(), fmt::format("/{}-2", n));
        }
    }
    EXPECT_EQ(server.peak(), 1U);
}

/// Cancels on a timer rather than by turns, from another thread, with leases that cross loops.
TEST(cancellation_across_loops, by_a_stop_token_answers_each_request_once) {
    scripted_server server(echo_script());
    runtime io({.threads = 2});
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 3;
    client user(io, settings);
    constexpr std::size_t count = sanitized ? 1000 : 4000;
    std::atomic<std::size_t> cancelled{0};
    std::atomic<std::size_t> answered{0};
    std::latch done(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::stop_source stop;
        user.get(fmt::format("/{}", i))
            .start(
                [&, i](outcome ended) {
                    if (ended) {
                        EXPECT_EQ(ended->body(), fmt::format("/{}", i));
                        ++answered;
                    } else {
                        EXPECT_TRUE(ended.error() == errc::cancelled || ended.error() == errc::queue_full)
                            << ended.error().message();
                        ++cancelled;
                    }
                    done.count_down();
                },
                stop.get_token());
        if (i % 3 == 0) stop.request_stop();
    }
    done.wait();
    EXPECT_EQ(answered + cancelled, count);
    EXPECT_GT(answered, 0U);
    EXPECT_EQ(user.get("/last").wait().value().body(), "/last");
    EXPECT_LE(server.peak(), 3U);
}

}  // namespace
}  // namespace lido::test

#include "lido/net/event_loop.hpp"

#include "lido/net/runtime.hpp"
#include "support/sanitized.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"
#include "support/work.hpp"

#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using test::function_timer;
using test::function_work;
using test::test_loop;

/// Counts its events, and may do something at each.
class counting_source final : public event_source {
public:
    counting_source(event_loop& loop, int descriptor) : loop_(loop), descriptor_(descriptor) {
        EXPECT_EQ(loop_.add(descriptor_, *this), 0);
    }
    ~counting_source() { loop_.remove(descriptor_, *this); }
    void on_events(std::uint32_t) noexcept override {
        ++events;
        if (then) then();
    }
    int events = 0;
    std::function<void()> then;

private:
    event_loop& loop_;
    int descriptor_;
};

TEST(event_loop, runs_what_many_threads_post_once_each_and_in_the_order_of_each_thread) {
    constexpr int posters = 8;
    constexpr int each = 2000;
    struct note : work {
        note()
            : work([](work& item) noexcept {
                  auto& self = static_cast<note&>(item);
                  self.seen->push_back(self.number);
              }) {}
        std::vector<int>* seen = nullptr;
        int number = 0;
    };
    std::array<std::vector<int>, posters> seen;
    std::array<std::vector<note>, posters> notes;
    {
        runtime io;
        std::vector<std::thread> threads;
        for (std::size_t poster = 0; poster < posters; ++poster) {
            notes[poster] = std::vector<note>(each);
            threads.emplace_back([&, poster] {
                for (int i = 0; i < each; ++i) {
                    note& item = notes[poster][static_cast<std::size_t>(i)];
                    item.seen = &seen[poster];
                    item.number = i;
                    io.at(0).post(item);
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
    }
    std::vector<int> expected(each);
    for (int i = 0; i < each; ++i) expected[static_cast<std::size_t>(i)] = i;
    for (const auto& one : seen) EXPECT_EQ(one, expected);
}

TEST(event_loop, fires_timers_in_order_and_never_early) {
    test_loop here;
    std::vector<int> order;
    bool early = false;
    const time_point begin = clock::now();
    const auto fired = [&](int which, duration after) {
        order.push_back(which);
        if (clock::now() < begin + after) early = true;
    };
    function_timer third([&] { fired(3, 30ms); });
    function_timer first([&] { fired(1, 5ms); });
    function_timer second([&] { fired(2, 12ms); });
    function_work arming([&] {
        here.loop().arm(third, begin + 30ms);
        here.loop().arm(first, begin + 5ms);
        here.loop().arm(second, begin + 12ms);
    });
    here.loop().post(arming);
    here.run_until([&] { return order.size() == 3; });
    EXPECT_THAT(order, testing::ElementsAre(1, 2, 3));
    EXPECT_FALSE(early);
}

TEST(event_loop, does_not_fire_a_timer_that_was_disarmed) {
    test_loop here;
    bool wrong = false;
    bool over = false;
    function_timer disarmed([&] { wrong = true; });
    function_timer last([&] { over = true; });
    function_work arming([&] {
        here.loop().arm(disarmed, here.loop().now() + 2ms);
        here.loop().arm(last, here.loop().now() + 10ms);
        here.loop().disarm(disarmed);
    });
    here.loop().post(arming);
    here.run_until([&] { return over; });
    EXPECT_FALSE(wrong);
}

TEST(event_loop, delivers_nothing_to_a_source_that_was_removed_within_the_same_batch) {
    test_loop here;
    auto [left, left_peer] = test::socket_pair();
    auto [right, right_peer] = test::socket_pair();
    auto one = std::make_unique<counting_source>(here.loop(), left.get());
    auto other = std::make_unique<counting_source>(here.loop(), right.get());
    here.settle();
    one->events = 0;
    other->events = 0;
    int calls = 0;
    one->then = [&] { ++calls, other.reset(); };
    other->then = [&] { ++calls, one.reset(); };
    test::put(left_peer.get(), "x");
    test::put(right_peer.get(), "x");
    here.settle();
    EXPECT_EQ(calls, 1);
    EXPECT_NE(one == nullptr, other == nullptr);
}

TEST(event_loop, lets_a_source_destroy_itself_in_its_own_event) {
    test_loop here;
    auto [end, peer] = test::socket_pair();
    auto source = std::make_unique<counting_source>(here.loop(), end.get());
    here.settle();
    source->then = [&] { source.reset(); };
    test::put(peer.get(), "x");
    here.settle();
    EXPECT_EQ(source, nullptr);
}

TEST(event_loop, tells_of_writing_only_those_who_want_to_hear_of_it) {
    test_loop here;
    auto [end, peer] = test::socket_pair();
    counting_source source(here.loop(), end.get());
    const auto written_and_read = [&, &writer = end, &reader = peer] {
        here.settle();
        source.events = 0;
        test::put(writer.get(), "x");
        EXPECT_EQ(test::get(reader.get()), "x");
        here.settle();
        return source.events > 0;
    };
    EXPECT_TRUE(written_and_read()) << "on a UNIX socket whatever the peer reads is an event";
    EXPECT_EQ(here.loop().hear_of_writing(end.get(), source, false), 0);
    EXPECT_FALSE(written_and_read());
    EXPECT_EQ(here.loop().hear_of_writing(end.get(), source, true), 0);
    EXPECT_TRUE(written_and_read());
    EXPECT_EQ(here.loop().hear_of_writing(-1, source, true), EBADF);
}

TEST(event_loop, runs_in_the_next_turn_what_its_work_posts) {
    test_loop here;
    std::vector<std::uint64_t> turns;
    function_work second([&] { turns.push_back(here.loop().turn()); });
    function_work first([&] {
        turns.push_back(here.loop().turn());
        here.loop().post(second);
    });
    here.loop().post(first);
    here.run_until([&] { return turns.size() == 2; });
    EXPECT_EQ(turns[1], turns[0] + 1);
}

TEST(event_loop, tells_a_foreign_loop_of_posts_from_other_threads) {
    test_loop here;
    bool ran = false;
    function_work item([&] { ran = true; });
    EXPECT_FALSE(here.turn(0ms));
    std::thread([&] { here.loop().post(item); }).join();
    EXPECT_TRUE(here.turn());
    EXPECT_TRUE(ran);
    EXPECT_FALSE(here.turn(0ms));
}

TEST(event_loop, tells_a_foreign_loop_of_an_earlier_timer_that_was_armed_later) {
    test_loop here;
    bool early_one_fired = false;
    function_timer late([] {});
    function_timer soon([&] { early_one_fired = true; });
    function_work arm_late([&] { here.loop().arm(late, here.loop().now() + 1h); });
    function_work arm_soon([&] { here.loop().arm(soon, here.loop().now() + 3ms); });
    here.loop().post(arm_late);
    here.settle();
    here.loop().post(arm_soon);
    here.run_until([&] { return early_one_fired; });
    function_work disarm([&] { here.loop().disarm(late); });
    here.loop().post(disarm);
    here.settle();
}

TEST(event_loop, runs_what_was_posted_before_stop) {
    int ran = 0;
    function_work first([&] { ++ran; });
    function_work second([&] { ++ran; });
    {
        runtime io;
        io.at(0).post(first);
        io.at(0).post(second);
    }
    EXPECT_EQ(ran, 2);
}

TEST(event_loop, leaves_no_descriptor_behind_when_one_cannot_be_had) {
    if (test::sanitized) GTEST_SKIP() << "the sanitizer of undefined behaviour needs descriptors of its own";
    const auto next_free = [] {
        const int found = dup(0);
        close(found);
        return found;
    };
    runtime io;
    const int before = next_free();
    rlimit limits{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limits), 0);
    for (int more = 0; more < 3; ++more) {
        // One descriptor, then two; with three the loop can be made.
        rlimit few = limits;
        few.rlim_cur = static_cast<rlim_t>(before + more);
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
        EXPECT_THROW(event_loop(io, 0, event_loop::drive::embedded), std::system_error);
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limits), 0);
        EXPECT_EQ(next_free(), before);
    }
}

TEST(event_loop, sleeps_while_it_has_nothing_to_do) {
    runtime io;
    auto& loop = static_cast<event_loop&>(io.at(0));
    std::uint64_t at_begin = 0;
    std::uint64_t at_end = 0;
    std::binary_semaphore over(0);
    function_timer end([&] {
        at_end = loop.turn();
        over.release();
    });
    function_work begin([&] {
        at_begin = loop.turn();
        // 50 ms lie in one bucket of the wheel's second level: at most one turn to sort it and one to fire.
        loop.arm(end, loop.now() + 50ms);
    });
    loop.post(begin);
    over.acquire();
    EXPECT_LE(at_end - at_begin, 3U);
}

}  // namespace
}  // namespace lido::net

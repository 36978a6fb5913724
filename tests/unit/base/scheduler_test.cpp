#include "lido/base/scheduler.hpp"

#include "lido/net/runtime.hpp"
#include "support/virtual_scheduler.hpp"
#include "support/work.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::runtime;
using lido::scheduler;
using lido::test::function_timer;
using lido::test::function_work;
using lido::test::virtual_group;

TEST(scheduler, is_known_on_its_own_thread_only) {
    runtime io({.threads = 2});
    EXPECT_EQ(scheduler::current(), nullptr);
    std::latch done(1);
    function_work look{[&] {
        EXPECT_EQ(scheduler::current(), &io.at(1));
        EXPECT_FALSE(io.at(0).is_current());
        EXPECT_EQ(&io.here_or_pick(), &io.at(1));
        done.count_down();
    }};
    io.at(1).post(look);
    done.wait();
    EXPECT_EQ(io.at(1).index(), 1U);
    EXPECT_EQ(&io.at(1).group(), &io);
}

TEST(scheduler, another_groups_scheduler_is_not_used_for_work_from_there) {
    virtual_group first;
    virtual_group second;
    first.at(0).enter([&] {
        EXPECT_EQ(&first.here_or_pick(), &first.at(0));
        EXPECT_EQ(&second.here_or_pick(), &second.at(0));
    });
}

TEST(scheduler, runs_what_each_of_many_threads_posts_in_the_order_of_its_posting) {
    constexpr std::size_t threads = 4;
    constexpr int each = 5000;
    runtime io;
    struct numbered : lido::work {
        numbered() noexcept : work([](lido::work& item) noexcept { static_cast<numbered&>(item).check(); }) {}
        void check() noexcept {
            EXPECT_EQ(*next, number);
            *next = number + 1;
            done->count_down();
        }
        int* next = nullptr;
        int number = 0;
        std::latch* done = nullptr;
    };
    std::array<int, threads> next{};
    std::latch done(static_cast<std::ptrdiff_t>(threads) * each);
    std::vector<std::vector<numbered>> items(threads, std::vector<numbered>(each));
    std::vector<std::jthread> posting;
    for (std::size_t thread = 0; thread < threads; ++thread) {
        posting.emplace_back([&, thread] {
            for (int i = 0; i < each; ++i) {
                numbered& item = items[thread][static_cast<std::size_t>(i)];
                item.next = &next[thread];
                item.number = i;
                item.done = &done;
                io.at(0).post(item);
            }
        });
    }
    done.wait();
}

TEST(scheduler, fires_its_timers_in_order_and_not_before_their_time) {
    runtime io;
    std::latch done(3);
    std::vector<int> order;
    std::vector<std::unique_ptr<function_timer>> timers;
    const auto start = lido::clock::now();
    for (const int milliseconds : {15, 5, 10}) {
        timers.push_back(std::make_unique<function_timer>([&, milliseconds] {
            EXPECT_GE(lido::clock::now(), start + std::chrono::milliseconds(milliseconds));
            order.push_back(milliseconds);
            done.count_down();
        }));
    }
    function_work arm{[&] {
        io.at(0).arm(*timers[0], start + 15ms);
        io.at(0).arm(*timers[1], start + 5ms);
        io.at(0).arm(*timers[2], start + 10ms);
    }};
    io.at(0).post(arm);
    done.wait();
    EXPECT_EQ(order, (std::vector<int>{5, 10, 15}));
}

TEST(scheduler, a_runtime_runs_what_was_posted_before_its_end) {
    std::atomic<int> runs{0};
    for (int i = 0; i < 100; ++i) {
        function_work item{[&] { ++runs; }};
        runtime io;
        io.at(0).post(item);
    }
    EXPECT_EQ(runs, 100);
}

TEST(scheduler, a_runtime_refuses_settings_out_of_range) {
    EXPECT_THROW(runtime({.threads = 0}), lido::exception);
    EXPECT_THROW(runtime({.threads = 257}), lido::exception);
}

}  // namespace

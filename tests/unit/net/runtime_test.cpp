#include "lido/net/runtime.hpp"

#include "support/work.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <semaphore>
#include <set>
#include <stdexcept>
#include <thread>

namespace lido {
namespace {

using namespace std::chrono_literals;

task<std::thread::id> this_thread() {
    const std::thread::id id = std::this_thread::get_id();
    co_return id;
}

task<int> throwing() {
    const bool always = true;
    if (always) throw std::runtime_error("as asked");
    co_return 1;
}

TEST(runtime, runs_a_task_on_its_own_thread_and_hands_its_value_over) {
    runtime io;
    EXPECT_NE(io.run(this_thread()), std::this_thread::get_id());
}

TEST(runtime, rethrows_what_a_task_throws) {
    runtime io;
    EXPECT_THROW((void)io.run(throwing()), std::runtime_error);
}

TEST(runtime, takes_its_threads_in_turn) {
    runtime io({.threads = 3});
    ASSERT_EQ(io.size(), 3U);
    std::set<std::thread::id> threads;
    for (int i = 0; i < 6; ++i) threads.insert(io.run(this_thread()));
    EXPECT_EQ(threads.size(), 3U);
}

TEST(runtime, refuses_a_number_of_threads_that_is_out_of_range) {
    for (const std::uint32_t threads : {0U, 257U}) {
        try {
            runtime io({.threads = threads});
            FAIL() << threads;
        } catch (const exception& refused) {
            EXPECT_EQ(refused.error(), errc::invalid_argument);
            EXPECT_THAT(refused.error().what(), testing::HasSubstr("threads"));
        }
    }
}

/// Says when it is destroyed.
struct farewell {
    std::binary_semaphore* said;
    ~farewell() { said->release(); }
};

task<void> wait_for_ever(std::binary_semaphore& begun, std::binary_semaphore& ended) {
    const farewell last{&ended};
    begun.release();
    co_await test::delay(24h);
}

TEST(runtime, ends_a_spawned_task_where_it_stands_when_a_stop_is_requested) {
    runtime io;
    std::binary_semaphore begun(0);
    std::binary_semaphore ended(0);
    std::stop_source stop;
    io.spawn(wait_for_ever(begun, ended), 0, stop.get_token());
    begun.acquire();
    stop.request_stop();
    ended.acquire();
}

// Found by LeakSanitizer: a pool on two loops posted its last step to the one that had ended, and was never freed.
TEST(runtime, runs_what_a_loop_posts_to_one_that_has_ended_before) {
    std::binary_semaphore first_has_ended(0);
    bool ran = false;
    test::function_work last([&] { ran = true; });
    test::function_work begin([&] { thread_local const farewell at_the_end_of_the_thread{&first_has_ended}; });
    std::optional<runtime> io(std::in_place, runtime_settings{.threads = 2});
    scheduler& first = io->at(0);
    test::function_work late([&] {
        first_has_ended.acquire();
        first.post(last);
    });
    io->at(0).post(begin);
    io->at(1).post(late);
    io.reset();
    EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace lido

#include "lido/base/worker_threads.hpp"

#include "lido/net/event_loop.hpp"
#include "support/test_loop.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

namespace lido {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// A function that blocks until the test lets it go. Copies share it.
class gate {
public:
    void pass() const {
        state_->entered.release();
        state_->go.acquire();
    }
    void wait_until_one_is_in() const { state_->entered.acquire(); }
    void open(int count = 1) const { state_->go.release(count); }

private:
    struct shared_state {
        std::counting_semaphore<> entered{0};
        std::counting_semaphore<> go{0};
    };
    std::shared_ptr<shared_state> state_ = std::make_shared<shared_state>();
};

/// Releases a semaphore when the last copy dies.
class witness {
public:
    explicit witness(std::binary_semaphore& gone) : held_(nullptr, [&gone](void*) { gone.release(); }) {}

private:
    std::shared_ptr<void> held_;
};

class worker_threads_test : public testing::Test {
protected:
    static time_point in_time() { return clock::now() + 20s; }
    static worker_threads_settings with(std::uint32_t threads, std::uint32_t max_queued = 1024) {
        worker_threads_settings made;
        made.threads = threads;
        made.max_queued = max_queued;
        return made;
    }
    test::test_loop here;
};

TEST_F(worker_threads_test, run_a_function_elsewhere_and_give_what_it_returned) {
    worker_threads threads;
    const auto where =
        here.run(threads.run([]() -> result<std::thread::id> { return std::this_thread::get_id(); }, in_time()));
    EXPECT_NE(where.value(), std::this_thread::get_id());
}

TEST_F(worker_threads_test, hand_over_the_error_of_a_function) {
    worker_threads threads;
    const auto failed =
        here.run(threads.run([]() -> result<int> { return error(errc::connect_failed, "no such place"); }, in_time()));
    EXPECT_TRUE(failed.error() == errc::connect_failed);
}

TEST_F(worker_threads_test, run_functions_without_a_result) {
    worker_threads threads;
    std::atomic<bool> ran{false};
    const auto ended = here.run(threads.run(
        [&ran]() -> result<void> {
            ran = true;
            return {};
        },
        in_time()));
    EXPECT_TRUE(ended.has_value());
    EXPECT_TRUE(ran);
}

TEST_F(worker_threads_test, start_no_more_threads_than_are_needed_or_allowed) {
    worker_threads threads(with(2));
    EXPECT_EQ(threads.thread_count(), 0U);
    const gate held;
    const auto work = [held]() -> result<int> {
        held.pass();
        return 1;
    };
    std::vector<test::running<result<int>>> all;
    for (int i = 0; i < 5; ++i) all.push_back(here.start(threads.run(work, in_time())));
    here.turn();
    held.wait_until_one_is_in();
    held.wait_until_one_is_in();
    EXPECT_EQ(threads.thread_count(), 2U);
    held.open(5);
    here.run_until([&] { return std::all_of(all.begin(), all.end(), [](const auto& one) { return one.done(); }); });
    EXPECT_EQ(threads.thread_count(), 2U);
}

TEST_F(worker_threads_test, begin_functions_in_the_order_in_which_they_came) {
    worker_threads threads(with(1));
    const auto order = std::make_shared<std::vector<int>>();
    std::vector<test::running<result<int>>> all;
    for (int i = 0; i < 4; ++i) {
        const auto note = [order, i]() -> result<int> {
            order->push_back(i);
            return i;
        };
        all.push_back(here.start(threads.run(note, in_time())));
    }
    here.run_until([&] { return all.back().done(); });
    EXPECT_THAT(*order, ElementsAre(0, 1, 2, 3));
}

TEST_F(worker_threads_test, give_up_waiting_at_the_deadline_and_drop_the_late_result) {
    worker_threads threads;
    const gate held;
    const auto late = here.run(threads.run(
        [held]() -> result<int> {
            held.pass();
            return 1;
        },
        clock::now() + 1ms));
    EXPECT_TRUE(late.error() == errc::timeout);
    held.open();
}

TEST_F(worker_threads_test, let_a_running_function_end_by_itself_when_nobody_waits_any_more) {
    std::binary_semaphore gone(0);
    worker_threads threads(with(1));
    const gate held;
    auto waiting = here.start(threads.run(
        [held, last = witness(gone)]() -> result<int> {
            held.pass();
            return 1;
        },
        in_time()));
    here.turn();
    held.wait_until_one_is_in();
    waiting.cancel();
    here.run_until([&] { return waiting.done(); });
    EXPECT_TRUE(waiting.cancelled());
    EXPECT_FALSE(gone.try_acquire());
    held.open();
    gone.acquire();
    here.settle();
}

TEST_F(worker_threads_test, never_begin_a_queued_function_that_nobody_waits_for_any_more) {
    std::binary_semaphore gone(0);
    worker_threads threads(with(1));
    const gate held;
    const auto first = here.start(threads.run(
        [held]() -> result<int> {
            held.pass();
            return 1;
        },
        in_time()));
    here.turn();
    held.wait_until_one_is_in();
    std::atomic<bool> ran{false};
    const auto second = here.start(threads.run(
        [&ran, last = witness(gone)]() -> result<int> {
            ran = true;
            return 2;
        },
        in_time()));
    here.turn();
    second.cancel();
    here.run_until([&] { return second.done(); });
    EXPECT_TRUE(gone.try_acquire());
    held.open();
    here.run_until([&] { return first.done(); });
    EXPECT_FALSE(ran);
}

TEST_F(worker_threads_test, destroy_a_function_before_its_result_arrives) {
    std::binary_semaphore gone(0);
    worker_threads threads;
    const auto ended = here.run(threads.run([last = witness(gone)]() -> result<int> { return 1; }, in_time()));
    EXPECT_TRUE(ended.has_value());
    EXPECT_TRUE(gone.try_acquire());
}

TEST_F(worker_threads_test, refuse_more_functions_than_the_queue_holds) {
    worker_threads threads(with(1, 1));
    const gate held;
    const auto work = [held]() -> result<int> {
        held.pass();
        return 1;
    };
    const auto running = here.start(threads.run(work, in_time()));
    here.turn();
    held.wait_until_one_is_in();
    const auto queued = here.start(threads.run(work, in_time()));
    here.turn();
    const auto refused = here.run(threads.run(work, in_time()));
    EXPECT_TRUE(refused.error() == errc::queue_full);
    EXPECT_THAT(refused.error().remedy(), HasSubstr("max_queued"));
    held.open(2);
    here.run_until([&] { return running.done() && queued.done(); });
}

TEST_F(worker_threads_test, cancel_what_waits_and_leave_what_hangs_to_itself_when_closed) {
    std::binary_semaphore gone(0);
    auto settings = with(1);
    settings.shutdown_grace = 1ms;
    auto threads = std::make_unique<worker_threads>(settings);
    const gate held;
    const auto hanging = here.start(threads->run(
        [held, last = witness(gone)]() -> result<int> {
            held.pass();
            return 1;
        },
        in_time()));
    here.turn();
    held.wait_until_one_is_in();
    const auto queued = here.start(threads->run([]() -> result<int> { return 2; }, in_time()));
    here.turn();
    threads.reset();
    here.run_until([&] { return hanging.done() && queued.done(); });
    EXPECT_TRUE(hanging.take().error() == errc::cancelled);
    EXPECT_TRUE(queued.take().error() == errc::cancelled);
    held.open();
    gone.acquire();
}

TEST_F(worker_threads_test, wait_at_their_end_for_a_function_that_ends_soon) {
    auto threads = std::make_unique<worker_threads>(with(1));
    const gate held;
    const auto running = here.start(threads->run(
        [held]() -> result<int> {
            held.pass();
            return 1;
        },
        in_time()));
    here.turn();
    held.wait_until_one_is_in();
    held.open();
    threads.reset();
    here.run_until([&] { return running.done(); });
    EXPECT_EQ(running.take().value(), 1);
}

TEST_F(worker_threads_test, refuse_everything_once_closed) {
    worker_threads threads;
    threads.close();
    threads.close();
    const auto refused = here.run(threads.run([]() -> result<int> { return 1; }, in_time()));
    EXPECT_TRUE(refused.error() == errc::cancelled);
}

TEST_F(worker_threads_test, block_all_signals_and_have_a_name) {
    worker_threads_settings settings;
    settings.name = "lido-test";
    worker_threads threads(settings);
    const auto looked = here.run(threads.run(
        []() -> result<std::string> {
            sigset_t blocked;
            pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
            std::array<char, 32> name{};
            pthread_getname_np(pthread_self(), name.data(), name.size());
            return std::string(name.data()) + (sigismember(&blocked, SIGTERM) == 1 ? " blocks" : " does not block");
        },
        in_time()));
    EXPECT_EQ(looked.value(), "lido-test blocks");
}

TEST_F(worker_threads_test, serve_many_loops_of_which_some_give_up_at_any_moment) {
    worker_threads threads(with(3));
    std::atomic<int> begun{0};
    int given = 0;
    for (int round = 0; round < 2000; ++round) {
        const auto one = here.start(threads.run(
            [&begun, round]() -> result<int> {
                ++begun;
                return round;
            },
            in_time()));
        if (round % 3 == 0) {
            here.turn();
            one.cancel();
        }
        here.run_until([&] { return one.done(); });
        if (one.cancelled()) continue;
        ++given;
        EXPECT_EQ(one.take().value(), round);
    }
    EXPECT_GE(begun, given);
    EXPECT_GE(given, 1333);
}

TEST_F(worker_threads_test, refuse_settings_out_of_range_by_name) {
    const auto refusal = [](const worker_threads_settings& wrong) {
        try {
            const worker_threads threads(wrong);
        } catch (const exception& refused) {
            return refused.error().what();
        }
        return std::string("accepted");
    };
    EXPECT_THAT(refusal(with(0)), HasSubstr("threads = 0"));
    EXPECT_THAT(refusal(with(257)), HasSubstr("threads = 257"));
    EXPECT_THAT(refusal(with(1, 0)), HasSubstr("max_queued = 0"));
    auto unnamed = with(1);
    unnamed.name.clear();
    EXPECT_THAT(refusal(unnamed), HasSubstr("name"));
    auto patient = with(1);
    patient.shutdown_grace = 2h;
    EXPECT_THAT(refusal(patient), HasSubstr("shutdown_grace"));
}

}  // namespace
}  // namespace lido

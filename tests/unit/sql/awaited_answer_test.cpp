#include "sql/awaited_answer.hpp"

#include "support/virtual_scheduler.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace lido::sql {
namespace {

using namespace std::chrono_literals;
using test::virtual_scheduler;

struct answer_of_nothing : awaited_answer {};

task<bool> wait_for(awaited_answer& what, duration patience) {
    scheduler& here = *scheduler::current();
    const bool in_time = co_await answer_wait(here, what, here.now() + patience);
    co_return in_time;
}

TEST(sql_awaited_answer, that_has_come_is_not_waited_for) {
    virtual_scheduler here;
    answer_of_nothing what;
    what.done = true;
    const auto waiting = here.start(wait_for(what, 0s));
    here.run_until_idle();
    ASSERT_TRUE(waiting.done());
    EXPECT_TRUE(waiting.take());
}

TEST(sql_awaited_answer, is_heard_of_when_it_is_done_or_a_batch_is_full) {
    for (const bool is_done : {false, true}) {
        virtual_scheduler here;
        answer_of_nothing what;
        const auto waiting = here.start(wait_for(what, 1s));
        here.run_until_idle();
        here.enter([&] { what.wake(); });
        EXPECT_FALSE(waiting.done()) << "it has not come";
        (is_done ? what.done : what.batch_is_full) = true;
        EXPECT_FALSE(waiting.done()) << "nobody was told";
        here.enter([&] { what.wake(); });
        here.run_until_idle();
        ASSERT_TRUE(waiting.done());
        EXPECT_TRUE(waiting.take());
    }
}

TEST(sql_awaited_answer, is_waited_for_until_the_deadline) {
    virtual_scheduler here;
    answer_of_nothing what;
    const auto waiting = here.start(wait_for(what, 1s));
    here.advance(999ms);
    EXPECT_FALSE(waiting.done());
    here.advance(1ms);
    ASSERT_TRUE(waiting.done());
    EXPECT_FALSE(waiting.take());
    what.done = true;
    here.enter([&] { what.wake(); });  // nobody waits any more
    here.run_until_idle();
}

TEST(sql_awaited_answer, that_came_at_the_deadline_before_its_waiter_was_told_has_come) {
    virtual_scheduler here;
    answer_of_nothing what;
    const auto waiting = here.start(wait_for(what, 1s));
    here.run_until_idle();
    what.done = true;
    here.advance(1s);
    ASSERT_TRUE(waiting.done());
    EXPECT_TRUE(waiting.take());
}

TEST(sql_awaited_answer, may_outlive_who_waits_for_it) {
    virtual_scheduler here;
    answer_of_nothing what;
    const auto waiting = here.start(wait_for(what, 1s));
    here.run_until_idle();
    waiting.cancel();
    here.run_until_idle();
    what.done = true;
    here.enter([&] { what.wake(); });
    here.advance(2s);
    EXPECT_TRUE(waiting.cancelled());
}

}  // namespace
}  // namespace lido::sql

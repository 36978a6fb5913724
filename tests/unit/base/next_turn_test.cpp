#include "lido/base/next_turn.hpp"

#include "lido/base/task.hpp"
#include "support/virtual_scheduler.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace lido::test {
namespace {

using testing::ElementsAre;

task<void> say_twice(std::vector<std::string>& heard, std::string name) {
    heard.push_back(name + " first");
    next_turn others;
    co_await others;
    heard.push_back(name + " then");
}

TEST(next_turn, lets_others_run_in_between) {
    virtual_scheduler here;
    std::vector<std::string> heard;
    const auto one = here.start(say_twice(heard, "one"));
    const auto two = here.start(say_twice(heard, "two"));
    here.run_until_idle();
    EXPECT_TRUE(one.done());
    EXPECT_TRUE(two.done());
    EXPECT_THAT(heard, ElementsAre("one first", "two first", "one then", "two then"));
}

TEST(next_turn, is_taken_back_when_who_waits_is_destroyed) {
    virtual_scheduler here;
    std::vector<std::string> heard;
    const auto one = here.start(say_twice(heard, "one"));
    one.cancel();
    here.run_until_idle();
    EXPECT_TRUE(one.cancelled());
    EXPECT_THAT(heard, ElementsAre("one first"));
}

}  // namespace
}  // namespace lido::test

#include "lido/base/recurring_work.hpp"

#include "support/virtual_scheduler.hpp"

#include <gtest/gtest.h>

namespace lido {
namespace {

using test::virtual_scheduler;

struct counting_owner {
    explicit counting_owner(scheduler& on)
        : work(recurring_work::make(
              on, [](void* self) noexcept { static_cast<counting_owner*>(self)->run(); }, this)) {}
    void run() noexcept {
        ++runs;
        if (again-- > 0) work->post();
        if (ends) work.reset();
    }

    int runs = 0;
    int again = 0;
    bool ends = false;
    recurring_work::pointer work;
};

TEST(recurring_work, is_done_once_however_often_it_is_posted_before) {
    virtual_scheduler here;
    counting_owner owner(here);
    owner.work->post();
    owner.work->post();
    EXPECT_EQ(owner.runs, 0);
    here.run_until_idle();
    EXPECT_EQ(owner.runs, 1);
    owner.work->post();
    here.run_until_idle();
    EXPECT_EQ(owner.runs, 2);
}

TEST(recurring_work, may_be_posted_while_it_is_done) {
    virtual_scheduler here;
    counting_owner owner(here);
    owner.again = 2;
    owner.work->post();
    here.run_until_idle();
    EXPECT_EQ(owner.runs, 3);
}

TEST(recurring_work, that_is_posted_when_its_owner_ends_does_nothing) {
    virtual_scheduler here;
    int runs = 0;
    auto work = recurring_work::make(
        here, [](void* count) noexcept { ++*static_cast<int*>(count); }, &runs);
    work->post();
    work.reset();
    here.run_until_idle();
    EXPECT_EQ(runs, 0);
}

TEST(recurring_work, may_end_while_it_is_done_and_is_posted_again) {
    for (const int again : {0, 1}) {
        virtual_scheduler here;
        counting_owner owner(here);
        owner.again = again;
        owner.ends = true;
        owner.work->post();
        here.run_until_idle();
        here.run_until_idle();
        EXPECT_EQ(owner.runs, 1);
    }
}

}  // namespace
}  // namespace lido

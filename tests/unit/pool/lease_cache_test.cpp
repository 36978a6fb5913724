#include "pool/lease_cache.hpp"

#include <gtest/gtest.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace {

using lido::pool::lease_cache;

struct item {
    int number = 0;
};

TEST(lease_cache, gives_back_what_was_parked_last) {
    lease_cache<item> cache(2);
    std::array<item, 3> items{};
    EXPECT_FALSE(cache.is_open());
    EXPECT_FALSE(cache.park(0, &items[0], cache.epoch()));
    cache.open();
    for (item& each : items) EXPECT_TRUE(cache.park(0, &each, cache.epoch()));
    EXPECT_EQ(cache.take(1), nullptr);
    EXPECT_EQ(cache.take(0), &items[2]);
    EXPECT_EQ(cache.take(0), &items[1]);
    EXPECT_EQ(cache.take(0), &items[0]);
    EXPECT_EQ(cache.take(0), nullptr);
    EXPECT_EQ(cache.count().taken, 3U);
    EXPECT_EQ(cache.count().parked, 3U);
}

TEST(lease_cache, takes_no_more_than_a_shard_holds) {
    lease_cache<item> cache(1);
    cache.open();
    item one;
    for (std::uint32_t i = 0; i < lease_cache<item>::depth; ++i) EXPECT_TRUE(cache.park(0, &one, cache.epoch()));
    EXPECT_FALSE(cache.park(0, &one, cache.epoch()));
    EXPECT_EQ(cache.count().resting, lease_cache<item>::depth);
}

TEST(lease_cache, is_empty_when_nothing_rests_on_any_shard) {
    lease_cache<item> cache(3);
    cache.open();
    EXPECT_TRUE(cache.is_empty(1));
    item one;
    EXPECT_TRUE(cache.park(0, &one, cache.epoch()));
    for (std::size_t first = 0; first < 3; ++first) EXPECT_FALSE(cache.is_empty(first));
    EXPECT_EQ(cache.take(0), &one);
    EXPECT_TRUE(cache.is_empty(0));
}

TEST(lease_cache, when_closed_sends_everything_home_and_takes_nothing) {
    lease_cache<item> cache(3);
    cache.open();
    std::array<item, 3> items{};
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(cache.park(i, &items[i], cache.epoch()));
    std::vector<item*> home;
    cache.close([&](item& each) { home.push_back(&each); });
    EXPECT_EQ(home, (std::vector<item*>{&items[0], &items[1], &items[2]}));
    EXPECT_FALSE(cache.park(0, &items[0], cache.epoch()));
    cache.open();
    EXPECT_TRUE(cache.park(0, &items[0], cache.epoch()));
}

TEST(lease_cache, that_was_fenced_takes_no_lease_of_before) {
    lease_cache<item> cache(1);
    cache.open();
    const std::uint32_t before = cache.epoch();
    cache.fence([](item&) {});
    cache.open();
    item one;
    EXPECT_FALSE(cache.park(0, &one, before));
    EXPECT_TRUE(cache.park(0, &one, cache.epoch()));
}

TEST(lease_cache, that_was_fenced_more_often_than_it_can_count_never_takes_the_epoch_of_a_closed_door) {
    lease_cache<item> cache(1, 0xFFFF'FFFE);
    for (const std::uint32_t expected : {0xFFFF'FFFFU, 1U, 2U}) {
        const std::uint32_t before = cache.epoch();
        cache.fence([](item&) {});
        EXPECT_EQ(cache.epoch(), expected);
        EXPECT_FALSE(cache.is_open());
        cache.open();
        EXPECT_TRUE(cache.is_open());
        item one;
        EXPECT_FALSE(cache.park(0, &one, before));
    }
}

// ---------------------------------------------------------------------------------------------- every interleaving
//
// Two threads of a model run the real code. Each atomic operation is a step, before which the other may go on. All
// sequences of such choices are tried, one after the other: a run follows a prefix of choices and takes the first
// alternative from there on, and the next run changes the last choice that has an alternative left.

/// The two threads and the choices.
class interleaving {
public:
    /// Called by the code under test before each atomic operation.
    static void step() {
        if (running_ != nullptr) running_->choose();
    }
    /// The running thread can do nothing until the other has gone on.
    static void pause() {
        if (running_ != nullptr) running_->wait_for_the_other();
    }

    /// Runs both functions with each possible interleaving; `prepare` before and `check` after each. Returns how many
    /// interleavings there were.
    static std::size_t all(const std::function<void()>& prepare, const std::function<void()>& first,
                           const std::function<void()>& second, const std::function<void()>& check) {
        std::vector<bool> choices;
        std::size_t runs = 0;
        do {
            interleaving one(choices);
            prepare();
            one.run({first, second});
            check();
            choices = one.taken_;
            ++runs;
            while (!choices.empty() && choices.back()) choices.pop_back();
            if (!choices.empty()) choices.back() = true;
        } while (!choices.empty() && !testing::Test::HasFailure());
        return runs;
    }

private:
    explicit interleaving(std::vector<bool> prefix) : prefix_(std::move(prefix)) {}

    void run(const std::array<std::function<void()>, 2>& bodies) {
        running_ = this;
        bodies_ = bodies;
        make_thread(0);
        make_thread(1);
        current_ = next_choice() ? 1 : 0;
        swapcontext(&main_, &threads_[current_]);
        running_ = nullptr;
    }

    void make_thread(std::size_t which) {
        stacks_[which] = std::make_unique<std::array<char, 65536>>();
        ucontext_t& context = threads_[which];
        getcontext(&context);
        context.uc_stack.ss_sp = stacks_[which]->data();
        context.uc_stack.ss_size = stacks_[which]->size();
        context.uc_link = nullptr;
        makecontext(&context, &interleaving::enter, 0);
    }

    static void enter() {
        interleaving& self = *running_;
        self.bodies_[self.current_]();
        self.ended_[self.current_] = true;
        const std::size_t mine = self.current_;
        if (self.ended_[1 - mine]) {
            swapcontext(&self.threads_[mine], &self.main_);
        } else {
            self.current_ = 1 - mine;
            swapcontext(&self.threads_[mine], &self.threads_[1 - mine]);
        }
    }

    /// True: the other one goes on.
    [[nodiscard]] bool next_choice() {
        const bool choice = taken_.size() < prefix_.size() && prefix_[taken_.size()];
        taken_.push_back(choice);
        return choice;
    }

    void choose() {
        if (!ended_[1 - current_] && next_choice()) switch_over();
    }
    void wait_for_the_other() {
        EXPECT_FALSE(ended_[1 - current_]) << "waits for ever";
        switch_over();
    }
    void switch_over() {
        const std::size_t mine = current_;
        current_ = 1 - mine;
        swapcontext(&threads_[mine], &threads_[current_]);
    }

    static inline interleaving* running_ = nullptr;
    std::vector<bool> prefix_;
    std::vector<bool> taken_;
    std::array<std::function<void()>, 2> bodies_;
    std::array<std::unique_ptr<std::array<char, 65536>>, 2> stacks_;
    std::array<ucontext_t, 2> threads_{};
    ucontext_t main_{};
    std::array<bool, 2> ended_{};
    std::size_t current_ = 0;
};

struct model_atomics {
    template <class T>
    class atomic {
    public:
        explicit atomic(T value) : value_(value) {}
        [[nodiscard]] T load(std::memory_order) const {
            interleaving::step();
            return value_;
        }
        void store(T value, std::memory_order) {
            interleaving::step();
            value_ = value;
        }
        T exchange(T value, std::memory_order) {
            interleaving::step();
            return std::exchange(value_, value);
        }

    private:
        T value_;
    };
    static void pause() { interleaving::pause(); }
};

/// A cache with a ledger in place of which two lists stand: what came home, and what is out.
class lease_cache_model : public testing::Test {
protected:
    using cache_type = lease_cache<item, model_atomics>;

    void SetUp() override {
#if defined(__SANITIZE_THREAD__)
        GTEST_SKIP() << "ThreadSanitizer does not know the threads of the model";
#endif
    }

    /// A new cache with `resting` leases on shard 0; the others are in the hands of the two threads.
    void prepare(std::size_t resting) {
        cache_ = std::make_unique<cache_type>(1);
        items_ = {};
        home_.clear();
        held_.clear();
        cache_->open();
        for (std::size_t i = 0; i < items_.size(); ++i) {
            if (i < resting) {
                ASSERT_TRUE(cache_->park(0, &items_[i], cache_->epoch()));
            } else {
                held_.push_back(&items_[i]);
            }
        }
        epoch_ = cache_->epoch();
    }

    /// Returns a lease as the core does: parked, or home.
    void give_back(item* which) {
        std::erase(held_, which);
        if (!cache_->park(0, which, epoch_)) home_.push_back(which);
    }
    item* borrow() {
        item* const taken = cache_->take(0);
        if (taken != nullptr) {
            EXPECT_EQ(std::count(held_.begin(), held_.end(), taken), 0) << "lent twice";
            held_.push_back(taken);
        }
        return taken;
    }

    /// Each lease is in one place: held, home, or resting.
    void check(std::size_t resting_at_most) {
        const auto seen = cache_->count();
        EXPECT_LE(seen.resting, resting_at_most);
        std::vector<item*> all = home_;
        all.insert(all.end(), held_.begin(), held_.end());
        while (item* each = cache_->take(0)) all.push_back(each);
        std::sort(all.begin(), all.end());
        std::vector<item*> expected;
        for (item& each : items_) expected.push_back(&each);
        EXPECT_EQ(all, expected);
        EXPECT_EQ(seen.parked, seen.taken + seen.resting + drained_);
    }

    std::array<item, 3> items_{};
    std::unique_ptr<cache_type> cache_;
    std::vector<item*> home_;
    std::vector<item*> held_;
    std::size_t drained_ = 0;
    std::uint32_t epoch_ = 0;
};

TEST_F(lease_cache_model, two_that_return_lose_nothing) {
    const std::size_t runs = interleaving::all([&] { prepare(0); }, [&] { give_back(&items_[0]); },
                                               [&] { give_back(&items_[1]); }, [&] { check(2); });
    EXPECT_GT(runs, 10U);
}

TEST_F(lease_cache_model, two_that_borrow_never_get_the_same) {
    const std::size_t runs =
        interleaving::all([&] { prepare(2); }, [&] { borrow(); }, [&] { borrow(); }, [&] { check(2); });
    EXPECT_GT(runs, 10U);
}

TEST_F(lease_cache_model, borrowing_and_returning_do_not_disturb_each_other) {
    const std::size_t runs = interleaving::all([&] { prepare(1); },
                                               [&] {
                                                   item* const mine = borrow();
                                                   if (mine != nullptr) give_back(mine);
                                               },
                                               [&] {
                                                   give_back(&items_[1]);
                                                   borrow();
                                               },
                                               [&] { check(3); });
    EXPECT_GT(runs, 1000U);
}

TEST_F(lease_cache_model, nothing_rests_after_it_was_closed) {
    for (const std::size_t resting : {0U, 1U}) {
        const std::size_t runs = interleaving::all(
            [&] {
                prepare(resting);
                drained_ = 0;
            },
            [&] { give_back(&items_[2]); },
            [&] {
                cache_->close([this](item& each) {
                    ++drained_;
                    home_.push_back(&each);
                });
            },
            [&] { check(0); });
        EXPECT_GT(runs, 10U);
        drained_ = 0;
    }
}

TEST_F(lease_cache_model, what_is_borrowed_while_it_closes_comes_home_afterwards) {
    const std::size_t runs = interleaving::all(
        [&] {
            prepare(2);
            drained_ = 0;
        },
        [&] {
            item* const mine = borrow();
            if (mine != nullptr) give_back(mine);
        },
        [&] {
            cache_->close([this](item& each) {
                ++drained_;
                home_.push_back(&each);
            });
        },
        [&] { check(0); });
    EXPECT_GT(runs, 100U);
    drained_ = 0;
}

TEST_F(lease_cache_model, a_lease_of_before_a_fence_never_rests_again_though_it_was_opened) {
    const std::size_t runs = interleaving::all(
        [&] {
            prepare(1);
            drained_ = 0;
        },
        [&] { give_back(&items_[2]); },
        [&] {
            cache_->fence([this](item& each) {
                ++drained_;
                home_.push_back(&each);
            });
            cache_->open();
        },
        [&] { check(0); });
    EXPECT_GT(runs, 10U);
    drained_ = 0;
}

TEST_F(lease_cache_model, counting_does_not_disturb) {
    const std::size_t runs = interleaving::all([&] { prepare(1); },
                                               [&] {
                                                   item* const mine = borrow();
                                                   if (mine != nullptr) give_back(mine);
                                               },
                                               [&] { EXPECT_LE(cache_->count().resting, 1U); }, [&] { check(1); });
    EXPECT_GT(runs, 10U);
}

}  // namespace

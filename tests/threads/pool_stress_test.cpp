// Many threads on one pool, with everything that can happen in between. What the borrowers saw is checked afterwards.
// LIDO_STRESS_ACQUIRES sets the number of acquires that are served in each test; 10,000,000 is the long form.
#include "history.hpp"
#include "lido/base/random.hpp"
#include "lido/net/runtime.hpp"
#include "lido/pool/pool.hpp"
#include "lido/pool/size_budget.hpp"
#include "support/becomes_true.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::random_source;
using lido::result;
using lido::pool::settings;
using lido::pool::verdict;
using lido::test::held;

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t usual_acquires = 20'000;
#elif defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t usual_acquires = 50'000;
#else
constexpr std::uint64_t usual_acquires = 250'000;
#endif

std::uint64_t acquires_to_do() {
    const char* const wanted = std::getenv("LIDO_STRESS_ACQUIRES");  // NOLINT(concurrency-mt-unsafe)
    return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : usual_acquires;
}

/// Counts the connections that exist, and each one's borrowers, as they happen.
struct stress_world {
    std::atomic<std::uint64_t> opened{0};
    std::atomic<int> live{0};
    std::atomic<int> peak_live{0};
    std::atomic<int> shared_by_two{0};
    std::uint32_t one_open_fails_in = 50;
};

class stress_connector {
public:
    struct connection {
        explicit connection(stress_world& owner) : world(owner), number(++owner.opened) {
            const int now = ++world.live;
            int peak = world.peak_live.load();
            while (peak < now && !world.peak_live.compare_exchange_weak(peak, now)) {
            }
        }
        connection(const connection&) = delete;
        connection& operator=(const connection&) = delete;
        ~connection() { --world.live; }
        stress_world& world;
        std::uint64_t number;
        int borrowers = 0;  // not atomic on purpose: a lease must be exclusive, and hand over what was written
        verdict state = verdict::clean;
    };

    explicit stress_connector(stress_world& world) noexcept : world_(&world) {}

    lido::task<result<std::unique_ptr<connection>>> open(const lido::pool::open_request&) {
        const std::uint64_t attempt = ++attempts_->value;
        if (attempt % world_->one_open_fails_in == 0) co_return lido::error(errc::connect_failed, "one in some");
        co_return std::make_unique<connection>(*world_);
    }
    lido::task<result<void>> check(connection& which, lido::time_point) {
        const result<void> works;
        which.borrowers = 0;
        co_return works;
    }
    lido::task<result<void>> reset(connection& which, lido::time_point) {
        const result<void> done;
        which.state = verdict::clean;
        co_return done;
    }
    lido::task<void> close(connection& which, lido::time_point) {
        which.borrowers = 0;
        co_return;
    }
    std::uint32_t capacity(const connection&) const { return 1; }
    verdict usable(const connection& which) const { return which.state; }

private:
    struct counter {
        std::atomic<std::uint64_t> value{0};
    };
    stress_world* world_;
    std::shared_ptr<counter> attempts_ = std::make_shared<counter>();
};

using stress_pool = lido::pool::pool<stress_connector>;

/// What all borrowers of one run share.
struct run {
    explicit run(std::uint64_t acquires) : left(static_cast<std::int64_t>(acquires)) {}

    [[nodiscard]] bool next() {
        std::int64_t seen = left.load(std::memory_order_relaxed);
        while (seen > 0 && !left.compare_exchange_weak(seen, seen - 1, std::memory_order_relaxed)) {
        }
        return seen > 0;
    }
    /// A refusal counts only when nothing will be served any more. While a connect fails, a busy machine refuses more
    /// in a millisecond than it serves: what was refused is tried again, or this would test little but refusals.
    void refused_once(bool for_good) {
        if (for_good) {
            ++refused_for_good;
        } else {
            left.fetch_add(1, std::memory_order_relaxed);
        }
    }
    void keep(std::vector<held>&& part) {
        const std::lock_guard guard(lock);
        history.insert(history.end(), part.begin(), part.end());
    }

    std::atomic<std::int64_t> left;
    std::atomic<std::uint64_t> served{0};
    std::atomic<std::uint64_t> refused_for_good{0};
    std::atomic<bool> broken_promise{false};
    std::mutex lock;
    std::vector<held> history;
};

/// Uses a lease for a moment, notes when, and returns it in some state.
void use(stress_pool::lease lease, random_source& random, std::vector<held>& mine, run& all) {
    held noted{lease->number, lido::clock::now(), {}};
    if (++lease->borrowers != 1) all.broken_promise = true;
    const std::uint64_t dice = random.below(1000);
    if (dice < 100) std::this_thread::yield();
    if (dice >= 980) lease->state = dice < 990 ? verdict::needs_reset : verdict::broken;
    --lease->borrowers;
    noted.end = lido::clock::now();
    mine.push_back(noted);
    ++all.served;
    if (dice == 500) lease.discard();
}

void note_refusal(const lido::error& why, run& all) {
    const bool expected = why == errc::acquire_timeout || why == errc::pool_paused || why == errc::connect_failed ||
                          why == errc::queue_full || why == errc::pool_closed || why == errc::cancelled ||
                          why == errc::pool_exhausted;
    if (!expected) all.broken_promise = true;
    all.refused_once(why == errc::pool_closed);
}

lido::duration some_timeout(random_source& random) {
    return random.below(10) == 0 ? lido::duration(random.up_to(2ms)) + 1us : 30s;
}

void borrow_on_a_thread(stress_pool& pool, std::uint64_t seed, run& all) {
    random_source random(seed);
    std::vector<held> mine;
    while (all.next()) {
        auto outcome =
            random.below(8) == 0 ? pool.try_acquire() : pool.acquire({.timeout = some_timeout(random)}).wait();
        if (outcome) {
            use(std::move(*outcome), random, mine, all);
        } else {
            note_refusal(outcome.error(), all);
        }
    }
    all.keep(std::move(mine));
}

lido::task<> borrow_in_a_coroutine(stress_pool& pool, std::uint64_t seed, run& all) {
    random_source random(seed);
    std::vector<held> mine;
    while (all.next()) {
        const lido::duration timeout = some_timeout(random);
        auto outcome = co_await pool.acquire({.timeout = timeout});
        if (outcome) {
            use(std::move(*outcome), random, mine, all);
        } else {
            note_refusal(outcome.error(), all);
        }
    }
    all.keep(std::move(mine));
}

/// Starts acquires with a function and takes some of them back at once or a little later.
void borrow_and_cancel(stress_pool& pool, std::uint64_t seed, run& all) {
    random_source random(seed);
    std::atomic<std::uint64_t> answered{0};
    std::uint64_t started = 0;
    std::mutex lock;
    std::vector<held> mine;
    random_source users(seed + 1);
    const auto wait_until_fewer_run_than = [&](std::uint64_t most) {
        for (std::uint64_t seen = answered; seen + most <= started; seen = answered) answered.wait(seen);
    };
    const auto borrow = [&] {
        std::stop_source stop;
        pool.acquire({.timeout = some_timeout(random)})
            .start(
                [&](result<stress_pool::lease> outcome) {
                    if (outcome) {
                        const std::lock_guard guard(lock);
                        use(std::move(*outcome), users, mine, all);
                    } else {
                        note_refusal(outcome.error(), all);
                    }
                    ++answered;
                    answered.notify_one();
                },
                stop.get_token());
        ++started;
        const std::uint64_t dice = random.below(4);
        if (dice == 1) std::this_thread::yield();
        if (dice < 2) stop.request_stop();
        wait_until_fewer_run_than(17);
    };
    do {
        while (all.next()) borrow();
        wait_until_fewer_run_than(1);
    } while (all.left > 0);  // the last ones may have been refused
    all.keep(std::move(mine));
}

/// Turns every knob while the others work.
void operate(stress_pool& pool, std::uint64_t seed, std::size_t most, run& all) {
    random_source random(seed);
    while (all.left > 0) {
        switch (random.below(6)) {
            case 0: {
                const std::size_t max = 1 + random.below(most);
                static_cast<void>(pool.resize(random.below(max + 1), max).has_value());
                break;
            }
            case 1:
                pool.pause();
                std::this_thread::yield();
                pool.resume();
                break;
            case 2:
                pool.retire_all();
                break;
            case 3:
                static_cast<void>(pool.warm_up(random.below(most)).wait().has_value());
                break;
            default:
                static_cast<void>(pool.statistics());
                break;
        }
        for (std::uint64_t i = random.below(200); i > 0; --i) std::this_thread::yield();
    }
    static_cast<void>(pool.resize(0, most).has_value());
}

struct stress_case {
    unsigned threads = 0;
    unsigned coroutines = 0;
    unsigned cancellers = 0;
    std::size_t most = 8;
    bool operated = true;
    bool closed_in_the_middle = false;
    bool adaptive = false;  ///< the size follows the load, within a budget that another pool shares
};

/// A size that changes as often as it may.
void let_it_choose(settings& of, std::shared_ptr<lido::pool::size_budget> budget) {
    auto rules = lido::pool::adaptive_sizing::by_load();
    rules.interval = 10ms;
    rules.grow_above_wait = 0ms;
    rules.shrink_below_utilisation = 1.0;
    rules.shrink_after = 1;
    of.sizing = rules;
    of.budget = std::move(budget);
}

/// Rounds of at most a million acquires, so that the history fits into memory.
void stress(const stress_case& what) {
    const std::uint64_t total = acquires_to_do();
    constexpr std::uint64_t a_round = 1'000'000;
    lido::runtime io({.threads = 2});
    std::uint64_t seed = 1;
    std::vector<std::thread> threads_of_the_other;
    for (std::uint64_t done = 0; done < total; done += a_round) {
        run all(std::min(a_round, total - done));
        stress_world world;
        {
            settings wanted{.max_size = what.most, .max_waiters = 64, .check_after_idle = 1ms};
            wanted.back_off.initial = 1ms;
            wanted.back_off.maximum = 1ms;
            const auto budget = std::make_shared<lido::pool::size_budget>(what.most + 1);
            if (what.adaptive) let_it_choose(wanted, budget);
            stress_pool pool(io, wanted, stress_connector(world));
            stress_world elsewhere;
            std::optional<stress_pool> other;
            if (what.adaptive) {
                other.emplace(io, wanted, stress_connector(elsewhere));
                threads_of_the_other.emplace_back([&] {
                    while (all.left > 0) {
                        auto outcome = other->acquire().wait();
                        if (outcome) std::this_thread::yield();
                    }
                });
            }
            std::vector<std::thread> threads;
            for (unsigned i = 0; i < what.threads; ++i) {
                threads.emplace_back([&, mine = ++seed] { borrow_on_a_thread(pool, mine, all); });
            }
            for (unsigned i = 0; i < what.cancellers; ++i) {
                threads.emplace_back([&, mine = ++seed] { borrow_and_cancel(pool, mine, all); });
            }
            for (unsigned i = 0; i < what.coroutines; ++i) {
                threads.emplace_back(
                    [&, i, mine = ++seed] { lido::block_on(io.at(i % 2), borrow_in_a_coroutine(pool, mine, all)); });
            }
            if (what.operated) threads.emplace_back([&, mine = ++seed] { operate(pool, mine, what.most, all); });
            if (what.closed_in_the_middle) {
                const auto half = static_cast<std::int64_t>(std::min(a_round, total - done) / 2);
                while (all.left > half) std::this_thread::yield();
                EXPECT_EQ(pool.close(30s).wait().value(), 0U);
                EXPECT_EQ(world.live, 0);
            }
            for (std::thread& each : threads) each.join();
            for (std::thread& each : threads_of_the_other) each.join();
            threads_of_the_other.clear();
            EXPECT_LE(budget->held(), what.most + 1);
            // What was granted to a caller who gave up meanwhile goes back when it arrives on the loop.
            EXPECT_TRUE(lido::test::becomes_true([&] { return pool.statistics().leases == 0; }));
            const auto seen = pool.statistics();
            EXPECT_EQ(seen.waiting, 0U);
            EXPECT_EQ(seen.leases, 0U);
            EXPECT_EQ(seen.acquires, seen.served + seen.refused);
            EXPECT_EQ(seen.served, seen.released);
            EXPECT_GE(seen.served, all.served);  // a grant may have found its caller gone
            EXPECT_LE(seen.peak_size, what.most);
        }
        EXPECT_EQ(world.live, 0);
        EXPECT_LE(world.peak_live, static_cast<int>(what.most));
        EXPECT_FALSE(all.broken_promise);
        EXPECT_EQ(lido::test::find_overlap(all.history, what.most), "");
        EXPECT_EQ(all.history.size(), all.served);
        EXPECT_EQ(all.served + all.refused_for_good, std::min(a_round, total - done));
        if (!what.closed_in_the_middle) {
            EXPECT_EQ(all.refused_for_good, 0U);
        }
        testing::Test::RecordProperty("served", std::to_string(all.served));
        if (testing::Test::HasFailure()) return;
    }
}

TEST(pool_stress, one_thread_alone) {
    stress({.threads = 1, .operated = false});
}
TEST(pool_stress, two_threads_and_an_operator) {
    stress({.threads = 2, .most = 2});
}
TEST(pool_stress, eight_threads_on_eight_connections) {
    stress({.threads = 8, .operated = false});
}
TEST(pool_stress, sixty_four_threads_on_eight_connections) {
    stress({.threads = 64});
}
TEST(pool_stress, coroutines_on_two_io_threads) {
    stress({.coroutines = 32});
}
TEST(pool_stress, threads_coroutines_and_cancellations_together) {
    stress({.threads = 4, .coroutines = 8, .cancellers = 2, .most = 5});
}
TEST(pool_stress, sizes_that_follow_the_load_within_a_shared_budget) {
    stress({.threads = 4, .coroutines = 4, .cancellers = 1, .most = 5, .adaptive = true});
}
TEST(pool_stress, closed_in_the_middle) {
    stress({.threads = 4, .coroutines = 4, .cancellers = 1, .operated = false, .closed_in_the_middle = true});
}

}  // namespace

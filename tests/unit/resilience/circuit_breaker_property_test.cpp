// Goal: what must hold of every breaker whatever happens: an open one lets nothing through before its time, a half-open
// one no more than its probes, and a closed one opens exactly when its rules say so. Method: random settings, calls,
// outcomes, losses and operators, beside a model written for clarity.
#include "lido/base/random.hpp"
#include "lido/resilience/circuit_breaker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

const time_point start{100h};

circuit_breaker_settings random_settings(random_source& random) {
    circuit_breaker_settings settings;
    settings.failures = static_cast<std::uint32_t>(random.below(8));
    settings.call_timeout = 1s + random.up_to(5s);
    settings.open_for = 1s + random.up_to(10s);
    settings.successes = static_cast<std::uint32_t>(1 + random.below(5));
    settings.max_probes = static_cast<std::uint32_t>(1 + random.below(5));
    settings.window_calls = static_cast<std::uint32_t>(1 + random.below(30));
    settings.minimum_calls = static_cast<std::uint32_t>(1 + random.below(30));
    settings.failure_rate = random.below(4) == 0 ? 0.0 : random.unit();
    settings.slow_rate = random.below(2) == 0 ? 0.0 : random.unit();
    settings.slow_after = 100ms + random.up_to(2s);
    return settings;
}

/// The rules of the closed state, for the window of count.
class closed_model {
public:
    explicit closed_model(const circuit_breaker_settings& settings) : settings_(settings) {}

    void clear() {
        in_a_row_ = 0;
        window_.clear();
    }

    /// Whether it must open.
    bool count(bool failed, bool slow) {
        in_a_row_ = failed ? in_a_row_ + 1 : 0;
        window_.push_back({failed, slow});
        if (window_.size() > settings_.window_calls) window_.pop_front();
        if (settings_.failures > 0 && in_a_row_ >= settings_.failures) return true;
        if (window_.size() < std::min(settings_.minimum_calls, settings_.window_calls)) return false;
        const auto share = [&](auto which) {
            const auto hits = std::count_if(window_.begin(), window_.end(), which);
            return static_cast<double>(hits) / static_cast<double>(window_.size());
        };
        const double failures = share([](const call& each) { return each.failed; });
        const double slow_ones = share([](const call& each) { return each.slow; });
        return (settings_.failure_rate > 0.0 && failures >= settings_.failure_rate) ||
               (settings_.slow_rate > 0.0 && slow_ones >= settings_.slow_rate);
    }

private:
    struct call {
        bool failed;
        bool slow;
    };
    circuit_breaker_settings settings_;
    std::uint32_t in_a_row_ = 0;
    std::deque<call> window_;
};

struct world {
    explicit world(std::uint64_t seed)
        : random(seed), settings(random_settings(random)), breaker(settings, start), model(settings) {}

    void step() {
        now += random.below(100) == 0 ? random.up_to(20s) : random.up_to(200ms);
        // Compare before the step: time alone may have opened it.
        const auto before = breaker.statistics(now);
        ASSERT_LE(before.probes, settings.max_probes);
        if (random.below(2) == 0 || under_way.empty()) {
            ask(before);
        } else {
            answer(before);
        }
        if (random.below(500) == 0) operate();
    }

    void ask(const circuit_breaker_statistics& before) {
        const auto admission = breaker.admit(now);
        const bool rested = now >= before.since + settings.open_for;
        switch (before.state) {
            case breaker_state::closed:
            case breaker_state::disabled:
                ASSERT_TRUE(admission);
                break;
            case breaker_state::open:
                ASSERT_EQ(static_cast<bool>(admission), rested) << "an open breaker lets nothing through but probes";
                ASSERT_EQ(admission.next_chance, rested ? now : before.since + settings.open_for);
                break;
            case breaker_state::half_open:
                ASSERT_EQ(static_cast<bool>(admission), before.probes < settings.max_probes);
                break;
            case breaker_state::forced_open:
                ASSERT_FALSE(admission);
                break;
        }
        if (!admission) {
            ASSERT_GT(admission.next_chance, now);
            return;
        }
        if (random.below(50) != 0) under_way.push_back(*admission.permit);  // else lost for ever
    }

    void answer(const circuit_breaker_statistics& before) {
        const std::size_t which = random.below(under_way.size());
        const breaker_permit permit = under_way[which];
        under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
        const auto outcome = random.below(20) == 0          ? call_outcome::ignored
                             : random.unit() < failure_rate ? call_outcome::failure
                                                            : call_outcome::success;
        breaker.report(permit, outcome, now);
        const auto after = breaker.statistics(now);
        if (permit.generation != before.generation) {
            ASSERT_EQ(after.state, before.state) << "a late answer changes nothing";
            ASSERT_EQ(after.late, before.late + 1);
        } else if (before.state == breaker_state::closed && outcome != call_outcome::ignored) {
            const duration took = now - permit.started;
            const bool failed = outcome == call_outcome::failure || took > settings.call_timeout;
            if (model_generation != before.generation) {
                model.clear();
                model_generation = before.generation;
            }
            const bool must_open = model.count(failed, took > settings.slow_after);
            ASSERT_EQ(after.state, must_open ? breaker_state::open : breaker_state::closed);
        }
    }

    void operate() {
        switch (random.below(5)) {
            case 0:
                breaker.open(now);
                break;
            case 1:
                breaker.force_open(now);
                break;
            case 2:
                breaker.disable(now);
                break;
            default:
                breaker.close(now);
                break;
        }
        failure_rate = random.unit();
    }

    random_source random;
    circuit_breaker_settings settings;
    circuit_breaker breaker;
    closed_model model;
    std::uint64_t model_generation = 0;
    time_point now = start;
    double failure_rate = 0.3;
    std::vector<breaker_permit> under_way;
};

TEST(circuit_breaker_property, follows_its_rules_whatever_happens) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        world each(seed);
        for (int step = 0; step < 10'000; ++step) {
            ASSERT_NO_FATAL_FAILURE(each.step()) << "seed " << seed << ", step " << step;
        }
    }
}

TEST(circuit_breaker_property, answers_the_same_however_often_it_is_looked_at) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        random_source random(seed);
        const auto settings = random_settings(random);
        circuit_breaker watched(settings, start);
        circuit_breaker alone(settings, start);
        std::vector<breaker_permit> under_way;
        time_point now = start;
        for (int step = 0; step < 10'000; ++step) {
            now += random.up_to(500ms);
            for (auto looks = random.below(3); looks > 0; --looks) static_cast<void>(watched.statistics(now));
            const auto first = watched.admit(now);
            const auto second = alone.admit(now);
            ASSERT_EQ(static_cast<bool>(first), static_cast<bool>(second)) << "seed " << seed << ", step " << step;
            ASSERT_EQ(first.next_chance, second.next_chance);
            if (first && random.below(10) != 0) under_way.push_back(*first.permit);
            if (!under_way.empty() && random.below(2) == 0) {
                const auto outcome = random.below(2) == 0 ? call_outcome::failure : call_outcome::success;
                watched.report(under_way.back(), outcome, now);
                alone.report(under_way.back(), outcome, now);
                under_way.pop_back();
            }
        }
    }
}

TEST(circuit_breaker_property, closes_again_when_the_service_is_well) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        world each(seed);
        for (int step = 0; step < 300; ++step) ASSERT_NO_FATAL_FAILURE(each.step());
        each.breaker.open(each.now);
        // Good calls from now on, none lost: within the rest and one probe after the other it must close.
        const auto& settings = each.settings;
        time_point now = each.now + settings.open_for;
        for (std::uint32_t i = 0; i < settings.successes; ++i) {
            const auto probe = each.breaker.admit(now);
            ASSERT_TRUE(probe) << "seed " << seed;
            now += 1ms;
            each.breaker.report(*probe.permit, call_outcome::success, now);
        }
        ASSERT_EQ(each.breaker.state(now), breaker_state::closed) << "seed " << seed;
    }
}

}  // namespace
}  // namespace lido::resilience

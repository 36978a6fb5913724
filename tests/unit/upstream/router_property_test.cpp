// Goal: the invariants of docs/design/upstream.md, whatever happens. Method: random policies, endpoints that come, go
// and fail, calls with several attempts, checks and time, and after each step a look at what was chosen.
#include "upstream/router.hpp"

#include <gtest/gtest.h>

#include <map>

namespace lido::upstream {
namespace {

using namespace std::chrono_literals;
using resilience::breaker_state;
using resilience::endpoint_role;

const time_point start{100h};

class world {
public:
    explicit world(std::uint64_t seed) : random_(seed) {
        settings_.balancer.strategy = static_cast<resilience::balancing>(random_.below(8));
        settings_.breaker->failures = static_cast<std::uint32_t>(1 + random_.below(5));
        settings_.breaker->max_probes = static_cast<std::uint32_t>(1 + random_.below(3));
        settings_.breaker->open_for = 1s + random_.up_to(10s);
        if (random_.below(3) == 0) settings_.ejection.reset();
        if (random_.below(3) == 0) settings_.slow_start.reset();
        if (random_.below(4) == 0) settings_.breaker.reset();
        if (random_.below(4) == 0) settings_.health.interval = health_check_settings::off;
        if (random_.below(2) == 0) settings_.hedge.emplace().minimum_calls = 1;
        settings_.panic = random_.below(3) != 0;
        settings_.repeat.max_retries = static_cast<unsigned>(random_.below(4));
        settings_.retry_budget.minimum_per_second = static_cast<double>(random_.below(3));
        settings_.retry_budget.share = random_.unit() * 0.5;
        std::vector<endpoint_settings> first;
        for (std::uint64_t i = random_.below(4); i > 0; --i) first.push_back(new_endpoint());
        router_.emplace(settings_, first, now_, random_);
    }

    void step() {
        now_ += random_.up_to(random_.below(20) == 0 ? 3s : 30ms);
        switch (random_.below(12)) {
            case 0:
                add();
                break;
            case 1:
                remove();
                break;
            case 2:
                check();
                break;
            case 3:
                change();
                break;
            case 4:
            case 5:
            case 6:
            case 7:
                begin();
                break;
            default:
                end();
                break;
        }
        audit();
    }

    void finish() {
        while (!attempts_.empty()) end();
        for (const endpoint_report& each : router_->describe(now_).endpoints) {
            EXPECT_EQ(each.in_use, 0U);
            EXPECT_EQ(each.membership, membership::active) << "what drains goes with its last attempt";
        }
    }

private:
    struct attempt {
        permit what;
        call_record call;
    };

    [[nodiscard]] endpoint_settings new_endpoint() {
        endpoint_settings made;
        made.name = "e" + std::to_string(++names_);
        made.weight = random_.below(8) == 0 ? 0.0 : 1.0 + random_.unit();
        made.role = random_.below(3) == 0 ? endpoint_role::backup : endpoint_role::primary;
        made.read_only = random_.below(4) == 0;
        return made;
    }
    void add() {
        if (router_->size() < 6) {
            ASSERT_TRUE(router_->add(new_endpoint(), now_, random_).has_value());
        }
    }
    [[nodiscard]] std::optional<endpoint_report> any() {
        const auto all = router_->describe(now_).endpoints;
        if (all.empty()) return std::nullopt;
        return all[random_.below(all.size())];
    }
    void remove() {
        const auto which = random_.below(3) == 0 ? any() : std::nullopt;
        if (which) {
            EXPECT_EQ(router_->remove(which->id), which->in_use == 0);
        }
    }
    void change() {
        const auto which = any();
        if (!which || which->membership != membership::active) return;
        endpoint_settings to = new_endpoint();
        router_->change(which->id, to, now_);
    }
    void check() {
        std::vector<due_check> due;
        router_->begin_checks(now_, due);
        for (const due_check& each : due) {
            router_->check_ended(each, static_cast<check_outcome>(random_.below(3)), now_, random_);
        }
        EXPECT_GE(router_->next_check(), now_) << "something is due that was just done";
    }
    void begin() {
        attempt made;
        made.call.writes = random_.below(2) == 0;
        made.call.repeatable = random_.below(2) == 0;
        made.call.deadline = now_ + random_.up_to(5s);
        router_->begin_call(now_);
        ++calls_;
        choose(std::move(made), false);
    }
    /// Chooses, and holds the choice against what stood before.
    void choose(attempt made, bool elsewhere) {
        const health_report before = router_->describe(now_);
        const choice chosen = router_->pick(made.call, elsewhere, now_, random_);
        if (!chosen) {
            EXPECT_NE(chosen.why, refusal::none);
            router_->end_call(false);
            return;
        }
        const auto tried = [&](const endpoint_report& each) { return made.call.tried.contains(each.id); };
        const auto may = [&](const endpoint_report& each) {
            return each.membership == membership::active && each.settings.weight > 0.0 &&
                   !(made.call.writes && each.settings.read_only) && !(elsewhere && tried(each));
        };
        for (const endpoint_report& each : before.endpoints) {
            if (each.id == chosen.permit->endpoint) check_choice(each, may(each), before, may);
        }
        made.what = *chosen.permit;
        made.call.tried.push_back(chosen.permit->endpoint);
        attempts_.push_back(std::move(made));
    }
    template <class May>
    void check_choice(const endpoint_report& it, bool may_it, const health_report& before, const May& may) {
        EXPECT_TRUE(may_it);
        if (it.breaker && it.breaker->state == breaker_state::open) {
            EXPECT_GE(now_, it.breaker->since + settings_.breaker->open_for);
        }
        if (it.breaker && it.breaker->state == breaker_state::half_open) {
            EXPECT_LT(it.breaker->probes, settings_.breaker->max_probes);
        }
        const bool suspect = it.ejected || it.health == health_state::unhealthy;
        EXPECT_TRUE(settings_.panic || !suspect);
        for (const endpoint_report& each : before.endpoints) {
            const bool closed = !each.breaker || each.breaker->state == breaker_state::closed;
            const bool better = may(each) && each.available && closed;
            if (!better) continue;
            EXPECT_FALSE(suspect) << it.settings.name << " was chosen beside " << each.settings.name;
            if (each.settings.role == endpoint_role::primary) {
                EXPECT_EQ(it.settings.role, endpoint_role::primary);
            }
        }
    }
    void end() {
        if (attempts_.empty()) return;
        const std::size_t which = random_.below(attempts_.size());
        attempt ended = std::move(attempts_[which]);
        attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(which));
        const auto how = static_cast<outcome>(random_.below(6));
        router_->report(ended.what, how, now_, random_);
        const auto again = router_->repeat(ended.call, {how, std::nullopt}, now_, random_);
        if (!again) {
            router_->end_call(how == outcome::success);
            return;
        }
        EXPECT_LE(ended.call.retries, settings_.repeat.max_retries);
        EXPECT_LT(deadline_after(now_, again->pause), ended.call.deadline);
        ++repeated_;
        choose(std::move(ended), again->elsewhere);
    }
    void audit() {
        std::map<std::uint32_t, std::uint32_t> in_use;
        for (const attempt& each : attempts_) ++in_use[each.what.endpoint.index];
        for (const endpoint_report& each : router_->describe(now_).endpoints) {
            EXPECT_EQ(each.in_use, in_use[each.id.index]);
            if (each.membership == membership::draining) {
                EXPECT_GT(each.in_use, 0U);
            }
            if (each.breaker) {
                EXPECT_LE(each.breaker->probes, settings_.breaker->max_probes);
            }
        }
        const double paid = settings_.retry_budget.share * static_cast<double>(calls_);
        const double windows = 1.0 + std::chrono::duration<double>(now_ - start) / settings_.retry_budget.window;
        const double free = settings_.retry_budget.minimum_per_second * 10.0 * (windows + 1.0);
        EXPECT_LE(static_cast<double>(repeated_), paid + free);
    }

    random_source random_;
    settings settings_;
    time_point now_ = start;
    std::optional<router> router_;
    std::vector<attempt> attempts_;
    unsigned names_ = 0;
    std::uint64_t calls_ = 0;
    std::uint64_t repeated_ = 0;
};

TEST(router_property, its_invariants_hold_whatever_happens) {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        SCOPED_TRACE(seed);
        world one(seed);
        for (int i = 0; i < 400; ++i) one.step();
        one.finish();
        if (testing::Test::HasFailure()) break;
    }
}

}  // namespace
}  // namespace lido::upstream

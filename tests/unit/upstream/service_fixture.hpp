// Lido: a service of fake endpoints in virtual time, for tests of what the shell does with calls.
#pragma once

#include "lido/base/sleep.hpp"
#include "lido/upstream/service.hpp"
#include "support/fake_connector.hpp"
#include "support/virtual_scheduler.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lido::test {

using resilience::endpoint_role;
using upstream::answer;
using upstream::call_options;
using upstream::endpoint_settings;
using upstream::outcome;

using fake_service = upstream::service<fake_connector>;

/// What an endpoint does with calls.
struct behaviour {
    duration takes{};
    outcome ends = outcome::success;
    std::size_t calls = 0;  ///< begun
    std::size_t under_way = 0;
    std::size_t peak = 0;
    std::size_t given_up = 0;  ///< destroyed before their end
};

class service_test : public testing::Test {
public:
    service_test() : before_(current_scheduler::set_current(&group_.at(0))) {}
    ~service_test() override { current_scheduler::set_current(before_); }

    void TearDown() override {
        for (auto& [name, each] : worlds_) {
            for (const auto kind : {step_kind::open, step_kind::check, step_kind::reset, step_kind::close}) {
                each->let(kind, outcome_kind::succeed);
            }
        }
        service_.reset();
        group_.advance(std::chrono::minutes(1));
        for (auto& [name, each] : worlds_) {
            EXPECT_EQ(each->live(), 0U) << name;
            EXPECT_EQ(each->misplaced(), 0U) << name;
        }
        for (auto& [name, each] : behaviours_) EXPECT_EQ(each.under_way, 0U) << name;
        EXPECT_EQ(group_.armed_timers(), 0U);
    }

protected:
    fake_world& world(const std::string& name) {
        auto& found = worlds_[name];
        if (!found) found = std::make_unique<fake_world>();
        return *found;
    }
    behaviour& at(const std::string& name) { return behaviours_[name]; }

    void open(const std::vector<endpoint_settings>& endpoints, fake_service::probe probe = {}) {
        pool::settings pools = fake_service::default_pools();
        pools.max_size = pool_size_;
        service_ = std::make_unique<fake_service>(
            group_, policies_, endpoints, pools,
            [this](const endpoint_settings& which) {
                names_[&world(which.name)] = which.name;
                return fake_connector(world(which.name));
            },
            std::move(probe), watcher_of_next_);
    }
    /// Of the services opened from now on.
    void watch_by(upstream::observer* watcher) { watcher_of_next_ = watcher; }

    /// A call whose value is the name of the endpoint that answered.
    [[nodiscard]] started<result<std::string>> call(call_options options = {}) {
        return group_.at(0).start(service_->run(worker{this}, options));
    }
    /// What a call does: its value is the name of the endpoint that answered.
    [[nodiscard]] auto work() { return worker{this}; }
    /// A call that ends without time.
    [[nodiscard]] result<std::string> call_now(call_options options = {}) {
        const auto one = call(options);
        group_.run_until_idle();
        if (!one.done()) return error(errc::timeout, "the call has not ended");
        return one.take();
    }
    [[nodiscard]] upstream::endpoint_report report_of(std::string_view name) {
        for (auto& each : service_->report().endpoints) {
            if (each.settings.name == name) return each;
        }
        ADD_FAILURE() << "no endpoint " << name;
        return {};
    }
    [[nodiscard]] static call_options repeatable(duration timeout = {}) {
        return {.timeout = timeout, .repeatable = true, .writes = false};
    }

    virtual_group group_{1};
    std::uint32_t pool_size_ = 20;  // of each endpoint
    upstream::settings policies_;
    std::map<std::string, std::unique_ptr<fake_world>> worlds_;
    std::map<const fake_world*, std::string> names_;
    std::map<std::string, behaviour> behaviours_;
    std::unique_ptr<fake_service> service_;

private:
    upstream::observer* watcher_of_next_ = nullptr;

    struct current_scheduler : scheduler {
        using scheduler::set_current;
    };

    struct under_way {
        explicit under_way(behaviour& at) : where(at) {
            ++where.calls;
            where.peak = std::max(where.peak, ++where.under_way);
        }
        under_way(const under_way&) = delete;
        under_way& operator=(const under_way&) = delete;
        ~under_way() {
            --where.under_way;
            if (!ended) ++where.given_up;
        }
        behaviour& where;
        bool ended = false;
    };

    struct worker {
        service_test* test;
        [[nodiscard]] task<answer<std::string>> operator()(fake_service::lease& on, time_point) const {
            const std::string name = test->names_.at(&on->world);
            behaviour& here = test->at(name);
            under_way mine(here);
            const outcome how = here.ends;
            const time_point when = scheduler::current()->now() + here.takes;
            co_await sleep_until(when);  // virtual time
            mine.ended = true;
            if (how == outcome::success) co_return answer<std::string>(name, how);
            co_return answer<std::string>(error(errc::connection_closed, "test at " + name), how);
        }
    };

    scheduler* before_;
};

inline endpoint_settings primary(std::string name) {
    return {.name = std::move(name)};
}
inline endpoint_settings backup(std::string name) {
    return {.name = std::move(name), .role = endpoint_role::backup};
}

}  // namespace lido::test

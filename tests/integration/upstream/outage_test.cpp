// Goal: the promises for outages: with a primary and backups hardly a user notices that a region dies; a total outage
// is neither made worse by retries nor longer than it is. Method: three real nginx under load; each way in which one
// fails.
#include "lido/base/sleep.hpp"
#include "lido/http/service.hpp"
#include "lido/upstream/outcome.hpp"
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::service;
using http::service_settings;

/// While the file "down" is there it answers 503; "slow" it sends at a rate that takes half a minute.
nginx_configuration breakable() {
    nginx_configuration made;
    made.server = R"(
        location / {
            if (-f $document_root/down) { return 503; }
            set $pace 0;
            if (-f $document_root/slow) { set $pace 100; }
            limit_rate $pace;
        })";
    return made;
}

/// Users that ask one after the other, with a short pause between, until they are told to stop.
class load {
public:
    load(runtime& io, service& shop, std::size_t users)
        : thread_([&io, &shop, users, this] { on_tasks(io, users, [&](std::size_t) { return user(shop, *this); }); }) {}
    load(const load&) = delete;
    load& operator=(const load&) = delete;
    ~load() { stop(); }

    void stop() {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
    }
    [[nodiscard]] std::size_t good() const { return good_; }
    [[nodiscard]] std::size_t bad() const { return bad_; }
    [[nodiscard]] std::string first_problem() const {
        const std::lock_guard held(mutex_);
        return first_problem_;
    }

private:
    static task<void> user(service& shop, load& counts) {
        while (!counts.stop_) {
            const auto got = co_await shop.get("/page");
            counts.count(got);
            // The pause of a user: without one the test would measure how fast it can be.
            const time_point next = scheduler::current()->now() + 3ms;
            co_await sleep_until(next);  // see above
        }
    }
    void count(const result<http::response>& got) {
        const bool fine = got && got->status() == 200;
        ++(fine ? good_ : bad_);
        if (fine) return;
        const std::lock_guard held(mutex_);
        if (first_problem_.empty()) {
            first_problem_ = got ? "status " + std::to_string(got->status()) : got.error().message();
        }
    }

    std::atomic<bool> stop_{false};
    std::atomic<std::size_t> good_{0};
    std::atomic<std::size_t> bad_{0};
    mutable std::mutex mutex_;
    std::string first_problem_;
    std::thread thread_;
};

class outage_test : public testing::Test {
protected:
    outage_test() {
        for (auto& each : regions_) {
            each = std::make_unique<nginx_server>(breakable());
            each->put_file("page", std::string(2000, 'x'));
        }
    }

    /// The first is the primary, the others its backups.
    [[nodiscard]] service_settings settings() const {
        service_settings made;
        for (const auto& each : regions_)
            made.regions.push_back({.base_url = each->url(), .backup = each != regions_[0]});
        made.policies.attempt_timeout = 500ms;
        made.policies.timeout = 10s;
        made.policies.health.timeout = 300ms;
        made.check_path = "/page";
        return made;
    }
    [[nodiscard]] static upstream::endpoint_report first_of(const service& shop) {
        return shop.statistics().report.endpoints.at(0);
    }

    /// Load, one failure of the primary, its end, and again load on the primary.
    void survives(const std::function<void(nginx_server&)>& fail, const std::function<void(nginx_server&)>& mend) {
        runtime io;
        service shop(io, settings());
        load users(io, shop, 16);
        ASSERT_TRUE(comes_true([&] { return users.good() >= 1000; }));
        fail(*regions_[0]);
        const std::size_t then = users.good();
        ASSERT_TRUE(comes_true([&] { return users.good() >= then + 3000; })) << users.first_problem();
        const std::uint64_t before = first_of(shop).outcomes[static_cast<std::size_t>(upstream::outcome::success)];
        mend(*regions_[0]);
        EXPECT_TRUE(comes_true([&] {
            return first_of(shop).outcomes[static_cast<std::size_t>(upstream::outcome::success)] > before + 500;
        })) << "the primary does not come back";
        users.stop();
        const double failed = static_cast<double>(users.bad()) / static_cast<double>(users.good() + users.bad());
        EXPECT_LE(failed, 0.001) << users.bad() << " of " << users.good() << ", first: " << users.first_problem();
        const auto seen = shop.statistics().report;
        RecordProperty("failed", std::to_string(users.bad()) + " of " + std::to_string(users.good() + users.bad()));
        RecordProperty("attempts_per_request",
                       std::to_string(static_cast<double>(seen.attempts) / static_cast<double>(seen.calls)));
    }

    std::array<std::unique_ptr<nginx_server>, 3> regions_;
};

TEST_F(outage_test, users_hardly_notice_that_a_region_is_killed_and_comes_back) {
    survives([](nginx_server& it) { it.kill(); }, [](nginx_server& it) { it.start(); });
}

TEST_F(outage_test, users_hardly_notice_that_a_region_is_stopped_in_order_and_started_again) {
    survives([](nginx_server& it) { it.stop(); }, [](nginx_server& it) { it.start(); });
}

TEST_F(outage_test, users_hardly_notice_that_a_region_hangs_and_goes_on) {
    survives([](nginx_server& it) { it.freeze(); }, [](nginx_server& it) { it.thaw(); });
}

TEST_F(outage_test, users_hardly_notice_that_a_region_answers_503_for_a_while) {
    survives([](nginx_server& it) { it.put_file("down", ""); }, [](nginx_server& it) { it.remove_file("down"); });
}

TEST_F(outage_test, users_hardly_notice_that_a_region_becomes_slow_for_a_while) {
    survives([](nginx_server& it) { it.put_file("slow", ""); }, [](nginx_server& it) { it.remove_file("slow"); });
}

TEST_F(outage_test, a_total_outage_is_not_made_worse_and_ends_within_seconds) {
    runtime io;
    service_settings all = settings();
    service shop(io, all);
    load users(io, shop, 16);
    ASSERT_TRUE(comes_true([&] { return users.good() >= 1000; }));
    const auto connections = [&] {
        std::size_t open = 0;
        for (const auto& region : shop.statistics().regions) {
            for (const auto& origin : region.client.origins) open += origin.pool.idle + origin.pool.in_use;
        }
        return open;
    };
    const std::size_t full = connections();
    const auto before = shop.statistics();

    for (const auto& each : regions_) each->kill();
    const std::size_t bad = users.bad();
    std::size_t connecting = 0;
    ASSERT_TRUE(comes_true([&] {
        for (const auto& region : shop.statistics().regions) {
            for (const auto& origin : region.client.origins) connecting = std::max(connecting, origin.pool.connecting);
        }
        return users.bad() >= bad + 5000;
    }));
    const auto during = shop.statistics();
    EXPECT_LE(connecting, 4U) << "connects at once to one region";
    const double wanted = static_cast<double>(during.requests - before.requests);
    const double sent = static_cast<double>(during.report.attempts - before.report.attempts);
    EXPECT_LE(sent / wanted, 1.10);

    const std::size_t good = users.good();
    regions_[0]->start();
    static_cast<void>(regions_[0]->active());  // it is back when it answers who asks it directly
    const auto back = clock::now();
    ASSERT_TRUE(comes_true([&] { return users.good() > good; })) << users.first_problem();
    const duration first_success = clock::now() - back;
    EXPECT_LE(first_success, 1500ms);
    ASSERT_TRUE(comes_true([&] { return connections() >= std::min<std::size_t>(full, 10); }));
    const duration full_size = clock::now() - back;
    EXPECT_LE(full_size, 5s);
    RecordProperty("sent_per_wanted", std::to_string(sent / wanted));
    RecordProperty("first_success_ms", std::to_string(first_success / 1ms));
    RecordProperty("full_size_ms", std::to_string(full_size / 1ms));
    RecordProperty("connecting", std::to_string(connecting));
}

TEST_F(outage_test, a_total_outage_that_checks_do_not_see_ends_within_seconds) {
    runtime io;
    service_settings all = settings();
    all.check_path.clear();  // a connect, which works all the time
    service shop(io, all);
    load users(io, shop, 16);
    ASSERT_TRUE(comes_true([&] { return users.good() >= 1000; }));
    for (const auto& each : regions_) each->put_file("down", "");
    // Checks let probes through again and again, and these fail.
    ASSERT_TRUE(comes_true([&] { return first_of(shop).breaker_changes.size() >= 12; }));
    const std::size_t good = users.good();
    regions_[0]->remove_file("down");
    const auto back = clock::now();
    ASSERT_TRUE(comes_true([&] { return users.good() > good; })) << users.first_problem();
    EXPECT_LE(clock::now() - back, 1500ms);
}

}  // namespace
}  // namespace lido::test

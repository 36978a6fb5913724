// Goal: a region whose name gets other addresses moves there: connections to addresses it has no longer serve nothing
// new, those to the others stay, and a name server that fails changes nothing. Method: servers on two loopback
// addresses, and a resolver whose answers the test changes.
#include "lido/http/service.hpp"
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::service;
using http::service_settings;

/// What the name server says.
class name_server {
public:
    void answer(std::vector<std::string> addresses) {
        const std::lock_guard held(mutex_);
        addresses_ = std::move(addresses);
        hangs_ = false;
        changed_.notify_all();
    }
    void fail() { answer({}); }
    void hang() {
        const std::lock_guard held(mutex_);
        hangs_ = true;
    }
    [[nodiscard]] std::size_t asked() const { return asked_; }

    result<std::vector<net::address>> look_up(const std::string& host) {
        ++asked_;
        std::unique_lock held(mutex_);
        changed_.wait(held, [this] { return !hangs_; });
        if (addresses_.empty()) return error(errc::resolve_failed, "resolve " + host + ": no name server answers");
        std::vector<net::address> found;
        for (const std::string& each : addresses_) found.push_back(*net::address::from_literal(each, 0));
        return found;
    }

private:
    std::atomic<std::size_t> asked_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> addresses_;
    bool hangs_ = false;
};

/// Answers after a moment, so that requests that are made at once need a connection each.
server_script named(std::string name) {
    return {.on_request = [name = std::move(name)](const arrival&) {
        return reaction{.bytes = response_text(name), .delay = 50ms};
    }};
}

class address_change_test : public testing::Test {
protected:
    address_change_test() {
        net::resolver_settings how;
        how.lookup = [names = names_](const std::string& host) { return names->look_up(host); };
        settings_.client.names = std::make_shared<net::resolver>(how);
        settings_.regions = {{.base_url = fmt::format("http://shop.example:{}", old_.port())}};
        settings_.look_up_interval = 1s;
        settings_.policies.health.interval = 50ms;
        names_->answer({"127.0.0.1"});
    }
    ~address_change_test() override { names_->fail(); }  // so that nothing hangs

    /// So many requests at once: the bodies that came.
    static std::map<std::string, std::size_t> ask(runtime& io, service& shop, std::size_t count) {
        std::map<std::string, std::size_t> seen;
        std::mutex mutex;
        on_tasks(io, count, [&](std::size_t) -> task<void> {
            const auto got = co_await shop.get("/");
            const std::lock_guard held(mutex);
            ++seen[got ? std::string(got->body()) : got.error().message()];
        });
        return seen;
    }
    /// The name has been looked up by a check that began after now.
    void wait_for_look_ups(std::size_t count) {
        const std::size_t before = names_->asked();
        ASSERT_TRUE(comes_true([&] { return names_->asked() >= before + count; }));
    }

    std::shared_ptr<name_server> names_ = std::make_shared<name_server>();
    scripted_server old_{named("old")};
    scripted_server new_{named("new"), "127.0.0.2", old_.port()};
    service_settings settings_;
};

TEST_F(address_change_test, a_region_moves_with_its_name_and_no_request_is_lost) {
    runtime io;
    service shop(io, settings_);
    EXPECT_EQ(ask(io, shop, 4)["old"], 4U);
    EXPECT_GE(old_.connections(), 4U);
    names_->answer({"127.0.0.2"});
    // Requests go on meanwhile, and each is answered.
    EXPECT_TRUE(comes_true([&] {
        auto seen = ask(io, shop, 4);
        EXPECT_EQ(seen["old"] + seen["new"], 4U) << seen.rbegin()->first;
        return seen["new"] == 4;
    }));
    EXPECT_TRUE(old_.wait_until([&] { return old_.connections() == 0; })) << "idle ones are closed, too";
    EXPECT_EQ(shop.statistics().failed, 0U);
}

TEST_F(address_change_test, connections_to_an_address_that_remains_stay) {
    runtime io;
    service shop(io, settings_);
    EXPECT_EQ(ask(io, shop, 3)["old"], 3U);
    names_->answer({"127.0.0.2", "127.0.0.1"});
    wait_for_look_ups(2);
    EXPECT_EQ(old_.accepted(), old_.connections()) << "another address besides is no reason";
    auto both = ask(io, shop, 8);
    EXPECT_EQ(both["old"] + both["new"], 8U);
    EXPECT_GE(both["old"], 3U) << "the old connections are used";
    EXPECT_GE(both["new"], 3U) << "for the others there are new ones";
    names_->answer({"127.0.0.2"});
    EXPECT_TRUE(old_.wait_until([&] { return old_.connections() == 0; }));
    EXPECT_EQ(ask(io, shop, 3)["new"], 3U);
    EXPECT_GE(new_.connections(), 3U);
    EXPECT_EQ(new_.accepted(), new_.connections()) << "a connection to the address that remains was replaced";
}

TEST_F(address_change_test, a_look_up_that_fails_changes_nothing) {
    runtime io;
    service shop(io, settings_);
    EXPECT_EQ(ask(io, shop, 3)["old"], 3U);
    names_->fail();
    wait_for_look_ups(2);
    EXPECT_EQ(ask(io, shop, 3)["old"], 3U);
    EXPECT_EQ(old_.accepted(), old_.connections()) << "one was closed";
}

TEST_F(address_change_test, a_name_server_that_is_silent_is_not_held_against_the_region) {
    settings_.policies.health.timeout = 1s;  // of which the name server gets half; the connect needs hardly any
    runtime io;
    service shop(io, settings_);
    EXPECT_EQ(ask(io, shop, 3)["old"], 3U);
    const auto failed = [&] { return shop.statistics().report.endpoints[0].checks_failed; };
    const auto passed = [&] { return shop.statistics().report.endpoints[0].checks_passed; };
    const std::uint64_t before = failed();
    names_->hang();
    wait_for_look_ups(1);
    const std::uint64_t good = passed();
    EXPECT_TRUE(comes_true([&] { return passed() >= good + 5; }));
    EXPECT_EQ(failed(), before);
    EXPECT_EQ(ask(io, shop, 3)["old"], 3U);
    names_->answer({"127.0.0.1"});
}

TEST_F(address_change_test, without_an_interval_connections_stay_where_they_are) {
    settings_.look_up_interval = 0s;
    runtime io;
    service shop(io, settings_);
    EXPECT_EQ(ask(io, shop, 3)["old"], 3U);
    names_->answer({"127.0.0.2"});
    const std::uint64_t checks = shop.statistics().report.endpoints[0].checks_passed;
    EXPECT_TRUE(comes_true([&] { return shop.statistics().report.endpoints[0].checks_passed >= checks + 5; }));
    EXPECT_EQ(ask(io, shop, 3)["old"], 3U);
}

}  // namespace
}  // namespace lido::test

#include "lido/net/resolver.hpp"

#include "lido/net/runtime.hpp"
#include "support/test_loop.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using addresses = std::vector<address>;
using testing::HasSubstr;

/// Lookups that last until the test lets them go.
class held_lookups {
public:
    [[nodiscard]] resolver_settings settings(std::uint32_t threads = 2, std::uint32_t max_queued = 256) const {
        resolver_settings made;
        made.threads = threads;
        made.max_queued = max_queued;
        made.lookup = [shared = state_](const std::string& host) -> result<addresses> {
            ++shared->begun;
            shared->entered.release();
            shared->go.acquire();
            if (host == "nowhere.example") return error(errc::resolve_failed, "resolve nowhere.example: no such name");
            return addresses(1, *address::from_literal("192.0.2.1", 0));
        };
        return made;
    }
    void wait_until_one_began() const { state_->entered.acquire(); }
    void let_go(int count) const { state_->go.release(count); }
    [[nodiscard]] int begun() const { return state_->begun; }

private:
    struct shared_state {
        std::atomic<int> begun{0};
        std::counting_semaphore<> entered{0};
        std::counting_semaphore<> go{0};
    };
    std::shared_ptr<shared_state> state_ = std::make_shared<shared_state>();
};

class resolver_test : public testing::Test {
protected:
    time_point in_time() { return clock::now() + 20s; }
    test::test_loop here;
    held_lookups lookups;
};

TEST_F(resolver_test, answers_literals_itself_at_once) {
    resolver names(lookups.settings());
    const auto v4 = here.run(names.resolve("127.0.0.1", 80, in_time()));
    const auto v6 = here.run(names.resolve("[::1]", 443, in_time()));
    EXPECT_EQ(v4.value().at(0).to_text(), "127.0.0.1:80");
    EXPECT_EQ(v6.value().at(0).to_text(), "[::1]:443");
    EXPECT_EQ(lookups.begun(), 0);
}

TEST_F(resolver_test, gives_each_caller_the_port_it_asked_for_though_they_share_a_lookup) {
    resolver names(lookups.settings());
    const auto one = here.start(names.resolve("shop.example", 80, in_time()));
    const auto other = here.start(names.resolve("shop.example", 443, in_time()));
    here.turn();
    lookups.wait_until_one_began();
    here.settle();
    lookups.let_go(1);
    here.run_until([&] { return one.done() && other.done(); });
    EXPECT_EQ(one.take().value().at(0).to_text(), "192.0.2.1:80");
    EXPECT_EQ(other.take().value().at(0).to_text(), "192.0.2.1:443");
    EXPECT_EQ(lookups.begun(), 1);
}

TEST_F(resolver_test, looks_up_again_once_a_lookup_has_ended) {
    resolver names(lookups.settings());
    lookups.let_go(2);
    EXPECT_TRUE(here.run(names.resolve("shop.example", 80, in_time())).has_value());
    EXPECT_TRUE(here.run(names.resolve("shop.example", 80, in_time())).has_value());
    EXPECT_EQ(lookups.begun(), 2);
}

TEST_F(resolver_test, gives_up_at_the_deadline_and_drops_the_late_answer) {
    resolver names(lookups.settings(1));
    const auto found = here.run(names.resolve("shop.example", 80, clock::now() + 10ms));
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error(), errc::connect_timeout);
    EXPECT_THAT(found.error().what(), HasSubstr("shop.example"));
    lookups.let_go(1);
    here.settle();
}

TEST_F(resolver_test, drops_the_answer_for_a_caller_that_was_destroyed) {
    resolver names(lookups.settings());
    const auto gone = here.start(names.resolve("shop.example", 80, in_time()));
    here.turn();
    lookups.wait_until_one_began();
    gone.cancel();
    here.run_until([&] { return gone.done(); });
    const auto stays = here.start(names.resolve("shop.example", 80, in_time()));
    here.turn();
    lookups.let_go(1);
    here.run_until([&] { return stays.done(); });
    EXPECT_TRUE(stays.take().has_value());
}

TEST_F(resolver_test, does_not_begin_a_queued_lookup_that_nobody_waits_for_any_more) {
    resolver names(lookups.settings(1));
    const auto first = here.start(names.resolve("first.example", 80, in_time()));
    here.turn();
    lookups.wait_until_one_began();
    const auto queued = here.start(names.resolve("queued.example", 80, in_time()));
    here.settle();
    queued.cancel();
    here.run_until([&] { return queued.done(); });
    lookups.let_go(2);
    here.run_until([&] { return first.done(); });
    EXPECT_TRUE(here.run(names.resolve("last.example", 80, in_time())).has_value());
    EXPECT_EQ(lookups.begun(), 2);
}

TEST_F(resolver_test, lets_a_hanging_name_hold_up_no_other_while_a_thread_is_free) {
    resolver names(lookups.settings(2));
    const auto hanging = here.start(names.resolve("hanging.example", 80, in_time()));
    const auto same = here.start(names.resolve("hanging.example", 80, in_time()));
    here.turn();
    lookups.wait_until_one_began();
    const auto other = here.start(names.resolve("other.example", 80, in_time()));
    here.settle();
    lookups.wait_until_one_began();
    EXPECT_EQ(lookups.begun(), 2);
    lookups.let_go(2);
    here.run_until([&] { return hanging.done() && same.done() && other.done(); });
}

TEST_F(resolver_test, refuses_more_names_than_its_queue_holds) {
    resolver names(lookups.settings(1, 1));
    const auto busy = here.start(names.resolve("busy.example", 80, in_time()));
    here.turn();
    lookups.wait_until_one_began();
    const auto queued = here.start(names.resolve("queued.example", 80, in_time()));
    here.settle();
    const auto refused = here.run(names.resolve("refused.example", 80, in_time()));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::queue_full);
    lookups.let_go(2);
    here.run_until([&] { return busy.done() && queued.done(); });
}

TEST_F(resolver_test, hands_over_the_error_of_a_lookup) {
    resolver names(lookups.settings());
    lookups.let_go(1);
    const auto found = here.run(names.resolve("nowhere.example", 80, in_time()));
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error(), errc::resolve_failed);
    EXPECT_THAT(found.error().what(), HasSubstr("nowhere.example"));
}

TEST_F(resolver_test, takes_a_name_without_address_for_a_failure) {
    resolver_settings settings;
    settings.lookup = [](const std::string&) { return addresses(); };
    resolver names(std::move(settings));
    EXPECT_EQ(here.run(names.resolve("empty.example", 80, in_time())).error(), errc::resolve_failed);
}

TEST_F(resolver_test, refuses_what_can_be_no_host_name_without_asking) {
    using namespace std::string_literals;
    resolver names(lookups.settings());
    for (const std::string& host :
         {""s, "two words"s, "line\r\nbreak"s, "zero\0byte"s, "caf\xc3\xa9.example"s, std::string(300, 'x')}) {
        const auto found = here.run(names.resolve(host, 80, in_time()));
        ASSERT_FALSE(found.has_value()) << host;
        EXPECT_EQ(found.error(), errc::resolve_failed) << host;
    }
    EXPECT_EQ(lookups.begun(), 0);
}

TEST_F(resolver_test, cancels_at_its_destruction_who_waits_and_does_not_wait_for_a_hanging_lookup) {
    resolver_settings settings = lookups.settings(1);
    settings.shutdown_grace = 5ms;
    auto names = std::make_unique<resolver>(std::move(settings));
    const auto hanging = here.start(names->resolve("hanging.example", 80, in_time()));
    here.turn();
    lookups.wait_until_one_began();
    const auto queued = here.start(names->resolve("queued.example", 80, in_time()));
    here.settle();
    names.reset();
    here.run_until([&] { return hanging.done() && queued.done(); });
    EXPECT_EQ(hanging.take().error(), errc::cancelled);
    EXPECT_EQ(queued.take().error(), errc::cancelled);
    lookups.let_go(1);
}

TEST_F(resolver_test, refuses_settings_out_of_range_by_name) {
    try {
        resolver names(lookups.settings(0));
        FAIL();
    } catch (const exception& refused) {
        EXPECT_THAT(refused.error().what(), HasSubstr("threads"));
    }
    EXPECT_THROW(resolver(lookups.settings(2, 0)), exception);
}

TEST_F(resolver_test, asks_the_system_for_localhost) {
    const auto found = here.run(default_resolver().resolve("localhost", 80, in_time()));
    ASSERT_TRUE(found.has_value()) << found.error().message();
    for (const address& one : *found) EXPECT_THAT(one.to_text(), testing::AnyOf("127.0.0.1:80", "[::1]:80"));
}

TEST_F(resolver_test, names_the_host_that_the_system_does_not_know) {
    const auto found = here.run(default_resolver().resolve("no-such-host.invalid", 80, in_time()));
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error(), errc::resolve_failed);
    EXPECT_THAT(found.error().what(), HasSubstr("resolve no-such-host.invalid: "));
}

task<int> resolve_many(resolver& names, int count, int salt) {
    int good = 0;
    for (int i = 0; i < count; ++i) {
        std::string host = "host" + std::to_string((i + salt) % 7) + ".example";
        task<result<addresses>> resolving = names.resolve(std::move(host), 80, clock::now() + 20s);
        const result<addresses> found = co_await std::move(resolving);
        if (found) ++good;
    }
    co_return good;
}

TEST(resolver_and_threads, serves_several_loops_at_once) {
    resolver_settings settings;
    settings.lookup = [](const std::string&) { return addresses(1, *address::from_literal("192.0.2.1", 0)); };
    resolver names(std::move(settings));
    runtime io({.threads = 3});
    std::atomic<int> good{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i) {
        callers.emplace_back([&, i] { good += io.run(resolve_many(names, 300, i)); });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(good, 900);
}

}  // namespace
}  // namespace lido::net

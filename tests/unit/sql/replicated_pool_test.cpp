// A replicated pool as a whole, pools and checks included, over servers that are made up and in virtual time. The rules
// by themselves are in replica_watch_test.cpp.
#include "lido/sql/replicated_pool.hpp"

#include "sql/replicated_opener.hpp"
#include "support/virtual_scheduler.hpp"
#include "unit/sql/fake_cluster.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <optional>
#include <set>

namespace lido::sql {
namespace {

using namespace std::chrono_literals;
using condition = test::fake_server::condition;
using test::fake_cluster;
using test::fake_server;
using test::started;
using testing::AnyOf;
using testing::HasSubstr;

using names = std::set<std::string>;

class replicated_world : public testing::Test {
public:
    replicated_world() : before_(current_scheduler::set_current(&group_.at(0))) {
        settings_.max_lag = 3s;
        settings_.pool.connections.max_size = 4;
    }
    ~replicated_world() override {
        db_.reset();
        group_.advance(1min);
        EXPECT_EQ(group_.armed_timers(), 0U);
        current_scheduler::set_current(before_);
        for (const auto& [number, times] : cluster_.written()) EXPECT_EQ(times, 1) << number;
    }

protected:
    /// "a" takes writes, "b" and "c" follow it.
    void have_a_primary_and_two_replicas(std::uint64_t epoch) {
        for (const char* each : {"a", "b", "c"}) {
            cluster_.at(each).position = 1;
            cluster_.at(each).epoch = epoch;
        }
        cluster_.at("a").takes_writes = true;
    }
    void open() {
        begin_to_open();
        settle();
    }
    void begin_to_open() {
        const std::array<std::string, 1> urls{"postgresql://shop@a,b,c/shop"};
        const detail::replicated_opener::open_member open_one = [this](scheduler_group& group, std::string_view url,
                                                                       const pool_settings& with) {
            EXPECT_TRUE(with.validate()) << with.validate().error().message();
            return test::open_fake(cluster_, group, url, with);
        };
        db_.emplace(detail::replicated_opener::open(group_, urls, settings_, open_one).value());
    }
    /// Long enough for everybody to be asked twice.
    void settle() { group_.advance(2s); }

    /// Its end, as it is without any time going by; nothing: it waits for something.
    template <class T>
    [[nodiscard]] std::optional<result<T>> at_once(operation<T> what) {
        const started<result<T>> begun = group_.at(0).start(std::move(what));
        group_.run_until_idle();
        if (begun.done()) return begun.take();
        begun.cancel();
        group_.run_until_idle();
        return std::nullopt;
    }
    /// Who took a write: a name, or nobody with the reason.
    [[nodiscard]] result<std::string> write() {
        const std::int64_t number = ++last_number_;
        const auto done = at_once(db_->query("write", number));
        if (!done) return error(errc::other, "it waits");
        if (!*done) {
            EXPECT_FALSE(cluster_.written().contains(number)) << "refused, and yet written";
            return done->error();
        }
        for (const char* each : {"a", "b", "c"}) {
            const auto& there = cluster_.at(each).written;
            if (!there.empty() && there.back() == number) return std::string(each);
        }
        return error(errc::other, "acknowledged, and not there");
    }
    [[nodiscard]] result<std::string> read() {
        const auto done = at_once(db_->read("who"));
        if (!done) return error(errc::other, "it waits");
        if (!*done) return done->error();
        return (**done)[0][0].as<std::string>();
    }
    /// Who are read, if reading works each time.
    [[nodiscard]] names readers() {
        names all;
        for (int i = 0; i < 60; ++i) {
            const auto who = read();
            if (!who) {
                EXPECT_EQ(who.error(), lido::errc::circuit_open) << who.error().message();
                EXPECT_THAT(who.error().what(), HasSubstr("no member can be read"));
                EXPECT_TRUE(all.empty());
                return {};
            }
            all.insert(*who);
        }
        return all;
    }
    void expect_writes_at(const std::string& who) {
        const auto done = write();
        if (who.empty()) {
            ASSERT_FALSE(done) << "written at " << *done;
            EXPECT_EQ(done.error(), lido::errc::circuit_open) << done.error().message();
            EXPECT_THAT(done.error().what(), HasSubstr("no primary takes writes (a: "));
        } else {
            ASSERT_TRUE(done) << done.error().message();
            EXPECT_EQ(*done, who);
        }
    }
    /// "primary, replica, replica": of a, b and c.
    [[nodiscard]] std::string roles() const {
        std::string all;
        for (const member_report& each : db_->report()) all += (all.empty() ? "" : ", ") + each.role;
        return all;
    }

    struct current_scheduler : lido::scheduler {
        using lido::scheduler::set_current;
    };

    test::virtual_group group_{2};
    lido::scheduler* before_;
    fake_cluster cluster_;
    replicated_settings settings_;
    std::optional<replicated_pool> db_;
    std::int64_t last_number_ = 0;
};

// ---- the table ------------------------------------------------------------------------------------------------------

/// Something that happens, and what is so once everybody could notice.
struct moment {
    const char* what;
    std::function<void(fake_cluster&)> happens;
    std::string writes;  ///< who takes them; empty: nobody, and who wants to is told at once
    names reads;         ///< who are read; empty: nobody can be
    const char* roles = nullptr;
    duration after = 2s;  ///< long enough for everybody to be asked, and the answers compared, twice
};

struct story {
    const char* name;
    std::uint64_t epoch;  ///< 0: a database that does not count its failovers
    std::vector<moment> moments;
    void (*set)(replicated_settings&) = [](replicated_settings&) {};
};

void nothing(fake_cluster&) {}

std::function<void(fake_cluster&)> becomes(const char* who, condition what) {
    return [who, what](fake_cluster& of) { of.at(who).is = what; };
}
std::function<void(fake_cluster&)> all_become(condition what) {
    return [what](fake_cluster& of) {
        for (const char* each : {"a", "b", "c"}) of.at(each).is = what;
    };
}
std::function<void(fake_cluster&)> takes_writes(const char* who, std::uint64_t epoch) {
    return [who, epoch](fake_cluster& of) {
        of.at(who).takes_writes = true;
        of.at(who).epoch = epoch;
    };
}
std::function<void(fake_cluster&)> takes_none(const char* who) {
    return [who](fake_cluster& of) { of.at(who).takes_writes = false; };
}
std::function<void(fake_cluster&)> follows(const char* who, bool does) {
    return [who, does](fake_cluster& of) { of.at(who).follows = does; };
}

const std::vector<story> stories{
    {"a_promotion_is_followed_and_the_old_primary_is_none_any_more",
     1,
     {{"all is well", nothing, "a", {"b", "c"}, "primary, replica, replica"},
      {"the primary goes", becomes("a", condition::gone), "", {"b", "c"}, "primary, replica, replica"},
      {"a replica is promoted", takes_writes("b", 2), "b", {"c"}, "old primary, primary, replica"},
      {"the old one is back as it was", becomes("a", condition::serves), "b", {"c"}, "old primary, primary, replica"},
      {"the new one goes", becomes("b", condition::gone), "", {"c"}, "old primary, primary, replica"},
      {"it is back", becomes("b", condition::serves), "b", {"c"}, "old primary, primary, replica"},
      {"the old one is made a replica", takes_none("a"), "b", {"a", "c"}, "replica, primary, replica"}}},
    {"a_promotion_is_followed_where_failovers_are_not_counted",
     0,
     {{"all is well", nothing, "a", {"b", "c"}},
      {"the primary goes", becomes("a", condition::gone), "", {"b", "c"}},
      {"a replica is promoted", takes_writes("b", 0), "b", {"c"}, "old primary, primary, replica"},
      {"the old one is back as it was", becomes("a", condition::serves), "b", {"c"}, "old primary, primary, replica"},
      {"the new one goes", becomes("b", condition::gone), "", {"c"}, "old primary, primary, replica"},
      {"it is back", becomes("b", condition::serves), "b", {"c"}, "old primary, primary, replica"},
      {"the old one is made a replica", takes_none("a"), "b", {"a", "c"}, "replica, primary, replica"},
      {"the new one goes again", becomes("b", condition::gone), "", {"a", "c"}, "replica, primary, replica"},
      {"the old one is promoted", takes_writes("a", 0), "a", {"c"}, "primary, old primary, replica"}}},
    {"a_primary_that_comes_back_before_it_was_replaced_stays_it_where_failovers_are_not_counted",
     0,
     {{"all is well", nothing, "a", {"b", "c"}},
      {"the primary goes", becomes("a", condition::gone), "", {"b", "c"}},
      {"it is back", becomes("a", condition::serves), "a", {"b", "c"}, "primary, replica, replica"}}},
    {"of_two_that_claim_to_be_primary_the_first_stays_until_it_is_gone",
     0,
     {{"all is well", nothing, "a", {"b", "c"}},
      {"another claims it", takes_writes("b", 0), "a", {"c"}, "primary, old primary, replica"},
      {"the first goes", becomes("a", condition::gone), "b", {"c"}, "old primary, primary, replica"},
      {"the first is back", becomes("a", condition::serves), "b", {"c"}, "old primary, primary, replica"}}},
    {"of_two_that_claim_to_be_primary_the_later_failover_counts",
     1,
     {{"all is well", nothing, "a", {"b", "c"}},
      {"another claims it", takes_writes("b", 2), "b", {"c"}, "old primary, primary, replica"}}},
    {"one_that_is_too_far_behind_is_not_read_and_the_primary_serves_when_all_are",
     1,
     {{"all is well", nothing, "a", {"b", "c"}},
      {"one stops to follow", follows("b", false), "a", {"b", "c"}},
      {"and is behind now", nothing, "a", {"c"}, "primary, replica, replica", 5s},
      {"the other stops, too", follows("c", false), "a", {"c"}},
      {"and is behind now", nothing, "a", {"a"}, "primary, replica, replica", 5s},
      {"one comes after", follows("c", true), "a", {"c"}},
      {"so does the other", follows("b", true), "a", {"b", "c"}}}},
    {"when_all_are_gone_nothing_works_and_afterwards_everything",
     1,
     {{"all is well", nothing, "a", {"b", "c"}},
      {"all go", all_become(condition::gone), "", {}},
      {"a replica is back", becomes("b", condition::serves), "", {"b"}},
      {"all are back", all_become(condition::serves), "a", {"b", "c"}, "primary, replica, replica"}}},
    {"without_a_primary_nothing_is_read_where_that_is_not_allowed",
     1,
     {{"all is well", nothing, "a", {"b", "c"}},
      {"the primary goes", becomes("a", condition::gone), "", {}},
      {"it is back", becomes("a", condition::serves), "a", {"b", "c"}}},
     [](replicated_settings& with) { with.reads_without_primary = false; }},
    {"the_primary_is_read_as_well_where_that_is_wanted",
     1,
     {{"all is well", nothing, "a", {"a", "b", "c"}},
      {"the primary goes", becomes("a", condition::gone), "", {"b", "c"}}},
     [](replicated_settings& with) { with.primary_serves_reads = true; }},
    {"where_no_primary_was_ever_seen_replicas_are_read_and_one_that_appears_gets_the_writes",
     1,
     {{"nobody takes writes", takes_none("a"), "", {"a", "b", "c"}, "replica, replica, replica"},
      {"somebody does", takes_writes("c", 2), "c", {"a", "b"}, "replica, replica, primary"}}},
    {"a_primary_that_is_made_a_replica_is_read_and_gets_no_writes",
     1,
     {{"all is well", nothing, "a", {"b", "c"}},
      {"it takes none any more", takes_none("a"), "", {"a", "b", "c"}, "replica, replica, replica"},
      {"it does again", takes_writes("a", 1), "a", {"b", "c"}}}},
    {"who_does_not_answer_a_check_in_its_time_is_as_good_as_gone",
     1,
     {{"all is well", nothing, "a", {"b", "c"}},
      {"a replica is silent", becomes("c", condition::silent), "a", {"b"}},
      {"so is the primary", becomes("a", condition::silent), "", {"b"}},
      {"all answer again", all_become(condition::serves), "a", {"b", "c"}, "primary, replica, replica"}}},
};

class replicated_story : public replicated_world, public testing::WithParamInterface<story> {};

INSTANTIATE_TEST_SUITE_P(that, replicated_story, testing::ValuesIn(stories),
                         [](const auto& of) { return std::string(of.param.name); });

TEST_P(replicated_story, goes_as_told) {
    have_a_primary_and_two_replicas(GetParam().epoch);
    GetParam().set(settings_);
    GetParam().moments.front().happens(cluster_);  // before anybody is asked
    open();
    for (const moment& each : GetParam().moments) {
        SCOPED_TRACE(each.what);
        each.happens(cluster_);
        group_.advance(each.after);
        EXPECT_EQ(readers(), each.reads);
        expect_writes_at(each.writes);
        if (each.roles != nullptr) {
            EXPECT_EQ(roles(), each.roles);
        }
    }
}

// ---- what is not a matter of roles ----------------------------------------------------------------------------------

TEST_F(replicated_world, the_first_calls_wait_until_the_members_are_known) {
    have_a_primary_and_two_replicas(1);
    cluster_.at("c").is = condition::silent;
    begin_to_open();
    const auto writing = group_.at(0).start(db_->query("write", 1));
    const auto reading = group_.at(0).start(db_->read("who"));
    group_.run_until_idle();
    EXPECT_FALSE(reading.done()) << "nobody has said who he is";
    group_.advance(500ms);
    ASSERT_TRUE(writing.done()) << "the primary is known";
    EXPECT_TRUE(writing.take());
    EXPECT_FALSE(reading.done()) << "the third may be the best to be read";
    group_.advance(2s);
    ASSERT_TRUE(reading.done()) << "its check has run out of time";
    EXPECT_TRUE(reading.take());
}

TEST_F(replicated_world, a_transaction_waits_for_members_that_nobody_knows_yet_no_longer_than_its_time) {
    have_a_primary_and_two_replicas(1);
    for (const char* each : {"a", "b", "c"}) cluster_.at(each).is = condition::silent;
    begin_to_open();
    for (const access_mode access : {access_mode::read_write, access_mode::read_only}) {
        const auto begun = group_.at(0).start(db_->begin({.access = access, .timeout = 50ms}));
        group_.advance(49ms);
        EXPECT_FALSE(begun.done());
        group_.advance(1ms);
        ASSERT_TRUE(begun.done()) << "it waits longer than it has time";
        const auto given = begun.take();
        ASSERT_FALSE(given);
        EXPECT_EQ(given.error(), lido::errc::acquire_timeout) << given.error().message();
        EXPECT_THAT(given.error().what(), HasSubstr("a: unknown; b: unknown; c: unknown"));
    }
}

TEST_F(replicated_world, a_function_in_a_transaction_waits_for_members_that_nobody_knows_yet_no_longer_than_its_time) {
    have_a_primary_and_two_replicas(1);
    cluster_.at("a").is = condition::silent;
    begin_to_open();
    const auto work = [](transaction&) -> task<result<int>> { co_return 1; };
    const auto ended = group_.at(0).start(db_->transact(work, {.timeout = 50ms}));
    group_.advance(50ms);
    ASSERT_TRUE(ended.done());
    EXPECT_EQ(ended.take().error(), lido::errc::acquire_timeout);
}

TEST_F(replicated_world, a_statement_waits_for_members_that_nobody_knows_yet_as_long_as_for_a_connection) {
    have_a_primary_and_two_replicas(1);
    settings_.pool.connections.acquire_timeout = 500ms;
    cluster_.at("c").is = condition::silent;
    begin_to_open();
    const auto reading = group_.at(0).start(db_->read("who"));
    group_.advance(499ms);
    EXPECT_FALSE(reading.done()) << "the third may be the best to be read";
    group_.advance(1ms);
    ASSERT_TRUE(reading.done());
    const auto read = reading.take();
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_THAT((*read)[0][0].as<std::string>().value(), AnyOf("a", "b")) << "they have answered";
}

TEST_F(replicated_world, a_write_waits_for_a_primary_that_nobody_knows_yet_as_long_as_for_a_connection) {
    have_a_primary_and_two_replicas(1);
    settings_.pool.connections.acquire_timeout = 500ms;
    cluster_.at("a").is = condition::silent;
    begin_to_open();
    const auto writing = group_.at(0).start(db_->query("write", 1));
    group_.advance(499ms);
    EXPECT_FALSE(writing.done());
    group_.advance(1ms);
    ASSERT_TRUE(writing.done());
    const auto given = writing.take();
    ASSERT_FALSE(given);
    EXPECT_EQ(given.error(), lido::errc::circuit_open) << given.error().message();
    EXPECT_THAT(given.error().what(), HasSubstr("a: unknown; b: replica; c: replica"));
}

TEST_F(replicated_world, a_transaction_that_gets_no_connection_at_the_known_primary_is_told_so_at_the_end_of_its_time) {
    have_a_primary_and_two_replicas(1);
    settings_.pool.connections.max_size = 1;
    open();
    auto first = at_once(db_->begin()).value().value();
    const auto begun = group_.at(0).start(db_->begin({.timeout = 50ms}));
    group_.advance(50ms);
    ASSERT_TRUE(begun.done());
    const auto given = begun.take();
    ASSERT_FALSE(given);
    EXPECT_EQ(given.error(), lido::errc::acquire_timeout) << given.error().message();
    EXPECT_TRUE(given.error().numbers()) << "the pool itself says so";
}

TEST_F(replicated_world, the_connections_of_a_member_are_retired_before_its_new_role_is_known) {
    have_a_primary_and_two_replicas(1);
    open();
    EXPECT_EQ(readers(), (names{"b", "c"}));  // so that there are connections of before
    expect_writes_at("a");
    const auto takes_writes_from_calls = [this](std::size_t which) {
        return !db_->health().endpoints.at(which).settings.read_only;
    };
    std::vector<std::string> seen;
    cluster_.at("a").on_retired = [&] {
        seen.emplace_back(takes_writes_from_calls(0) ? "a is retired as a primary" : "a is retired too late");
    };
    cluster_.at("b").on_retired = [&] {
        seen.emplace_back(takes_writes_from_calls(1) ? "b is retired too late" : "b is retired as a replica");
    };
    const int before = cluster_.at("b").opened;
    takes_writes("b", 2)(cluster_);
    settle();
    EXPECT_EQ(seen, (std::vector<std::string>{"a is retired as a primary", "b is retired as a replica"}));
    expect_writes_at("b");
    EXPECT_GT(cluster_.at("b").last_written_on, before) << "written on a connection of the time before";
    for (const char* each : {"a", "b"}) cluster_.at(each).on_retired = nullptr;
}

TEST_F(replicated_world, a_write_that_a_primary_refuses_has_it_asked_at_once) {
    have_a_primary_and_two_replicas(1);
    open();
    expect_writes_at("a");
    cluster_.at("a").takes_writes = false;
    const auto refused = write();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::read_only) << refused.error().message();
    expect_writes_at("");
    cluster_.at("a").takes_writes = true;
    settle();
    expect_writes_at("a");
}

TEST_F(replicated_world, a_write_to_a_primary_that_has_just_gone_is_told_so_at_once_and_not_made_again) {
    have_a_primary_and_two_replicas(1);
    open();
    expect_writes_at("a");
    cluster_.at("a").is = condition::gone;
    const auto refused = write();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::connection_closed) << refused.error().message();
}

TEST_F(replicated_world, a_write_that_is_not_answered_in_time_is_a_timeout_and_is_not_made_again) {
    have_a_primary_and_two_replicas(1);
    settings_.pool.statement_timeout = 100ms;
    open();
    expect_writes_at("a");
    cluster_.at("a").is = condition::mute;
    takes_writes("b", 2)(cluster_);  // where it could be made again
    const auto writing = group_.at(0).start(db_->query("write", 1000));
    settle();
    ASSERT_TRUE(writing.done());
    const auto given = writing.take();
    ASSERT_FALSE(given);
    EXPECT_EQ(given.error(), lido::errc::timeout) << given.error().message();
    EXPECT_EQ(cluster_.written().at(1000), 1) << "it took effect, once";
    EXPECT_EQ(cluster_.at("a").written.back(), 1000);
}

TEST_F(replicated_world, a_longer_back_off_of_ones_own_is_none_of_its_watchers) {
    have_a_primary_and_two_replicas(1);
    settings_.pool.connections.back_off.initial = 500ms;
    ASSERT_TRUE(settings_.validate());
    open();
    expect_writes_at("a");
}

TEST_F(replicated_world, a_read_whose_replica_has_just_gone_is_made_at_another) {
    have_a_primary_and_two_replicas(1);
    open();
    EXPECT_EQ(readers(), (names{"b", "c"}));
    cluster_.at("b").is = condition::gone;
    EXPECT_EQ(readers(), names{"c"});
}

TEST_F(replicated_world, a_replica_that_comes_and_goes_fails_no_read_and_a_primary_that_does_takes_each_write_once) {
    have_a_primary_and_two_replicas(1);
    // Half of all reads may have to be made again for as long as the replica flaps.
    settings_.policies.retry_budget.share = 1.0;
    open();
    std::size_t taken = 0;
    for (int i = 0; i < 200; ++i) {
        cluster_.at("b").is = i % 2 == 0 ? condition::gone : condition::serves;
        cluster_.at("a").is = i % 3 == 0 ? condition::gone : condition::serves;
        for (int each = 0; each < 5; ++each) {
            const auto who = read();
            ASSERT_TRUE(who) << who.error().message();
        }
        if (write()) ++taken;
        group_.advance(130ms);
    }
    EXPECT_GT(taken, 0U);
    EXPECT_EQ(cluster_.written().size(), taken);
    for (const char* each : {"a", "b"}) cluster_.at(each).is = condition::serves;
    settle();
    EXPECT_EQ(readers(), (names{"b", "c"}));
    // Nobody has had its pool connect since: who comes first may be told why it failed then, and has it try again.
    static_cast<void>(write());
    expect_writes_at("a");
}

TEST_F(replicated_world, a_report_says_who_is_behind_and_who_does_not_answer) {
    have_a_primary_and_two_replicas(1);
    open();
    cluster_.at("b").follows = false;
    cluster_.at("c").is = condition::silent;
    expect_writes_at("a");
    group_.advance(10s);
    const auto report = db_->report();
    EXPECT_EQ(report[0].name, "a");
    EXPECT_TRUE(report[0].answers);
    EXPECT_TRUE(report[0].trouble.empty());
    ASSERT_TRUE(report[1].lag);
    EXPECT_GT(*report[1].lag, 9s);
    EXPECT_LT(*report[1].lag, 11s);
    EXPECT_FALSE(report[1].is_read);
    EXPECT_FALSE(report[2].answers);
    EXPECT_THAT(report[2].trouble, HasSubstr("in time"));
}

TEST_F(replicated_world, a_transaction_goes_where_its_access_says) {
    have_a_primary_and_two_replicas(1);
    open();
    const auto name_in = [this](access_mode access) {
        auto begun = at_once(db_->begin({.access = access})).value().value();
        const auto who = at_once(begun.query("who")).value().value();
        EXPECT_TRUE(at_once(begun.commit()).value());
        return who[0][0].as<std::string>().value();
    };
    EXPECT_EQ(name_in(access_mode::server_default), "a");
    EXPECT_EQ(name_in(access_mode::read_write), "a");
    EXPECT_NE(name_in(access_mode::read_only), "a");
}

TEST_F(replicated_world, it_has_one_connection_more_than_its_pool_at_each_member) {
    have_a_primary_and_two_replicas(1);
    open();
    EXPECT_EQ(cluster_.at("c").opened, 1) << "by which it is asked";
    std::vector<started<result<transaction>>> begun;
    for (int i = 0; i < 40; ++i) begun.push_back(group_.at(0).start(db_->begin({.access = access_mode::read_only})));
    group_.advance(1s);
    EXPECT_EQ(cluster_.at("b").opened, 5);
    EXPECT_EQ(cluster_.at("c").opened, 5);
    EXPECT_EQ(roles(), "primary, replica, replica") << "pools that are full say nothing about lag";
    for (const auto& each : begun) each.cancel();
    group_.run_until_idle();
}

TEST_F(replicated_world, after_its_end_nobody_is_asked_any_more) {
    have_a_primary_and_two_replicas(1);
    open();
    const auto closing = group_.at(0).start(db_->close(1s));
    group_.advance(2s);
    ASSERT_TRUE(closing.done());
    EXPECT_EQ(closing.take().value(), 0U);
    EXPECT_EQ(group_.armed_timers(), 0U);
    const auto late = at_once(db_->read("who"));
    ASSERT_TRUE(late);
    EXPECT_FALSE(*late);
}

}  // namespace
}  // namespace lido::sql

// LISTEN and NOTIFY, COPY in and out.
#include "postgres_world.hpp"

#include <optional>
#include <semaphore>
#include <stop_token>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

TEST(postgres_listen, hears_what_is_sent_on_its_channels_and_leaves_nothing_behind) {
    postgres_world world(1);
    {
        postgres::listener hears = world.db.listen("News \"x\"").wait().value();
        EXPECT_TRUE(hears.next(1ms).wait().value().empty());
        common_server().ask("notify \"News \"\"x\"\"\", 'it''s new'");
        const auto came = hears.next(10s).wait().value();
        ASSERT_EQ(came.size(), 1U);
        EXPECT_EQ(came[0].channel, "News \"x\"");
        EXPECT_EQ(came[0].payload, "it's new");
        ASSERT_TRUE(hears.listen("more").wait());
        common_server().ask("select pg_notify('more', repeat('y', 7000) || i) from generate_series(1, 300) i");
        std::size_t count = 0;
        while (count < 300) {
            const auto batch = hears.next(10s).wait().value();
            ASSERT_FALSE(batch.empty()) << count;
            count += batch.size();
        }
        EXPECT_EQ(hears.listen("").wait().error(), errc::invalid_argument);
    }
    EXPECT_EQ(world.query("select count(*) from pg_listening_channels()").value()[0][0].as<int>().value(), 0);
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_listen, as_a_statement_is_over_with_the_lease) {
    for (const sql::reset_policy policy :
         {sql::reset_policy::none, sql::reset_policy::rollback, sql::reset_policy::full}) {
        postgres::settings with = settings_for(common_server().url(), 1);
        with.pool.reset = policy;
        postgres_world world(with);
        const auto channels = [&world] {
            return world.query("select count(*) from pg_listening_channels()").value()[0][0].as<int>().value();
        };
        ASSERT_TRUE(world.query("listen gossip"));
        EXPECT_EQ(channels(), 0) << "a statement of its own";
        {
            auto lease = world.db.acquire().wait().value();
            ASSERT_TRUE(lease.query(" /* hush */ LISTEN gossip").wait());
            common_server().ask("notify gossip, 'not for you'");
            ASSERT_TRUE(lease.query("select 1").wait());
        }
        postgres::listener hears = world.db.listen("news").wait().value();
        EXPECT_TRUE(hears.next(1ms).wait().value().empty()) << "what another has asked for";
        common_server().ask("notify gossip, 'nor this'");
        common_server().ask("notify news, 'but this'");
        const auto came = hears.next(10s).wait().value();
        ASSERT_EQ(came.size(), 1U);
        EXPECT_EQ(came[0].payload, "but this");
        EXPECT_EQ(world.db.connections().statistics().created, 1U);
    }
}

TEST(postgres_listen, as_a_part_of_a_batch_or_of_a_transaction_or_given_up_is_over_with_the_lease) {
    postgres_world world(1);
    const auto channels = [&world] {
        return world.query("select count(*) from pg_listening_channels()").value()[0][0].as<int>().value();
    };
    sql::batch both;
    both.add("select 1");
    both.add("listen gossip");
    ASSERT_TRUE(world.db.run_batch(both).wait());
    EXPECT_EQ(channels(), 0) << "batch";
    auto scope = world.db.begin().wait().value();
    ASSERT_TRUE(scope.query("listen gossip").wait());
    ASSERT_TRUE(scope.commit().wait());
    EXPECT_EQ(channels(), 0) << "transaction";
    std::stop_source stop;
    std::binary_semaphore ended(0);
    world.db.query("listen gossip").start([&](const result<sql::rows>&) { ended.release(); }, stop.get_token());
    stop.request_stop();
    ended.acquire();
    EXPECT_EQ(channels(), 0) << "given up";
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_listen, by_a_block_is_over_with_the_lease_after_the_first_that_was_heard) {
    postgres_world world(1);
    ASSERT_TRUE(world.query("do 'begin listen gossip; end'"));
    common_server().ask("notify gossip");
    EXPECT_TRUE(becomes_true([&world] {
        return world.query("select count(*) from pg_listening_channels()").value()[0][0].as<int>().value() == 0;
    }));
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_listen, says_when_its_connection_is_broken) {
    postgres_world world(1);
    postgres::listener hears = world.db.listen("news").wait().value();
    common_server().ask("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lido'");
    EXPECT_EQ(hears.next(10s).wait().error(), errc::connection_closed);
}

TEST(postgres_copy, takes_many_rows_in_and_out) {
    postgres_world world(1);
    common_server().ask("drop table if exists copied; create table copied (a int, b text)");
    postgres::copy_writer in = world.db.copy_in("copy copied from stdin").wait().value();
    std::string piece;
    for (int i = 0; i < 200'000; ++i) {
        piece += fmt::format("{}\trow {}\n", i, i);
        if (piece.size() < 100'000) continue;
        ASSERT_TRUE(in.write(std::move(piece)).wait());
        piece.clear();
    }
    ASSERT_TRUE(in.write(std::move(piece)).wait());
    EXPECT_EQ(in.finish().wait().value(), 200'000U);
    EXPECT_EQ(in.finish().wait().error(), errc::invalid_argument);
    postgres::copy_reader out = world.db.copy_out("copy (select * from copied order by a) to stdout").wait().value();
    std::string all;
    while (true) {
        const std::string next = out.next().wait().value();
        if (next.empty()) break;
        all += next;
    }
    EXPECT_TRUE(all.starts_with("0\trow 0\n1\trow 1\n"));
    EXPECT_TRUE(all.ends_with("\n199999\trow 199999\n"));
    EXPECT_TRUE(out.next().wait().value().empty());
    EXPECT_EQ(world.query("select count(*) from copied").value()[0][0].as<int>().value(), 200'000);
    EXPECT_EQ(world.db.connections().statistics().created, 1U) << "the connection is used again";
}

TEST(postgres_copy, dropped_half_way_stores_nothing) {
    postgres_world world(1);
    common_server().ask("drop table if exists halfway; create table halfway (a int)");
    {
        postgres::copy_writer in = world.db.copy_in("copy halfway from stdin").wait().value();
        ASSERT_TRUE(in.write("1\n2\n").wait());
    }
    EXPECT_EQ(world.query("select count(*) from halfway").value()[0][0].as<int>().value(), 0);
    {
        postgres::copy_reader out =
            world.db.copy_out("copy (select generate_series(1, 9999999)) to stdout").wait().value();
        EXPECT_FALSE(out.next().wait().value().empty());
    }
    EXPECT_EQ(world.query("select 5").value()[0][0].as<int>().value(), 5);
}

TEST(postgres_copy, dropped_half_way_its_connection_is_closed_at_once_where_it_would_be_reset) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.reset = sql::reset_policy::full;
    postgres_world world(with);
    common_server().ask("drop table if exists halfway_reset; create table halfway_reset (a int)");
    {
        postgres::copy_writer in = world.db.copy_in("copy halfway_reset from stdin").wait().value();
        ASSERT_TRUE(in.write("1\n").wait());
    }
    const auto begun = clock::now();
    EXPECT_EQ(world.query("select count(*) from halfway_reset").value()[0][0].as<int>().value(), 0);
    EXPECT_LT(clock::now() - begun, 1s);
}

TEST(postgres_copy, refusals_say_why) {
    postgres_world world(1);
    EXPECT_EQ(world.db.copy_in("copy nowhere from stdin").wait().error(), sql::errc::no_such_object);
    EXPECT_EQ(world.db.copy_in("select 1").wait().error(), errc::invalid_argument);
    common_server().ask("drop table if exists numbers; create table numbers (a int)");
    postgres::copy_writer in = world.db.copy_in("copy numbers from stdin").wait().value();
    // A server that is quick has refused it before the call that sends it is over.
    const auto written = in.write("1\nnot a number\n").wait();
    EXPECT_EQ(written ? in.finish().wait().error() : written.error(), sql::errc::invalid_value);
    EXPECT_EQ(world.query("select count(*) from numbers").value()[0][0].as<int>().value(), 0);
}

TEST(postgres_copy, as_a_statement_is_refused_with_where_it_belongs) {
    postgres_world world(1);
    const auto refused = world.query("copy (select 1) to stdout");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::invalid_argument);
    EXPECT_THAT(refused.error().message(), testing::HasSubstr("copy_in or copy_out of postgres::pool"));
}

TEST(postgres_copy, a_refusal_is_told_at_a_later_piece) {
    postgres_world world(1);
    common_server().ask("drop table if exists digits; create table digits (a int)");
    postgres::copy_writer in = world.db.copy_in("copy digits from stdin").wait().value();
    std::optional<error> refused;
    if (const auto first = in.write("1\nnot a number\n").wait(); !first) refused = first.error();
    EXPECT_TRUE(becomes_true([&] {
        if (refused) return true;
        auto more = in.write("2\n").wait();
        if (!more) refused = std::move(more).error();
        return refused.has_value();
    }));
    EXPECT_TRUE(refused && *refused == sql::errc::invalid_value);
}

}  // namespace
}  // namespace lido::test

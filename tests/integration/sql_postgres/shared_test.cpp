// Single statements of many that share few connections.
#include "postgres_world.hpp"

#include <atomic>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <thread>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

postgres::settings shared_settings(std::size_t connections, std::uint32_t depth) {
    postgres::settings made = settings_for(common_server().url(), 2);
    made.shared_connections = connections;
    made.pipeline_depth = depth;
    return made;
}

TEST(postgres_shared, each_of_many_gets_his_own_answer_over_few_connections) {
    postgres::settings with = shared_settings(2, 16);
    with.shared_patience = 10s;  // nothing here is slow but perhaps the machine
    postgres_world world(with);
    on_tasks(world.io, 32, [&](std::size_t user) -> task<void> {
        for (int i = 0; i < 300; ++i) {
            const int wanted = static_cast<int>(user) * 1000 + i;
            operation<sql::rows> asked = world.db.query("select $1::int", wanted);
            auto got = co_await std::move(asked);
            EXPECT_EQ(got.value()[0][0].as<int>().value(), wanted);
        }
    });
    EXPECT_LE(world.db.shared_connections()->statistics().created, 2U);
    EXPECT_EQ(world.db.connections().statistics().created, 0U);
}

TEST(postgres_shared, an_error_touches_nobody_elses_statement) {
    postgres_world world(shared_settings(1, 16));
    common_server().ask("drop table if exists shared_rows; create table shared_rows (a int primary key)");
    std::atomic<int> refused{0};
    on_tasks(world.io, 16, [&](std::size_t user) -> task<void> {
        for (int i = 0; i < 100; ++i) {
            // Half of them a second time.
            const int key = static_cast<int>(user / 2) * 1000 + i;
            operation<sql::rows> asked = world.db.query("insert into shared_rows values ($1)", key);
            auto got = co_await std::move(asked);
            if (!got) {
                EXPECT_EQ(got.error(), sql::errc::unique_violation) << got.error().message();
                ++refused;
            }
        }
    });
    EXPECT_EQ(refused, 800);
    EXPECT_EQ(common_server().ask("select count(*) from shared_rows"), "800");
}

TEST(postgres_shared, what_is_no_single_statement_takes_a_connection_of_its_own) {
    postgres_world world(shared_settings(1, 16));
    ASSERT_TRUE(world.query("set application_name = 'elsewhere'"));
    EXPECT_EQ(world.query("select current_setting('application_name')").value()[0][0].as<std::string>().value(),
              "lido");
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
    EXPECT_EQ(world.db.shared_connections()->statistics().created, 1U);
}

TEST(postgres_shared, a_select_that_makes_a_temporary_table_leaves_it_to_nobody) {
    postgres_world world(shared_settings(1, 16));
    ASSERT_TRUE(world.query("select 1 as a into temporary left_behind"));
    EXPECT_EQ(world.query("select a from left_behind").error(), sql::errc::no_such_object);
}

TEST(postgres_shared, a_statement_that_runs_long_holds_up_only_those_behind_it) {
    postgres_world world(shared_settings(2, 16));
    ASSERT_TRUE(world.query("select 1")) << "there is a connection now";
    const auto running = [] {
        return common_server().ask(
            "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep(20)%'");
    };
    std::atomic<int> served{0};
    std::atomic<bool> slow_is_done{false};
    std::stop_source stop;
    std::binary_semaphore ended(0);
    std::optional<result<sql::rows>> outcome;
    world.db.query("select pg_sleep(20)")
        .start(
            [&](result<sql::rows> came) {
                slow_is_done = true;
                outcome.emplace(std::move(came));
                ended.release();
            },
            stop.get_token());
    EXPECT_TRUE(becomes_true([&] { return running() == "1"; }));
    on_tasks(world.io, 8, [&](std::size_t) -> task<void> {
        // Those who come before its loop has seen that it is long may be behind it; of later ones none is.
        co_await sleep_until(clock::now() + 100ms);
        for (int i = 0; i < 50; ++i) {
            operation<sql::rows> asked = world.db.query("select 1");
            const auto got = co_await std::move(asked);
            EXPECT_TRUE(got);
            if (!slow_is_done) ++served;
        }
    });
    stop.request_stop();
    ended.acquire();
    EXPECT_EQ(served, 400);
    ASSERT_FALSE(*outcome) << "it was to take longer than all others";
    EXPECT_EQ(outcome->error(), errc::cancelled) << outcome->error().message();
    EXPECT_TRUE(becomes_true([&] { return running() == "0"; }));
    EXPECT_LE(world.db.shared_connections()->statistics().created, 2U);
}

/// As many statements as there are shared connections, each of them slow and on one of its own; cancelled at the end.
class slow_statements {
public:
    slow_statements(postgres_world& world, std::size_t count, duration patience) : world_(world), ended_(0) {
        for (; count_ < count; ++count_) {
            world_.db.query("select pg_sleep(15)")
                .start([this](const result<sql::rows>&) { ended_.release(); }, stop_.get_token());
            EXPECT_TRUE(becomes_true([&] { return running() == std::to_string(count_ + 1); }));
            // Then it has been seen to be long, and no further one is put behind it.
            std::this_thread::sleep_for(2 * patience + 100ms);
        }
    }
    slow_statements(const slow_statements&) = delete;
    slow_statements& operator=(const slow_statements&) = delete;
    ~slow_statements() {
        stop_.request_stop();
        for (; count_ > 0; --count_) ended_.acquire();
        EXPECT_TRUE(becomes_true([] { return running() == "0"; }));
    }

private:
    [[nodiscard]] static std::string running() {
        return common_server().ask(
            "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep(15)%'");
    }

    postgres_world& world_;
    std::size_t count_ = 0;
    std::stop_source stop_;
    std::counting_semaphore<> ended_;
};

TEST(postgres_shared, where_all_are_held_up_by_slow_statements_others_take_connections_of_their_own) {
    postgres_world world(shared_settings(2, 16));
    const slow_statements slow(world, 2, 20ms);
    const auto begun = clock::now();
    on_tasks(world.io, 8, [&](std::size_t user) -> task<void> {
        for (int i = 0; i < 5; ++i) {
            const int wanted = static_cast<int>(user) * 1000 + i;
            operation<sql::rows> asked = world.db.query("select $1::int", wanted);
            auto got = co_await std::move(asked);
            EXPECT_EQ(got.value()[0][0].as<int>().value(), wanted);
        }
    });
    EXPECT_LT(clock::now() - begun, 5s);
    EXPECT_EQ(world.db.shared_connections()->statistics().created, 2U);
    EXPECT_GE(world.db.connections().statistics().created, 1U);
    EXPECT_LE(world.db.connections().statistics().peak_size, 2U);
}

TEST(postgres_shared, what_finds_no_connection_of_either_kind_is_refused_after_one_acquire_timeout) {
    postgres::settings with = shared_settings(1, 16);
    with.pool.connections.max_size = 1;
    with.pool.connections.acquire_timeout = 1200ms;
    with.shared_patience = 600ms;
    postgres_world world(with);
    const slow_statements slow(world, 1, with.shared_patience);
    std::optional<postgres::pool::lease> held(world.db.acquire().wait().value());
    const auto begun = clock::now();
    const auto refused = world.query("select 1");
    const duration took = clock::now() - begun;
    EXPECT_EQ(refused.error(), errc::acquire_timeout);
    EXPECT_THAT(refused.error().message(), testing::Not(testing::HasSubstr("shared")));
    EXPECT_GE(took, 1190ms);
    EXPECT_LT(took, 1750ms) << "the exclusive pool has no timeout of its own beside";

    // Whoever goes while he waits for the second kind is waited for by nobody.
    std::stop_source stop;
    std::binary_semaphore ended(0);
    std::optional<result<sql::rows>> outcome;
    world.db.query("select 1")
        .start(
            [&](result<sql::rows> came) {
                outcome.emplace(std::move(came));
                ended.release();
            },
            stop.get_token());
    EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().waiting == 1; }));
    stop.request_stop();
    ended.acquire();
    EXPECT_EQ(outcome->error(), errc::cancelled);
    EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().waiting == 0; }));
    held.reset();
    EXPECT_TRUE(world.query("select 1"));
}

TEST(postgres_shared, where_the_pool_may_overflow_it_is_with_exclusive_connections) {
    postgres::settings with = shared_settings(1, 16);
    with.pool.connections.on_full = pool::when_full::overflow;
    postgres_world world(with);
    const slow_statements slow(world, 1, with.shared_patience);
    EXPECT_TRUE(world.query("select 1"));
    EXPECT_EQ(world.db.shared_connections()->statistics().created, 1U);
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_shared, whoever_waits_for_the_first_of_them_takes_no_other) {
    postgres_server server;
    postgres::settings with = settings_for(server.url(), 2);
    with.shared_connections = 1;
    with.shared_patience = 1ms;
    postgres_world world(with);
    server.freeze();
    std::binary_semaphore ended(0);
    std::optional<result<sql::rows>> outcome;
    world.db.query("select 1").start([&](result<sql::rows> came) {
        outcome.emplace(std::move(came));
        ended.release();
    });
    EXPECT_TRUE(becomes_true([&] { return world.db.shared_connections()->statistics().connecting == 1; }));
    std::this_thread::sleep_for(100ms);  // time for what must not happen: its patience is far behind
    server.thaw();
    ended.acquire();
    ASSERT_TRUE(*outcome) << outcome->error().message();
    EXPECT_EQ(world.db.connections().statistics().acquires, 0U);
}

TEST(postgres_shared, listening_is_not_for_them) {
    postgres_world world(shared_settings(1, 16));
    const auto channels = [&world] {
        return world.query("select count(*) from pg_listening_channels()").value()[0][0].as<int>().value();
    };
    ASSERT_TRUE(world.query("listen everybody"));
    EXPECT_EQ(channels(), 0);
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
    EXPECT_EQ(world.db.shared_connections()->statistics().created, 1U);

    // A function can do it all the same: such a connection ends once it has heard something.
    common_server().ask(
        "create or replace function listens() returns int language plpgsql as "
        "'begin listen everybody; return 1; end'");
    ASSERT_TRUE(world.query("select listens()"));
    ASSERT_EQ(channels(), 1);
    common_server().ask("notify everybody");
    EXPECT_TRUE(becomes_true([&] { return channels() == 0; }));
    EXPECT_EQ(world.db.shared_connections()->statistics().closed_broken, 1U);
}

TEST(postgres_shared, a_statement_that_is_given_up_is_cancelled_once_nobody_waits_behind_it) {
    postgres::settings with = shared_settings(1, 16);
    with.pool.statement_timeout = 100ms;
    postgres_world world(with);
    EXPECT_EQ(world.query("select pg_sleep(30)").error(), errc::timeout);
    EXPECT_TRUE(becomes_true([&world] {
        const auto got = world.query("select 3");
        return got && (*got)[0][0].as<int>().value() == 3;
    }));
    EXPECT_EQ(common_server().ask("select count(*) from pg_stat_activity where state = 'active' and query like "
                                  "'select pg_sleep(30)%'"),
              "0");
    EXPECT_EQ(world.db.shared_connections()->statistics().created, 1U);
}

TEST(postgres_shared, a_result_that_is_too_large_touches_nobody_elses_statement) {
    postgres::settings with = shared_settings(1, 16);
    with.pool.max_result_bytes = 64 * 1024;
    with.shared_patience = 1min;
    postgres_world world(with);
    ASSERT_TRUE(world.query("select 1"));
    std::optional<result<sql::rows>> large;
    std::optional<result<sql::rows>> small;
    bool large_was_first = false;
    std::counting_semaphore<2> ended(0);
    // From one place, so that they are asked in this order.
    const auto both = [&]() -> task<result<void>> {
        // Far more than is read of an answer that nobody waits for.
        world.db.query("select repeat('x', 1000000) from generate_series(1, 200)").start([&](result<sql::rows> came) {
            large.emplace(std::move(came));
            ended.release();
        });
        world.db.query("select 7").start([&](result<sql::rows> came) {
            large_was_first = large.has_value();
            small.emplace(std::move(came));
            ended.release();
        });
        co_return result<void>();
    };
    ASSERT_TRUE(world.io.run(both()));
    ended.acquire();
    ended.acquire();
    EXPECT_EQ(large->error(), errc::limit_exceeded);
    ASSERT_TRUE(*small) << small->error().message();
    EXPECT_EQ((**small)[0][0].as<int>().value(), 7);
    EXPECT_TRUE(large_was_first) << "or nobody was behind it";
    EXPECT_EQ(world.db.shared_connections()->statistics().created, 1U);
}

TEST(postgres_shared, prepares_anew_what_has_changed) {
    postgres_world world(shared_settings(1, 16));
    common_server().ask("drop table if exists shared_change; create table shared_change (a int)");
    ASSERT_TRUE(world.query("select * from shared_change"));
    common_server().ask("alter table shared_change add b int");
    EXPECT_EQ(world.query("select * from shared_change").value().column_count(), 2U);
}

}  // namespace
}  // namespace lido::test

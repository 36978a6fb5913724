#include "lido/sql/basic_pool.hpp"

#include "support/virtual_scheduler.hpp"
#include "unit/sql/fake_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::error;
using lido::result;
using lido::task;
using lido::sql::rows;
using lido::test::fake_database;
using lido::test::fake_database_connector;
using lido::test::started;
using testing::ElementsAre;

using fake_pool = lido::sql::basic_pool<fake_database_connector>;

/// A pool of fake sessions on two virtual schedulers; the test's own code runs as if on the first.
class basic_pool : public testing::Test {
public:
    basic_pool() : before_(current_scheduler::set_current(&group_.at(0))) { settings_.connections.max_size = 1; }
    ~basic_pool() override {
        pool_.reset();
        group_.advance(1min);
        EXPECT_EQ(group_.armed_timers(), 0U);
        current_scheduler::set_current(before_);
    }

protected:
    fake_pool& open() { return pool_.emplace(group_, settings_, fake_database_connector(database_)); }

    template <class T>
    [[nodiscard]] T run(task<T> what, std::uint32_t on = 0) {
        const started<T> begun = group_.at(on).start(std::move(what));
        group_.run_until_idle();
        return begun.take();
    }
    template <class T>
    [[nodiscard]] result<T> run(lido::operation<T> what, std::uint32_t on = 0) {
        return run(std::move(what).as_task(), on);
    }

    struct current_scheduler : lido::scheduler {
        using lido::scheduler::set_current;
    };

    lido::test::virtual_group group_{2};
    lido::scheduler* before_;
    fake_database database_;
    lido::sql::pool_settings settings_;
    std::optional<fake_pool> pool_;
};

lido::sql::batch two_inserts() {
    lido::sql::batch made;
    made.add("insert a", 1).add("insert b", 1, 2);
    return made;
}

TEST_F(basic_pool, a_query_gives_its_rows_and_its_connection_back) {
    auto& pool = open();
    for (int i = 1; i <= 3; ++i) {
        const auto given = run(pool.query("select count(*) from outfit where size = ?", 38));
        ASSERT_TRUE(given);
        EXPECT_EQ((*given)[0][0].as<int>().value(), i);
        EXPECT_EQ(given->affected(), 1U);
    }
    EXPECT_EQ(database_.opened, 1);
    EXPECT_EQ(database_.resets, 0);
}

TEST_F(basic_pool, a_query_from_another_scheduler_than_its_connections_runs_over_there) {
    auto& pool = open();
    EXPECT_TRUE(run(pool.query("first"), 0));
    EXPECT_TRUE(run(pool.query("second"), 1));
    EXPECT_EQ(database_.opened, 1);
}

TEST_F(basic_pool, statements_and_parameters_beyond_the_limit_never_reach_a_session) {
    settings_.max_statement_bytes = 1024;
    auto& pool = open();
    const auto refused = run(pool.query("insert into outfit values (?)", std::string(1024, 'x')));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::limit_exceeded);
    EXPECT_EQ(database_.opened, 0);
}

TEST_F(basic_pool, a_lease_that_comes_back_within_a_transaction_is_reset_first) {
    auto& pool = open();
    {
        auto scope = run(pool.begin());
        ASSERT_TRUE(scope);
        EXPECT_TRUE(run(scope->query("update outfit set size = 40")));
    }
    EXPECT_TRUE(run(pool.query("select 1")));
    EXPECT_EQ(database_.resets, 1);
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "update outfit set size = 40", "select 1"));
}

TEST_F(basic_pool, a_committed_transaction_gives_its_connection_back_without_a_reset) {
    auto& pool = open();
    auto scope = run(pool.begin());
    ASSERT_TRUE(scope);
    EXPECT_TRUE(run(scope->commit()));
    EXPECT_FALSE(run(scope->query("late")));
    EXPECT_EQ(run(scope->stream("late")).error(), lido::errc::invalid_argument);
    EXPECT_EQ(run(scope->run_batch(two_inserts())).error(), lido::errc::invalid_argument);
    EXPECT_EQ(run(scope->savepoint()).error(), lido::errc::invalid_argument);
    EXPECT_FALSE(run(scope->commit()));
    EXPECT_TRUE(run(pool.query("select 1")));
    EXPECT_EQ(database_.resets, 0);
}

TEST_F(basic_pool, a_commit_after_a_failed_statement_is_an_error) {
    auto& pool = open();
    database_.fails = [](const std::string& text) -> std::optional<error> {
        if (text == "bad") return error(lido::sql::errc::unique_violation, "key");
        return std::nullopt;
    };
    auto scope = run(pool.begin());
    ASSERT_TRUE(scope);
    EXPECT_FALSE(run(scope->query("bad")));
    const auto committed = run(scope->commit());
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error(), lido::sql::errc::transaction_failed);
}

TEST_F(basic_pool, a_commit_whose_answer_does_not_come_in_time_may_have_taken_effect) {
    auto& pool = open();
    auto scope = run(pool.begin());
    ASSERT_TRUE(scope);
    database_.takes = 1min;
    const started<result<void>> begun = group_.at(0).start(scope->commit().as_task());
    group_.advance(30s);
    const auto committed = begun.take();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error(), lido::errc::maybe_executed) << committed.error().message();
    ASSERT_NE(committed.error().cause(), nullptr);
    EXPECT_EQ(*committed.error().cause(), lido::errc::timeout);
}

TEST_F(basic_pool, a_rollback_and_a_statement_that_do_not_end_in_time_are_known_not_to_last) {
    auto& pool = open();
    auto scope = run(pool.begin());
    ASSERT_TRUE(scope);
    database_.takes = 1min;
    const started<result<rows>> asked = group_.at(0).start(scope->query("slow").as_task());
    group_.advance(30s);
    EXPECT_EQ(asked.take().error(), lido::errc::timeout);
    const started<result<void>> undone = group_.at(0).start(scope->rollback().as_task());
    group_.advance(30s);
    EXPECT_EQ(undone.take().error(), lido::errc::timeout);
}

TEST_F(basic_pool, a_commit_that_the_database_says_had_no_time_has_taken_no_effect) {
    auto& pool = open();
    auto scope = run(pool.begin());
    ASSERT_TRUE(scope);
    database_.fails = [](const std::string&) { return error(lido::errc::timeout, "it waited for a lock"); };
    EXPECT_EQ(run(scope->commit()).error(), lido::errc::timeout);
}

task<result<int>> count_up(fake_pool::transaction& in, int* attempts) {
    ++*attempts;
    lido::operation<rows> asked = in.query("update counter");
    result<rows> given = co_await std::move(asked);
    if (!given) co_return std::move(given).error();
    co_return *attempts;
}

TEST_F(basic_pool, a_transaction_that_conflicts_is_run_again_from_its_beginning) {
    auto& pool = open();
    int failures = 2;
    database_.fails = [&failures](const std::string& text) -> std::optional<error> {
        if (text != "update counter" || failures-- <= 0) return std::nullopt;
        return error(lido::sql::errc::serialization_failure, "conflict");
    };
    int attempts = 0;
    auto work = [&attempts](fake_pool::transaction& in) { return count_up(in, &attempts); };
    lido::operation<int> all = pool.transact(work);
    const started<result<int>> begun = group_.at(0).start(std::move(all).as_task());
    group_.advance(10s);
    EXPECT_EQ(begun.take().value(), 3);
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "update counter", "ROLLBACK", "BEGIN", "update counter",
                                            "ROLLBACK", "BEGIN", "update counter", "COMMIT"));
}

TEST_F(basic_pool, a_transaction_that_fails_for_another_reason_is_not_run_again) {
    auto& pool = open();
    database_.fails = [](const std::string& text) -> std::optional<error> {
        if (text != "update counter") return std::nullopt;
        return error(lido::sql::errc::unique_violation, "key");
    };
    int attempts = 0;
    auto work = [&attempts](fake_pool::transaction& in) { return count_up(in, &attempts); };
    lido::operation<int> all = pool.transact(work);
    const auto given = run(std::move(all));
    ASSERT_FALSE(given);
    EXPECT_EQ(given.error(), lido::sql::errc::unique_violation);
    EXPECT_EQ(attempts, 1);
}

TEST_F(basic_pool, a_transaction_whose_commit_is_not_known_to_have_failed_is_not_run_again) {
    auto& pool = open();
    database_.takes = 1min;
    database_.slow = "COMMIT";
    int attempts = 0;
    auto work = [&attempts](fake_pool::transaction& in) { return count_up(in, &attempts); };
    const started<result<int>> begun = group_.at(0).start(pool.transact(work).as_task());
    group_.advance(10min);
    const auto given = begun.take();
    ASSERT_FALSE(given);
    EXPECT_EQ(given.error(), lido::errc::maybe_executed) << given.error().message();
    EXPECT_EQ(attempts, 1);
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "update counter", "COMMIT"));
}

// ---- the time of a transaction --------------------------------------------------------------------------------------

TEST_F(basic_pool, a_transactions_time_bounds_its_statements_and_what_comes_after_it_is_not_sent) {
    auto& pool = open();
    auto scope = run(pool.begin({.timeout = 5s}));
    ASSERT_TRUE(scope);
    database_.takes = 2s;
    const started<result<rows>> first = group_.at(0).start(scope->query("first").as_task());
    group_.advance(2s);
    EXPECT_TRUE(first.take());
    const started<result<rows>> second = group_.at(0).start(scope->query("second").as_task());
    group_.advance(2s);
    EXPECT_TRUE(second.take());
    const started<result<rows>> third = group_.at(0).start(scope->query("third").as_task());
    group_.advance(1s);
    EXPECT_EQ(third.take().error(), lido::errc::timeout);
    EXPECT_EQ(run(scope->query("fourth")).error(), lido::errc::timeout);
    EXPECT_EQ(run(scope->savepoint()).error(), lido::errc::timeout);
    EXPECT_EQ(run(scope->run_batch(two_inserts())).error(), lido::errc::timeout);
    const auto committed = run(scope->commit());
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error(), lido::errc::timeout) << "it was not sent, so it is known that it took no effect";
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "first", "second", "third"));
}

TEST_F(basic_pool, a_commit_that_is_under_way_at_the_end_of_the_transactions_time_may_have_taken_effect) {
    auto& pool = open();
    auto scope = run(pool.begin({.timeout = 5s}));
    ASSERT_TRUE(scope);
    database_.takes = 1min;
    const started<result<void>> begun = group_.at(0).start(scope->commit().as_task());
    group_.advance(5s);
    EXPECT_EQ(begun.take().error(), lido::errc::maybe_executed);
}

TEST_F(basic_pool, a_rollback_has_its_own_time_after_that_of_the_transaction) {
    auto& pool = open();
    auto scope = run(pool.begin({.timeout = 5s}));
    ASSERT_TRUE(scope);
    group_.advance(6s);
    database_.takes = 2s;
    const started<result<void>> begun = group_.at(0).start(scope->rollback().as_task());
    group_.advance(2s);
    EXPECT_TRUE(begun.take());
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "ROLLBACK"));
}

TEST_F(basic_pool, a_statement_of_a_transaction_ends_by_the_sooner_of_both_times) {
    settings_.statement_timeout = 1s;
    auto& pool = open();
    auto scope = run(pool.begin({.timeout = 5s}));
    ASSERT_TRUE(scope);
    database_.takes = 2s;
    const started<result<rows>> begun = group_.at(0).start(scope->query("slow").as_task());
    group_.advance(1s);
    EXPECT_EQ(begun.take().error(), lido::errc::timeout);
}

TEST_F(basic_pool, what_was_waited_for_the_connection_is_part_of_the_transactions_time) {
    auto& pool = open();
    auto held = run(pool.acquire());
    ASSERT_TRUE(held);
    const started<result<fake_pool::transaction>> begun = group_.at(0).start(pool.begin({.timeout = 5s}).as_task());
    group_.advance(3s);
    EXPECT_FALSE(begun.done());
    held = error(lido::errc::cancelled, "given back");
    group_.run_until_idle();
    auto scope = begun.take();
    ASSERT_TRUE(scope);
    database_.takes = 3s;
    const started<result<rows>> asked = group_.at(0).start(scope->query("slow").as_task());
    group_.advance(2s);
    EXPECT_EQ(asked.take().error(), lido::errc::timeout);
}

TEST_F(basic_pool, a_function_in_a_transaction_is_run_again_only_while_there_is_time) {
    auto& pool = open();
    database_.takes = 1s;
    database_.slow = "update counter";
    database_.fails = [](const std::string& text) -> std::optional<error> {
        if (text != "update counter") return std::nullopt;
        return error(lido::sql::errc::serialization_failure, "conflict");
    };
    int attempts = 0;
    auto work = [&attempts](fake_pool::transaction& in) { return count_up(in, &attempts); };
    lido::operation<int> all = pool.transact(work, {.timeout = 2500ms}, {.max_retries = 100});
    const started<result<int>> begun = group_.at(0).start(std::move(all).as_task());
    group_.advance(2499ms);
    EXPECT_FALSE(begun.done());
    group_.advance(1ms);
    EXPECT_EQ(begun.take().error(), lido::errc::timeout) << "in the third run";
    EXPECT_EQ(attempts, 3);
    EXPECT_EQ(database_.resets, 1) << "undone when it was given back, and nobody has waited for that";
    EXPECT_EQ(pool.connections().statistics().leases, 0U);
}

TEST_F(basic_pool, a_function_in_a_transaction_waits_for_no_run_for_which_there_is_no_time) {
    auto& pool = open();
    database_.fails = [](const std::string& text) -> std::optional<error> {
        if (text != "update counter") return std::nullopt;
        return error(lido::sql::errc::serialization_failure, "conflict");
    };
    int attempts = 0;
    auto work = [&attempts](fake_pool::transaction& in) { return count_up(in, &attempts); };
    const lido::back_off_settings long_pauses{.initial = 1h, .maximum = 1h};
    lido::operation<int> all = pool.transact(work, {.timeout = 1ms}, {.max_retries = 100, .back_off = long_pauses});
    const auto given = run(std::move(all));
    EXPECT_EQ(given.error(), lido::sql::errc::serialization_failure);
    EXPECT_EQ(attempts, 1);
}

// ---- streams, batches -----------------------------------------------------------------------------------------------

TEST_F(basic_pool, a_stream_brings_its_rows_piece_by_piece_and_keeps_its_connection_until_its_end) {
    auto& pool = open();
    auto stream = run(pool.stream("select * from outfit"));
    ASSERT_TRUE(stream);
    int sum = 0;
    while (true) {
        const auto batch = run(stream->next());
        ASSERT_TRUE(batch);
        if (batch->empty()) break;
        sum += (*batch)[0][0].as<int>().value();
        EXPECT_EQ(pool.connections().statistics().leases, 1U);
    }
    EXPECT_EQ(sum, 6);
}

TEST_F(basic_pool, a_stream_whose_transaction_ended_before_it_does_not_pass_for_a_whole_one) {
    auto& pool = open();
    auto scope = run(pool.begin());
    ASSERT_TRUE(scope);
    auto stream = run(scope->stream("select * from outfit"));
    ASSERT_TRUE(stream);
    EXPECT_EQ(run(stream->next()).value().size(), 1U);
    EXPECT_TRUE(run(scope->rollback()));
    EXPECT_EQ(run(stream->next()).error(), lido::errc::invalid_argument);
}

TEST_F(basic_pool, a_query_that_is_given_up_leaves_a_connection_that_is_reset_before_it_is_lent_again) {
    auto& pool = open();
    database_.takes = 1s;
    {
        const started<result<rows>> begun = group_.at(0).start(pool.query("slow").as_task());
        group_.advance(100ms);
        EXPECT_FALSE(begun.done());
        begun.cancel();
    }
    database_.takes = 0s;
    EXPECT_TRUE(run(pool.query("select 1")));
    EXPECT_EQ(database_.resets, 1);
    EXPECT_EQ(database_.opened, 1);
}

TEST_F(basic_pool, a_server_that_changed_its_role_ends_the_generation) {
    auto& pool = open();
    database_.ends_generation = true;
    database_.fails = [](const std::string& text) -> std::optional<error> {
        if (text != "insert") return std::nullopt;
        return error(lido::sql::errc::read_only, "the server is a replica now");
    };
    EXPECT_FALSE(run(pool.query("insert")));
    EXPECT_TRUE(run(pool.query("select 1")));
    EXPECT_EQ(database_.opened, 2);
}

TEST_F(basic_pool, many_sets_of_parameters_are_run_one_after_the_other_in_a_transaction) {
    auto& pool = open();
    const std::vector<lido::sql::parameters> sets{lido::sql::make_parameters(1), lido::sql::make_parameters(2)};
    const auto given = run(pool.execute_many("insert", sets));
    EXPECT_EQ(given.value().affected(), 2U);
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "insert", "insert", "COMMIT"));
}

TEST_F(basic_pool, many_sets_of_parameters_are_rolled_back_when_one_fails_which_is_named) {
    auto& pool = open();
    database_.fails = [this](const std::string& text) -> std::optional<error> {
        if (text != "insert" || database_.seen.size() < 3) return std::nullopt;
        return error(lido::sql::errc::unique_violation, "there is one already");
    };
    const std::vector<lido::sql::parameters> sets{lido::sql::make_parameters(1), lido::sql::make_parameters(2)};
    const auto given = run(pool.execute_many("insert", sets));
    EXPECT_TRUE(given.error() == lido::sql::errc::unique_violation);
    EXPECT_THAT(given.error().what(), testing::HasSubstr("set 2 of parameters"));
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "insert", "insert", "ROLLBACK"));
}

TEST_F(basic_pool, a_batch_is_run_in_its_order_in_a_transaction_of_its_own) {
    auto& pool = open();
    const auto given = run(pool.run_batch(two_inserts()));
    ASSERT_TRUE(given) << given.error().message();
    ASSERT_EQ(given->size(), 2U);
    EXPECT_EQ((*given)[0].affected(), 1U);
    EXPECT_EQ((*given)[1].affected(), 2U);
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "insert a", "insert b", "COMMIT"));
    EXPECT_TRUE(run(pool.run_batch(lido::sql::batch()))->empty());
}

TEST_F(basic_pool, a_batch_whose_commit_is_not_answered_in_time_may_have_taken_effect) {
    auto& pool = open();
    database_.takes = 1min;
    database_.slow = "COMMIT";
    const started<result<std::vector<rows>>> begun = group_.at(0).start(pool.run_batch(two_inserts()).as_task());
    group_.advance(30s);
    EXPECT_EQ(begun.take().error(), lido::errc::maybe_executed);
}

TEST_F(basic_pool, a_batch_in_a_transaction_is_a_part_of_it) {
    auto& pool = open();
    auto scope = run(pool.begin());
    ASSERT_TRUE(scope);
    EXPECT_TRUE(run(scope->run_batch(two_inserts())));
    EXPECT_TRUE(run(scope->commit()));
    EXPECT_FALSE(run(scope->run_batch(two_inserts()))) << "it has ended";
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "insert a", "insert b", "COMMIT"));
}

TEST_F(basic_pool, a_batch_ends_at_the_first_statement_that_fails_which_is_named) {
    auto& pool = open();
    database_.fails = [](const std::string& text) -> std::optional<error> {
        if (text != "insert a") return std::nullopt;
        return error(lido::sql::errc::unique_violation, "there is one already");
    };
    const auto given = run(pool.run_batch(two_inserts()));
    ASSERT_FALSE(given);
    EXPECT_EQ(given.error(), lido::sql::errc::unique_violation);
    EXPECT_THAT(given.error().what(), testing::HasSubstr("statement 1 of 2"));
    EXPECT_THAT(database_.seen, ElementsAre("BEGIN", "insert a", "ROLLBACK"));
}

TEST_F(basic_pool, a_batch_has_bounds_and_no_place_for_the_ends_of_transactions) {
    auto& pool = open();
    lido::sql::batch wrong;
    wrong.add("insert a").add(" /* aside */ rollback to savepoint x");
    const auto refused = run(pool.run_batch(wrong));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what(), testing::HasSubstr("statement 2 of 2 is ROLLBACK"));
    lido::sql::batch many;
    for (std::size_t i = 0; i <= lido::sql::batch::most; ++i) many.add("insert a");
    EXPECT_EQ(run(pool.run_batch(many)).error(), lido::errc::limit_exceeded);
    settings_.max_statement_bytes = 1024;
    lido::sql::batch large;
    large.add("insert a", std::string(600, 'x')).add("insert a", std::string(600, 'x'));
    EXPECT_EQ(run(open().run_batch(large)).error(), lido::errc::limit_exceeded);
    EXPECT_TRUE(database_.seen.empty());
}

TEST_F(basic_pool, a_batch_that_is_given_up_leaves_nothing_to_the_next) {
    auto& pool = open();
    database_.takes = 1s;
    {
        const started<result<std::vector<rows>>> begun = group_.at(0).start(pool.run_batch(two_inserts()).as_task());
        group_.advance(1500ms);
        begun.cancel();
    }
    database_.takes = 0s;
    EXPECT_TRUE(run(pool.query("select 1")));
    EXPECT_EQ(database_.resets, 1);
}

}  // namespace

// Lido: what tests of contention share for the three databases: the accounts, and how the server counts.
#pragma once

#include "integration/sql_any/databases.hpp"
#include "integration/sql_any/transfers.hpp"
#include "lido/sql/mysql/pool.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lido::test {

class any_contention : public any_database {
public:
    void SetUp() override {
        any_database::SetUp();
        settings_.connections.acquire_timeout = std::chrono::seconds(30);  // nobody shall give up for want of a place
        sql::pool db = open();
        make_table(db, "account", "id bigint primary key, amount bigint not null");
        // Without a key, so that what is doubled is there twice.
        make_table(db, "ledger", "number bigint, source bigint, target bigint, amount bigint");
        std::vector<sql::parameters> sets;
        for (std::int64_t id = 0; id < accounts; ++id) sets.push_back(sql::make_parameters(id, first_amount));
        ASSERT_TRUE(db.execute_many(text("insert into account values (?, ?)"), sets).wait());
        ASSERT_TRUE(db.close().wait());
    }

protected:
    [[nodiscard]] bool is(sql::database_kind kind) const { return of().kind == kind; }
    [[nodiscard]] bool is_file() const { return is(sql::database_kind::sqlite); }
    [[nodiscard]] transfer_statements statements() const {
        return {.note = text("insert into ledger values (?, ?, ?, ?)"),
                .add = text("update account set amount = amount + ? where id = ?"),
                .amount = text("select amount from account where id = ?"),
                .put = text("update account set amount = ? where id = ?")};
    }
    /// Another pool, for what the test asks itself.
    [[nodiscard]] sql::pool& beside() {
        if (!beside_) beside_ = std::make_unique<sql::pool>(sql::pool::open(io_, of().url(), settings_).value());
        return *beside_;
    }
    void close_beside() { beside_.reset(); }

    /// Connections of the pool at the server, as the server counts them.
    [[nodiscard]] std::size_t connections_at_server() {
        if (is(sql::database_kind::postgres)) return any_postgres().connections();
        return looking()
            .query(
                "select count(*) from information_schema.processlist where user = 'tester' and command <> 'Killed' "
                "and id <> connection_id()")
            .wait()
            .value()[0][0]
            .as<std::size_t>()
            .value();
    }
    /// How many deadlocks the server says that it has resolved.
    [[nodiscard]] std::size_t deadlocks_at_server() {
        if (is_file()) return 0;
        if (is(sql::database_kind::postgres)) {
            return std::stoul(any_postgres().ask("select deadlocks from pg_stat_database where datname = 'postgres'"));
        }
        const auto said = looking().query("show global status like 'Innodb_deadlocks'").wait().value();
        return said[0][1].as<std::size_t>().value();
    }
    /// Ends one of the pool's connections, if it has any.
    void end_a_connection() {
        if (is(sql::database_kind::postgres)) {
            static_cast<void>(any_postgres().ask(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lido' order by "
                "random() limit 1"));
            return;
        }
        const auto found =
            looking()
                .query(
                    "select id from information_schema.processlist where user = 'tester' and id <> connection_id() and "
                    "command <> 'Killed' order by rand() limit 1")
                .wait()
                .value();
        if (found.empty()) return;
        const auto id = found[0][0].as<std::int64_t>().value();
        // It may have gone by itself meanwhile.
        static_cast<void>(looking().query(sql::trusted_sql(fmt::format("kill connection {}", id))).wait());
    }

    /// The database against what users were told: what was acknowledged is there once, and each account has what the
    /// ledger says.
    void expect_right(const transfers& told) {
        std::map<std::int64_t, std::int64_t> amounts;
        for (std::int64_t id = 0; id < accounts; ++id) amounts[id] = first_amount;
        std::vector<std::int64_t> there;
        for (const sql::row each : ask(beside(), "select number, source, target, amount from ledger").value()) {
            there.push_back(each[0].as<std::int64_t>().value());
            amounts[each[1].as<std::int64_t>().value()] -= each[3].as<std::int64_t>().value();
            amounts[each[2].as<std::int64_t>().value()] += each[3].as<std::int64_t>().value();
        }
        told.record.compare(there);
        for (const auto& [id, amount] : amounts) {
            EXPECT_EQ(ask(beside(), "select amount from account where id = ?", id).value()[0][0].as<int>().value(),
                      amount)
                << "account " << id;
        }
        EXPECT_EQ(number(beside(), "select sum(amount) from account"), accounts * first_amount);
    }
    /// Whether every connection can be lent, all of them at once, and all come back: what is wrong with that, or
    /// nothing.
    [[nodiscard]] std::string trouble_of(sql::pool& db, std::size_t size) {
        {
            std::vector<sql::transaction> all;
            for (std::size_t i = 0; i < size; ++i) {
                auto begun = db.begin({.access = sql::access_mode::read_only}).wait();
                if (!begun) return begun.error().message();
                const auto read = begun->query(text("select count(*) from account")).wait();
                if (!read) return read.error().message();
                all.push_back(std::move(*begun));
            }
        }
        const bool are_back = becomes_true([&] {
            const auto numbers = db.statistics();
            return std::all_of(numbers.begin(), numbers.end(), [](const lido::pool::statistics& each) {
                return each.leases + each.waiting + each.connecting + each.checking + each.closing == 0;
            });
        });
        return are_back ? "" : "connections do not come back";
    }
    /// A connection that is there when all of the pool's wait for a lock.
    [[nodiscard]] mysql::pool& looking() {
        if (!looking_) {
            mysql::pool_settings own;
            own.url = of().url();
            own.pool.connections.max_size = 1;
            looking_ = std::make_unique<mysql::pool>(io_, own);
        }
        return *looking_;
    }

private:
    std::unique_ptr<sql::pool> beside_;
    std::unique_ptr<mysql::pool> looking_;
};

}  // namespace lido::test

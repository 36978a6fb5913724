// A failover by DNS: the name of a database leads elsewhere, and what is connected to the old place is used for nothing
// new.
#include "integration/sql_any/databases.hpp"
#include "lido/sql/mysql/pool.hpp"
#include "lido/sql/postgres/pool.hpp"
#include "support/becomes_true.hpp"
#include "support/changing_names.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

/// The name leads to this machine; only who asks `names` hears anything else.
constexpr const char* a_name = "LocalHost";

template <class Pool>
std::int64_t connection_of(Pool& db, const sql::statement& question) {
    const auto got = db.query(question).wait();
    EXPECT_TRUE(got) << got.error().message();
    return got ? (*got)[0][0].template as<std::int64_t>().value() : -1;
}

template <class Pool>
void expect_follows(Pool& db, changing_names& names, const sql::statement& question) {
    const std::int64_t before = connection_of(db, question);
    names.wait_for_look_ups(1);
    EXPECT_EQ(connection_of(db, question), before);
    names.lead_to({"127.0.0.1", "192.0.2.2"});
    EXPECT_TRUE(becomes_true([&] { return connection_of(db, question) != before; }));
}

TEST(followed_names, connections_to_postgresql_are_new_ones_when_its_name_leads_elsewhere) {
    changing_names names;
    runtime io;
    postgres::settings with;
    with.url = any_postgres().tcp_url(a_name) + "?sslmode=disable&shared_connections=1";
    with.pool.connections.max_size = 1;
    with.pool.look_up_interval = 1s;
    with.pool.names = names.resolver();
    postgres::pool db(io, with);
    expect_follows(db, names, "select pg_backend_pid()::bigint");
    EXPECT_GT(connection_of(db, "show max_connections"), 0) << "by a lease";
    EXPECT_EQ(db.connections().statistics().closed_retired, 0U);
    names.lead_to({"127.0.0.1", "192.0.2.3"});
    EXPECT_TRUE(becomes_true([&] { return db.connections().statistics().closed_retired > 0; }));
}

TEST(followed_names, connections_to_mariadb_are_new_ones_when_its_name_leads_elsewhere) {
    changing_names names;
    runtime io;
    mysql::pool_settings with;
    with.url = fmt::format("mysql://tester:lido%27s@{}:{}/shop?ssl-mode=disabled", a_name, any_mariadb().port());
    with.pool.connections.max_size = 1;
    with.pool.look_up_interval = 1s;
    with.pool.names = names.resolver();
    mysql::pool db(io, with);
    expect_follows(db, names, "select connection_id()");
}

TEST(followed_names, a_name_is_not_looked_up_when_that_is_switched_off) {
    changing_names names;
    runtime io;
    postgres::settings with;
    with.url = any_postgres().tcp_url(a_name) + "?sslmode=disable";
    with.pool.look_up_interval = 0s;
    with.pool.names = names.resolver();
    postgres::pool db(io, with);
    EXPECT_GT(connection_of(db, "select pg_backend_pid()::bigint"), 0);
    EXPECT_EQ(names.look_ups(), 1) << "to connect";
    with.pool.look_up_interval = 500ms;
    EXPECT_FALSE(with.validate());
}

}  // namespace
}  // namespace lido::test

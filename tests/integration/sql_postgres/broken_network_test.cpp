// A network that breaks, or stands still, in the middle of the first exchange.
#include "postgres_world.hpp"
#include "support/sql_cuts.hpp"

#include <sstream>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

class postgres_broken_network : public testing::Test {
protected:
    postgres_broken_network() { common_server().ask("drop table if exists cut; create table cut (a bigint)"); }

    /// `patience`: for the connect, and for the statement.
    write_through writer(duration patience) {
        return [this, patience](std::uint16_t port, std::int64_t number, write_record& record) {
            postgres::settings with =
                settings_for(fmt::format("postgresql://lido:{}@127.0.0.1:{}/postgres", test_secret, port), 1);
            with.pool.connections.down_fail_fast = duration::zero();
            with.pool.connections.connect_timeout = patience;
            with.pool.connections.close_timeout = patience;
            with.pool.statement_timeout = patience;
            with.application_name = "cut";
            postgres::pool db(io_, with);
            const auto done = db.query("insert into cut values ($1)", number).wait();
            done ? record.acknowledged(number) : record.failed(number, done.error(), false);
        };
    }
    static std::vector<std::int64_t> there() {
        std::istringstream from(common_server().ask("select string_agg(a::text, ' ') from cut"));
        std::vector<std::int64_t> all;
        for (std::int64_t each = 0; from >> each;) all.push_back(each);
        return all;
    }

    runtime io_;
};

TEST_F(postgres_broken_network, cut_at_any_byte_is_told_at_once_and_nothing_is_doubled) {
    write_record record;
    const std::size_t exchanges = break_at_every_byte(common_server().port(), breaking::cut, 1, 5s, writer(5s), record);
    EXPECT_GT(exchanges, 500U);
    record.expect_only({errc::connect_failed, errc::maybe_executed, errc::connection_closed});
    EXPECT_TRUE(becomes_true([] { return common_server().connections("cut") == 0; }));
    record.compare(there());
}

TEST_F(postgres_broken_network, that_stands_still_at_any_byte_is_waited_for_no_longer_than_the_deadlines_say) {
    write_record record;
    static_cast<void>(break_at_every_byte(common_server().port(), breaking::stall, 41, 5s, writer(200ms), record));
    record.expect_only({errc::connect_timeout, errc::connect_failed, errc::timeout, errc::maybe_executed});
    EXPECT_TRUE(becomes_true([] { return common_server().connections("cut") == 0; }));
    record.compare(there());
}

}  // namespace
}  // namespace lido::test

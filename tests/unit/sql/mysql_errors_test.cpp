#include "sql/mysql/errors.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>

namespace lido::mysql {
namespace {

using testing::HasSubstr;

TEST(mysql_errors, the_number_says_more_than_the_state) {
    EXPECT_EQ(errc_of(1062, "23000", ""), sql::errc::unique_violation);
    EXPECT_EQ(errc_of(1452, "23000", ""), sql::errc::foreign_key_violation);
    EXPECT_EQ(errc_of(1048, "23000", ""), sql::errc::not_null_violation);
    EXPECT_EQ(errc_of(4025, "23000", ""), sql::errc::check_violation);
    EXPECT_EQ(errc_of(1213, "40001", ""), sql::errc::deadlock);
    EXPECT_EQ(errc_of(1040, "08004", ""), sql::errc::too_many_connections);
    EXPECT_EQ(errc_of(65000, "22003", ""), sql::errc::invalid_value)
        << "of a number that is not known the state counts";
    EXPECT_EQ(errc_of(65000, "HY000", ""), sql::errc::other);
}

TEST(mysql_errors, an_option_that_prevents_a_statement_means_a_server_for_reading_only_if_it_is_that_option) {
    const auto meaning = [](std::string_view option) {
        const std::string message =
            fmt::format("The MariaDB server is running with the {} option so it cannot execute this statement", option);
        return errc_of(1290, "HY000", message);
    };
    EXPECT_EQ(meaning("--read-only"), sql::errc::read_only);
    EXPECT_EQ(meaning("--super-read-only"), sql::errc::read_only);
    EXPECT_EQ(meaning("--read_only"), sql::errc::read_only);
    EXPECT_EQ(meaning("--secure-file-priv"), sql::errc::permission_denied);
    EXPECT_EQ(meaning("--skip-grant-tables"), sql::errc::permission_denied);
}

TEST(mysql_errors, a_lost_connection_leaves_it_open_whether_the_statement_was_executed) {
    EXPECT_EQ(make_error(2013, "HY000", "Lost connection"), lido::errc::maybe_executed);
    EXPECT_EQ(make_error(1062, "23000", "Duplicate entry"), sql::errc::unique_violation);
    EXPECT_TRUE(means_lost(2006));
    EXPECT_TRUE(means_lost(1927));
    EXPECT_FALSE(means_lost(1213));
}

TEST(mysql_errors, a_connect_that_fails_says_where_and_why) {
    EXPECT_EQ(make_connect_error(2002, "HY000", "refused", "db:3306"), lido::errc::connect_failed);
    EXPECT_EQ(make_connect_error(2026, "HY000", "certificate verify failed", "db:3306"), lido::errc::tls_failed);
    const error refused = make_connect_error(1045, "28000", "Access denied", "db:3306");
    EXPECT_EQ(refused, sql::errc::authentication_failed);
    EXPECT_THAT(refused.message(), HasSubstr("db:3306"));
}

TEST(mysql_errors, the_value_that_a_message_quotes_is_left_out) {
    const auto shown = [](unsigned number, std::string_view message) {
        return make_error(number, "HY000", message).what();
    };
    EXPECT_EQ(shown(1062, "Duplicate entry 'a@b.example' for key 'email'"),
              "Duplicate entry '…' for key 'email' (1062, SQLSTATE HY000)");
    EXPECT_EQ(shown(1062, "Duplicate entry 'it's for key 'x'' for key 'PRIMARY'"),
              "Duplicate entry '…' for key 'PRIMARY' (1062, SQLSTATE HY000)");
    EXPECT_EQ(shown(1366, "Incorrect integer value: 'secret' for column `shop`.`outfit`.`size` at row 1"),
              "Incorrect integer value: '…' for column `shop`.`outfit`.`size` at row 1 (1366, SQLSTATE HY000)");
    EXPECT_EQ(shown(1292, "Truncated incorrect DOUBLE value: 'secret'"),
              "Truncated incorrect DOUBLE value: '…' (1292, SQLSTATE HY000)");
    EXPECT_THAT(shown(1146, "Table 'shop.nothing' doesn't exist"), HasSubstr("shop.nothing"));
    EXPECT_THAT(shown(1062, "Duplicate entry"), HasSubstr("Duplicate entry ("));
}

TEST(mysql_errors, a_refusal_says_what_can_be_done) {
    EXPECT_THAT(make_error(1213, "40001", "Deadlock found").remedy(), HasSubstr("run the transaction again"));
    EXPECT_THAT(make_connect_error(1040, "08004", "Too many connections", "db:3306").remedy(), HasSubstr("max_size"));
}

}  // namespace
}  // namespace lido::mysql

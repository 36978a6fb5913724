#include "sql/postgres/server_error.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace lido::postgres {
namespace {

TEST(postgres_errors, a_failed_connect_is_known_by_its_state_in_any_language) {
    const server_error read = read_connect_error(
        "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: Passwort-Authentifizierung für "
        "Benutzer »shop« fehlgeschlagen\nLOCATION:  auth_failed, auth.c:326\n");
    EXPECT_EQ(read.state, "28P01");
    EXPECT_EQ(read.message, "Passwort-Authentifizierung für Benutzer »shop« fehlgeschlagen");
    EXPECT_EQ(to_error(read), sql::errc::authentication_failed);
}

TEST(postgres_errors, a_failed_connect_without_a_state_is_libpqs_own) {
    const server_error read = read_connect_error("connection to server failed: Connection refused\n\tIs it there?\n");
    EXPECT_EQ(read.state, "");
    EXPECT_EQ(read.message, "connection to server failed: Connection refused");
}

TEST(postgres_errors, the_last_of_several_attempts_counts) {
    const server_error read = read_connect_error("failed: FATAL:  28000: no\nfailed: FATAL:  53300: too many\n");
    EXPECT_EQ(read.state, "53300");
    EXPECT_EQ(read.message, "too many");
}

std::string fields(std::initializer_list<std::string_view> of) {
    std::string made;
    for (const std::string_view each : of) (made += each) += '\0';
    return made + '\0';
}

TEST(postgres_errors, an_error_is_read_field_by_field_and_those_that_hold_values_are_left_out) {
    const std::string body = fields({"SFEHLER", "VERROR", "C23505", "Mdoppelter Schlüssel", "DKey (id)=(7) exists.",
                                     "Hdo not", "noutfit_pkey", "Fnbtinsert.c", "R_bt_check_unique"});
    const std::optional<server_error> read = read_error(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->state, "23505");
    EXPECT_EQ(read->message, "doppelter Schlüssel");
    EXPECT_EQ(read->constraint, "outfit_pkey");
    EXPECT_FALSE(read->fatal);
    EXPECT_FALSE(read->plan_is_stale);
}

TEST(postgres_errors, the_end_of_the_connection_is_known_by_the_word_that_is_not_translated) {
    EXPECT_TRUE(read_error(fields({"STÖDLICH", "VFATAL", "C57P01", "Mende"}))->fatal);
    EXPECT_TRUE(read_error(fields({"SFATAL", "C08P01", "Mof a proxy"}))->fatal);
    EXPECT_FALSE(read_error(fields({"SFATAL", "VERROR", "C57014", "Mcancelled"}))->fatal);
}

TEST(postgres_errors, a_plan_that_is_stale_is_known_by_the_servers_function) {
    EXPECT_TRUE(read_error(fields({"SERROR", "C0A000", "Mcached plan", "RRevalidateCachedQuery"}))->plan_is_stale);
    EXPECT_FALSE(read_error(fields({"SERROR", "C0A000", "Mnot supported", "Rparse"}))->plan_is_stale);
    EXPECT_TRUE(read_error(fields({"SERROR", "C26000", "Mno such statement"}))->plan_is_stale);
}

TEST(postgres_errors, what_is_no_error_of_the_servers_form_is_nothing) {
    EXPECT_FALSE(read_error(""));
    EXPECT_FALSE(read_error(fields({"SERROR", "Mwithout a state"})));
    EXPECT_FALSE(read_error(fields({"SERROR", "C2350", "Mtoo short a state"})));
    EXPECT_FALSE(read_error(fields({"SERROR", "C23505"}) + "behind it"));
    EXPECT_FALSE(read_error(std::string_view("SERROR\0C23505\0", 14))) << "it has no end";
    EXPECT_FALSE(read_error("SERROR"));
}

TEST(postgres_errors, the_text_has_state_message_and_constraint) {
    const error made = to_error({.state = "23505", .message = "duplicate key", .constraint = "outfit_pkey"});
    EXPECT_EQ(made, sql::errc::unique_violation);
    EXPECT_EQ(made.what(), "PostgreSQL 23505: duplicate key (constraint outfit_pkey)");
}

TEST(postgres_errors, a_statement_of_which_the_server_itself_knows_nothing_may_have_been_executed) {
    for (const char* state : {"40003", "08007"}) {
        const error made = to_error({.state = state, .message = "statement completion unknown"});
        EXPECT_EQ(made, lido::errc::maybe_executed) << state;
        EXPECT_FALSE(sql::is_transient(made)) << state << ": run again it may be done twice";
    }
    EXPECT_TRUE(sql::is_transient(to_error({.state = "40001", .message = "could not serialize"})));
}

TEST(postgres_errors, the_value_that_a_message_quotes_is_left_out) {
    const error made =
        to_error({.state = "22P02", .message = "invalid input syntax for type integer: \"my password\""});
    EXPECT_EQ(made.what(), "PostgreSQL 22P02: invalid input syntax for type integer: \"…\"");
}

TEST(postgres_errors, a_proxy_that_had_no_server_is_told_from_one_that_lost_it) {
    const auto says = [](std::string message) {
        return had_no_server({.state = "08P01", .message = std::move(message), .constraint = {}, .fatal = true});
    };
    EXPECT_TRUE(says("server login has been failing, try again later (server_login_retry)"));
    EXPECT_TRUE(says("query_wait_timeout"));
    EXPECT_FALSE(says("server conn crashed?"));
    EXPECT_FALSE(says("query_timeout"));
}

}  // namespace
}  // namespace lido::postgres

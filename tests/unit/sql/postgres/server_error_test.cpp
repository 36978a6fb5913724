#include "sql/postgres/server_error.hpp"

#include <gtest/gtest.h>

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

TEST(postgres_errors, the_text_has_state_message_and_constraint) {
    const error made = to_error({.state = "23505", .message = "duplicate key", .constraint = "outfit_pkey"});
    EXPECT_EQ(made, sql::errc::unique_violation);
    EXPECT_EQ(made.what(), "PostgreSQL 23505: duplicate key (constraint outfit_pkey)");
}

TEST(postgres_errors, the_value_that_a_message_quotes_is_left_out) {
    const error made =
        to_error({.state = "22P02", .message = "invalid input syntax for type integer: \"my password\""});
    EXPECT_EQ(made.what(), "PostgreSQL 22P02: invalid input syntax for type integer: \"…\"");
}

}  // namespace
}  // namespace lido::postgres

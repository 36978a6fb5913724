#include "lido/sql/error.hpp"

#include <gtest/gtest.h>

namespace {

using lido::sql::errc;
using lido::sql::errc_of_sqlstate;

TEST(sql_error, states_of_the_standard_and_of_postgresql_have_a_meaning) {
    const std::pair<const char*, errc> cases[] = {
        {"23505", errc::unique_violation},
        {"23503", errc::foreign_key_violation},
        {"23502", errc::not_null_violation},
        {"23514", errc::check_violation},
        {"23P01", errc::check_violation},
        {"25006", errc::read_only},
        {"40001", errc::serialization_failure},
        {"40P01", errc::deadlock},
        {"40003", errc::other},
        {"08007", errc::other},
        {"42601", errc::syntax_error},
        {"42P01", errc::no_such_object},
        {"42703", errc::no_such_object},
        {"42501", errc::permission_denied},
        {"28P01", errc::authentication_failed},
        {"53300", errc::too_many_connections},
        {"55P03", errc::lock_timeout},
        {"57014", errc::statement_cancelled},
        {"57P01", errc::shutting_down},
        {"22003", errc::invalid_value},
        {"53100", errc::disk_full},
        {"25P02", errc::transaction_failed},
        {"XX001", errc::corrupt},
        {"99999", errc::other},
        {"", errc::other},
    };
    for (const auto& [state, meaning] : cases) EXPECT_EQ(errc_of_sqlstate(state), meaning) << state;
}

TEST(sql_error, only_conflicts_between_transactions_are_transient) {
    EXPECT_TRUE(lido::sql::is_transient(lido::error(errc::deadlock, "x")));
    EXPECT_TRUE(lido::sql::is_transient(lido::error(errc::serialization_failure, "x")));
    EXPECT_FALSE(lido::sql::is_transient(lido::error(errc::unique_violation, "x")));
    EXPECT_FALSE(lido::sql::is_transient(lido::error(lido::errc::maybe_executed, "x")));
}

TEST(sql_error, a_state_that_says_that_nothing_is_known_is_no_conflict) {
    for (const char* each : {"40003", "08007"}) {
        EXPECT_TRUE(lido::sql::is_outcome_unknown(each)) << each;
        EXPECT_FALSE(lido::sql::is_transient(lido::error(errc_of_sqlstate(each), "x"))) << each;
    }
    for (const char* each : {"40001", "40P01", "08006", ""}) EXPECT_FALSE(lido::sql::is_outcome_unknown(each)) << each;
}

TEST(sql_error, each_has_a_name_and_a_message_of_its_own) {
    std::string seen;
    for (int i = 1; i <= static_cast<int>(errc::other); ++i) {
        const auto value = static_cast<errc>(i);
        const std::string name(lido::sql::name_of(value));
        EXPECT_EQ(seen.find("|" + name + "|"), std::string::npos) << name;
        seen += "|" + name + "|";
        EXPECT_FALSE(make_error_code(value).message().empty());
    }
}

}  // namespace

#include "lido/upstream/outcome.hpp"

#include <gtest/gtest.h>

#include <system_error>

namespace lido::upstream {
namespace {

TEST(outcome_of_an_error, is_that_of_the_table) {
    const auto of = [](errc code, bool may_have_acted = false) {
        return outcome_of(error(code, "test"), may_have_acted);
    };
    for (const errc code : {errc::connect_failed, errc::connect_timeout, errc::resolve_failed, errc::tls_failed}) {
        EXPECT_EQ(of(code, true), outcome::unreached) << name_of(code);
    }
    for (const errc code : {errc::acquire_timeout, errc::queue_full, errc::pool_exhausted, errc::pool_paused}) {
        EXPECT_EQ(of(code, true), outcome::refused) << name_of(code);
    }
    for (const errc code :
         {errc::cancelled, errc::invalid_argument, errc::limit_exceeded, errc::would_deadlock, errc::pool_closed}) {
        EXPECT_EQ(of(code, true), outcome::ignored) << name_of(code);
    }
    for (const errc code : {errc::read_timeout, errc::write_timeout, errc::timeout, errc::connection_closed,
                            errc::protocol_error, errc::maybe_executed}) {
        EXPECT_EQ(of(code), outcome::failed) << name_of(code);
        EXPECT_EQ(of(code, true), outcome::unsure) << name_of(code);
    }
    const error foreign(std::make_error_code(std::errc::io_error), "test");
    EXPECT_EQ(outcome_of(foreign, false), outcome::failed);
    EXPECT_EQ(outcome_of(foreign, true), outcome::unsure);
}

TEST(outcome_of_a_wait_in_vain, is_our_own_doing_only_where_our_own_callers_had_all_connections) {
    EXPECT_EQ(outcome_of_wait_in_vain(true), outcome::refused);
    EXPECT_EQ(outcome_of_wait_in_vain(false), outcome::unreached);
}

TEST(outcome_without_a_connection, of_a_wait_that_took_too_long_depends_on_whether_the_pool_was_full) {
    for (const errc code : {errc::acquire_timeout, errc::timeout}) {
        EXPECT_EQ(outcome_without_connection(error(code, "test"), true), outcome::refused) << name_of(code);
        EXPECT_EQ(outcome_without_connection(error(code, "test"), false), outcome::unreached) << name_of(code);
    }
}

TEST(outcome_without_a_connection, is_that_of_an_endpoint_not_reached_whatever_opening_calls_its_failure) {
    const auto is_unreached = [](const error& why) {
        return outcome_without_connection(why, true) == outcome::unreached &&
               outcome_without_connection(why, false) == outcome::unreached;
    };
    for (const errc code : {errc::connect_failed, errc::connect_timeout, errc::resolve_failed, errc::tls_failed,
                            errc::connection_closed, errc::protocol_error, errc::read_timeout, errc::write_timeout,
                            errc::maybe_executed, errc::check_failed, errc::reset_failed}) {
        EXPECT_TRUE(is_unreached(error(code, "test"))) << name_of(code);
    }
    EXPECT_TRUE(is_unreached(error(std::make_error_code(std::errc::io_error), "test")));
}

TEST(outcome_without_a_connection, of_a_refusal_by_our_own_side_says_nothing_about_the_endpoint) {
    for (const bool full : {false, true}) {
        for (const errc code : {errc::queue_full, errc::pool_exhausted, errc::pool_paused}) {
            EXPECT_EQ(outcome_without_connection(error(code, "test"), full), outcome::refused) << name_of(code);
        }
        for (const errc code : {errc::cancelled, errc::pool_closed, errc::would_deadlock}) {
            EXPECT_EQ(outcome_without_connection(error(code, "test"), full), outcome::ignored) << name_of(code);
        }
    }
}

}  // namespace
}  // namespace lido::upstream

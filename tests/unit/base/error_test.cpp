#include "lido/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace {

using lido::errc;
using lido::error;
using lido::pool_numbers;
using testing::HasSubstr;

TEST(error, every_value_has_a_name_a_message_and_a_remedy_of_its_own) {
    std::set<std::string> names;
    std::set<std::string> messages;
    for (int value = static_cast<int>(errc::acquire_timeout); value <= static_cast<int>(errc::rate_limited); ++value) {
        const auto code = static_cast<errc>(value);
        names.insert(std::string(lido::name_of(code)));
        messages.insert(lido::make_error_code(code).message());
        EXPECT_FALSE(error(code, "something").remedy().empty()) << lido::name_of(code);
    }
    EXPECT_EQ(names.size(), 23U);
    EXPECT_EQ(messages.size(), 23U);
    EXPECT_FALSE(names.contains("unknown"));
}

TEST(error, an_unknown_value_is_harmless) {
    const auto none = static_cast<errc>(999);
    EXPECT_EQ(lido::name_of(none), "unknown");
    EXPECT_EQ(lido::make_error_code(none).message(), "unknown error 999");
    EXPECT_EQ(error(none, "x").remedy(), "");
}

TEST(error, is_compared_by_its_code) {
    const error closed(errc::pool_closed, "pool shop");
    EXPECT_TRUE(closed == errc::pool_closed);
    EXPECT_FALSE(closed == errc::pool_paused);
    EXPECT_EQ(closed.code(), errc::pool_closed);
    EXPECT_STREQ(closed.code().category().name(), "lido");
}

TEST(error, carries_codes_of_other_categories) {
    const error refused(std::make_error_code(std::errc::connection_refused), "connect to 127.0.0.1:1");
    EXPECT_EQ(refused.remedy(), "");
    EXPECT_FALSE(refused == errc::connect_failed);
    EXPECT_THAT(refused.message(), HasSubstr("Connection refused"));
}

TEST(error, tells_in_one_line_what_why_the_remedy_and_the_pools_numbers) {
    const error all = error(errc::acquire_timeout, "acquire from pool shop", "wait longer")
                          .with_cause(error(errc::connect_failed, "connect to 10.0.0.1:80: refused"))
                          .with_numbers({.max = 10, .idle = 1, .leased = 2, .connecting = 3, .waiting = 4})
                          .with_context("GET /outfits");
    EXPECT_EQ(
        all.message(),
        "GET /outfits: acquire from pool shop (no connection became free in time); cause: connect to 10.0.0.1:80: "
        "refused; remedy: wait longer; pool: max 10, idle 1, leased 2, connecting 3, waiting 4");
    ASSERT_NE(all.cause(), nullptr);
    EXPECT_TRUE(*all.cause() == errc::connect_failed);
    EXPECT_EQ(all.numbers()->waiting, 4U);
}

TEST(error, shows_control_bytes_instead_of_obeying_them) {  // CWE-117
    const error forged(errc::invalid_argument, "path /a\r\n2026-01-01 all is well\x1b[2J\x7f");
    EXPECT_EQ(forged.message().find("path /a\\x0d\\n2026-01-01 all is well\\x1b[2J\\x7f ("), 0U) << forged.message();
    EXPECT_EQ(forged.what().find("path /a\r\n"), 0U) << "what happened is kept as it is";
}

TEST(error, a_change_is_not_seen_through_a_copy) {
    error first(errc::timeout, "first");
    error second = first;
    second = std::move(second).with_context("second");
    EXPECT_EQ(first.what(), "first");
    EXPECT_EQ(second.what(), "second: first");
}

TEST(error, moved_from_is_empty_and_can_still_be_asked) {
    error first(errc::timeout, "first");
    const error second = std::move(first);
    EXPECT_EQ(second.what(), "first");
    // NOLINTBEGIN(bugprone-use-after-move): what is tested
    EXPECT_EQ(first.what(), "");
    EXPECT_EQ(first.cause(), nullptr);
    EXPECT_FALSE(first.numbers().has_value());
    EXPECT_FALSE(first.message().empty());
    // NOLINTEND(bugprone-use-after-move)
}

TEST(error, thrown_as_an_exception_keeps_itself_and_its_message) {
    try {
        throw lido::exception(error(errc::queue_full, "acquire"));
    } catch (const std::runtime_error& thrown) {
        EXPECT_THAT(thrown.what(), HasSubstr("too many callers"));
        EXPECT_TRUE(dynamic_cast<const lido::exception&>(thrown).error() == errc::queue_full);
    }
}

}  // namespace

#include "lido/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace {

using lido::errc;
using lido::error;
using lido::result;

error refusal() {
    return {errc::pool_closed, "the test's pool"};
}

TEST(result, holds_a_value) {
    result<std::string> text = std::string("outfit");
    ASSERT_TRUE(text.has_value());
    EXPECT_TRUE(static_cast<bool>(text));
    EXPECT_EQ(*text, "outfit");
    EXPECT_EQ(text->size(), 6U);
    text.value() += "s";
    EXPECT_EQ(std::as_const(text).value(), "outfits");
    EXPECT_EQ(std::move(text).value(), "outfits");
}

TEST(result, holds_an_error_and_throws_it_when_asked_for_the_value) {
    const result<int> none = refusal();
    EXPECT_FALSE(none.has_value());
    EXPECT_TRUE(none.error() == errc::pool_closed);
    try {
        (void)none.value();
        FAIL() << "nothing thrown";
    } catch (const lido::exception& thrown) {
        EXPECT_TRUE(thrown.error() == errc::pool_closed);
        EXPECT_EQ(thrown.error().what(), "the test's pool");
    }
}

TEST(result, can_hold_what_can_only_be_moved) {
    result<std::unique_ptr<int>> box = std::make_unique<int>(3);
    result<std::unique_ptr<int>> moved = std::move(box);
    EXPECT_EQ(*std::move(moved).value(), 3);
    EXPECT_EQ(*result<std::unique_ptr<int>>(refusal()).value_or(std::make_unique<int>(4)), 4);
}

TEST(result, value_or_gives_the_other_only_for_an_error) {
    EXPECT_EQ(result<int>(1).value_or(2), 1);
    EXPECT_EQ(result<int>(refusal()).value_or(2), 2);
}

TEST(result, without_a_value_is_success_or_an_error) {
    const result<void> success;
    EXPECT_TRUE(success.has_value());
    EXPECT_NO_THROW(success.value());
    result<void> failure = refusal();
    EXPECT_FALSE(failure);
    EXPECT_THROW(failure.value(), lido::exception);
    EXPECT_TRUE(std::move(failure).error() == errc::pool_closed);
}

TEST(result, misuse_aborts_instead_of_reading_what_is_not_there) {
    const result<int> none = refusal();
    const result<int> one = 1;
    const result<void> success;
    EXPECT_DEATH((void)*none, "assertion failed");
    EXPECT_DEATH((void)one.error(), "assertion failed");
    EXPECT_DEATH((void)success.error(), "assertion failed");
}

}  // namespace

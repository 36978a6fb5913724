#include "lido/base/secret.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <concepts>
#include <ostream>

namespace {

using lido::secret;

template <class T>
concept streamable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(streamable<int>);
static_assert(!streamable<secret>);
static_assert(!std::convertible_to<secret, std::string>);
static_assert(!std::convertible_to<secret, std::string_view>);

TEST(secret, is_printed_as_a_placeholder) {
    EXPECT_EQ(fmt::format("password {}", secret("hunter2")), "password [secret]");
}

TEST(secret, reveals_its_text_only_on_demand) {
    const secret password(std::string("hunter2\0x", 9));
    EXPECT_EQ(password.reveal(), std::string_view("hunter2\0x", 9));
    EXPECT_FALSE(password.empty());
    EXPECT_TRUE(secret().empty());
    EXPECT_TRUE(secret("").reveal().empty());
}

TEST(secret, is_made_from_any_kind_of_text) {
    const secret literal = "a";
    const secret string = std::string("a");
    const secret view = std::string_view("a");
    EXPECT_EQ(literal, string);
    EXPECT_EQ(string, view);
}

TEST(secret, compares_the_whole_text) {
    EXPECT_EQ(secret("abc"), secret("abc"));
    EXPECT_NE(secret("abc"), secret("abd"));
    EXPECT_NE(secret("abc"), secret("xbc"));
    EXPECT_NE(secret("abc"), secret("ab"));
    EXPECT_EQ(secret(), secret(""));
}

TEST(secret, copies_and_moves_like_a_value) {
    secret first("one");
    secret copy = first;
    EXPECT_EQ(copy, first);
    secret moved = std::move(first);
    EXPECT_EQ(moved, copy);
    EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): what is tested
    copy = secret("two");
    EXPECT_EQ(copy.reveal(), "two");
    copy = moved;
    EXPECT_EQ(copy.reveal(), "one");
    const secret& itself = copy;
    copy = itself;
    EXPECT_EQ(copy.reveal(), "one");
}

}  // namespace

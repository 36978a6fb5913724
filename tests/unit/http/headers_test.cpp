#include "lido/http/headers.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lido::http {
namespace {

headers some() {
    headers made;
    EXPECT_TRUE(made.add("Accept", "text/plain"));
    EXPECT_TRUE(made.add("X-Trace", "1"));
    EXPECT_TRUE(made.add("accept", "text/html"));
    return made;
}

TEST(Headers, KeepTheOrderAndTheCaseInWhichTheyWereAdded) {
    const headers made = some();
    const std::vector<field> all(made.begin(), made.end());
    const std::vector<field> expected = {{"Accept", "text/plain"}, {"X-Trace", "1"}, {"accept", "text/html"}};
    EXPECT_EQ(all, expected);
    EXPECT_EQ(made.wire_text(), "Accept: text/plain\r\nX-Trace: 1\r\naccept: text/html\r\n");
}

TEST(Headers, FindTheFirstOfANameInAnyCase) {
    const headers made = some();
    EXPECT_EQ(made.find("ACCEPT"), "text/plain");
    EXPECT_EQ(made.find("x-trace"), "1");
    EXPECT_FALSE(made.find("X-Trac"));
    EXPECT_FALSE(headers().find("Accept"));
}

TEST(Headers, SetReplacesAllOfANameWhereTheFirstStood) {
    headers made = some();
    EXPECT_TRUE(made.set("ACCEPT", "*/*"));
    EXPECT_EQ(made.wire_text(), "ACCEPT: */*\r\nX-Trace: 1\r\n");
    EXPECT_TRUE(made.set("New", "2"));
    EXPECT_EQ(made.wire_text(), "ACCEPT: */*\r\nX-Trace: 1\r\nNew: 2\r\n");
}

TEST(Headers, RemoveTakesAllOfANameAndSaysHowMany) {
    headers made = some();
    EXPECT_EQ(made.remove("Accept"), 2U);
    EXPECT_EQ(made.remove("Accept"), 0U);
    EXPECT_EQ(made.wire_text(), "X-Trace: 1\r\n");
    EXPECT_EQ(made.find("X-Trace"), "1");
}

TEST(Headers, AcceptViewsOfThemselves) {
    headers made = some();
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(made.add(*made.find("X-Trace"), *made.find("Accept")));
    EXPECT_TRUE(made.set(*made.find("X-Trace"), *made.find("Accept")));
    EXPECT_EQ(made.find("1"), "text/plain");
    EXPECT_EQ(made.size(), 4U);
    const std::string_view name = (*made.begin()).name;
    EXPECT_EQ(made.remove(name), 2U);
    EXPECT_EQ(made.size(), 2U);
}

TEST(Headers, RefuseNamesThatAreNoTokens) {
    for (const std::string name :
         {"", " ", "A B", "A:", "A\r", "A\nB", ":", "A\t", "\x80", "(A)", "A\"", "Host\r\nX"}) {
        headers made = some();
        EXPECT_EQ(made.add(name, "1").error(), errc::invalid_argument) << name;
        EXPECT_EQ(made.set(name, "1").error(), errc::invalid_argument) << name;
        EXPECT_EQ(made.wire_text(), some().wire_text());
    }
}

TEST(Headers, RefuseEveryControlCharacterInAValueButTab) {
    for (int byte = 0; byte < 256; ++byte) {
        headers made;
        const bool refused = (byte < 0x20 && byte != '\t') || byte == 0x7F;
        // At several places, so that the fast and the slow scanner both see it.
        for (const std::size_t position : {0U, 5U, 16U, 29U, 39U}) {
            std::string value(40, 'v');
            value[position] = static_cast<char>(byte);
            EXPECT_EQ(made.add("A", value).has_value(), !refused) << byte << " at " << position;
        }
    }
}

TEST(Headers, NeverChangeAValue) {
    headers made;
    EXPECT_TRUE(made.add("A", " two  blanks\t"));
    EXPECT_TRUE(made.add("B", ""));
    EXPECT_EQ(made.find("A"), " two  blanks\t");
    EXPECT_EQ(made.find("B"), "");
}

TEST(Headers, LeaveTheValueOutOfTheErrorAndSayWhereItIsWrong) {
    headers made;
    const result<void> added = made.add("Authorization", "Bearer s3cret\n");
    EXPECT_EQ(added.error().message().find("s3cret"), std::string::npos);
    EXPECT_NE(added.error().message().find("Authorization"), std::string::npos);
    EXPECT_NE(added.error().message().find("0x0A at position 13"), std::string::npos) << added.error().message();
}

TEST(Headers, AreBoundedInSize) {
    headers made;
    EXPECT_TRUE(made.add("A", std::string(headers::max_bytes - 5, 'v')));
    EXPECT_EQ(made.add("A", "").error(), errc::limit_exceeded);
    EXPECT_EQ(made.set("B", "").error(), errc::limit_exceeded);
    EXPECT_EQ(made.size(), 1U);
    EXPECT_TRUE(made.set("A", "short"));
    EXPECT_EQ(made.wire_text(), "A: short\r\n");
}

TEST(Headers, CompareNamesWithoutRegardToAsciiCaseOnly) {
    EXPECT_TRUE(same_name("Content-Length", "cONTENT-lENGTH"));
    EXPECT_FALSE(same_name("Content-Length", "Content-Lengt"));
    EXPECT_FALSE(same_name("a-b", "a\rb"));
    EXPECT_FALSE(same_name("@", "`"));
}

}  // namespace
}  // namespace lido::http

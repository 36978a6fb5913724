#include "http/socks5.hpp"

#include <gmock/gmock.h>

#include <array>
#include <string>

namespace lido::http {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

net::endpoint at(std::string host, std::uint16_t port) {
    net::endpoint made;
    made.host = std::move(host);
    made.port = port;
    return made;
}

template <std::size_t Size>
std::array<char, Size> bytes(const std::string& text) {
    std::array<char, Size> made{};
    std::copy_n(text.begin(), Size, made.begin());
    return made;
}

TEST(socks5, greets_with_what_it_can_offer) {
    EXPECT_EQ(socks5::greeting(false), "\x05\x01\x00"s);
    EXPECT_EQ(socks5::greeting(true), "\x05\x02\x00\x02"s);
}

TEST(socks5, logs_in_with_user_and_password) {
    proxy by;
    by.user = "me";
    by.password = "hidden";
    EXPECT_EQ(socks5::login(by), "\x01\x02me\x06hidden"s);
    by.user = std::string(255, 'u');
    by.password = "";
    EXPECT_EQ(socks5::login(by), "\x01\xff"s + by.user + "\x00"s);
}

TEST(socks5, asks_for_names_as_names_and_for_addresses_as_addresses) {
    EXPECT_EQ(socks5::request(at("shop.example", 443)).value(), "\x05\x01\x00\x03\x0cshop.example\x01\xbb"s);
    EXPECT_EQ(socks5::request(at("10.1.2.3", 80)).value(), "\x05\x01\x00\x01\x0a\x01\x02\x03\x00\x50"s);
    EXPECT_EQ(socks5::request(at("2001:db8::1", 8080)).value(),
              "\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1f\x90"s);
    EXPECT_TRUE(socks5::request(at(std::string(255, 'a'), 1)).has_value());
    EXPECT_EQ(socks5::request(at(std::string(256, 'a'), 1)).error(), errc::invalid_argument);
    EXPECT_EQ(socks5::request(at("", 1)).error(), errc::invalid_argument);
}

TEST(socks5, takes_no_choice_that_it_has_not_offered) {
    EXPECT_FALSE(socks5::read_choice(bytes<2>("\x05\x00"s), false).value());
    EXPECT_FALSE(socks5::read_choice(bytes<2>("\x05\x00"s), true).value());
    EXPECT_TRUE(socks5::read_choice(bytes<2>("\x05\x02"s), true).value());
    EXPECT_EQ(socks5::read_choice(bytes<2>("\x05\x02"s), false).error(), errc::connect_failed);
    EXPECT_EQ(socks5::read_choice(bytes<2>("\x05\x01"s), true).error(), errc::connect_failed);
    EXPECT_THAT(socks5::read_choice(bytes<2>("\x05\xff"s), false).error().what(), HasSubstr("wants a login"));
    EXPECT_THAT(socks5::read_choice(bytes<2>("\x05\xff"s), true).error().what(), HasSubstr("user and password"));
    EXPECT_THAT(socks5::read_choice(bytes<2>("HT"), true).error().what(), HasSubstr("none of SOCKS5"));
    EXPECT_THAT(socks5::read_choice(bytes<2>("\x04\x00"s), true).error().what(), HasSubstr("none of SOCKS5"));
}

TEST(socks5, knows_whether_it_was_logged_in) {
    EXPECT_TRUE(socks5::read_login(bytes<2>("\x01\x00"s)).has_value());
    EXPECT_THAT(socks5::read_login(bytes<2>("\x01\x01"s)).error().what(), HasSubstr("credentials"));
    EXPECT_THAT(socks5::read_login(bytes<2>("\x05\x00"s)).error().what(), HasSubstr("none of SOCKS5"));
}

TEST(socks5, knows_how_long_an_answer_is) {
    EXPECT_EQ(socks5::read_reply(bytes<5>("\x05\x00\x00\x01\x7f"s)).value(), 5U);
    EXPECT_EQ(socks5::read_reply(bytes<5>("\x05\x00\x00\x04\x20"s)).value(), 17U);
    EXPECT_EQ(socks5::read_reply(bytes<5>("\x05\x00\x00\x03\x00"s)).value(), 2U);
    EXPECT_EQ(socks5::read_reply(bytes<5>("\x05\x00\x00\x03\xff"s)).value(), 257U);
    EXPECT_EQ(socks5::read_reply(bytes<5>("\x05\x00\x00\x02\x00"s)).error(), errc::connect_failed);
    EXPECT_EQ(socks5::read_reply(bytes<5>("\x05\x00\x01\x01\x00"s)).error(), errc::connect_failed);
    EXPECT_EQ(socks5::read_reply(bytes<5>("\x04\x00\x00\x01\x00"s)).error(), errc::connect_failed);
}

TEST(socks5, says_why_the_proxy_refuses) {
    const char* const meanings[] = {"failed",           "rules",           "network unreachable",
                                    "no route to host", "refused",         "in time",
                                    "does not connect", "kind of address", "known reason"};
    for (std::size_t i = 0; i < std::size(meanings); ++i) {
        const auto answer = bytes<5>({5, static_cast<char>(i + 1), 0, 1, 0});
        EXPECT_THAT(socks5::read_reply(answer).error().what(), HasSubstr(meanings[i])) << i;
    }
    EXPECT_THAT(socks5::read_reply(bytes<5>("\x05\xff\x00\x01\x00"s)).error().what(), HasSubstr("known reason"));
}

}  // namespace
}  // namespace lido::http

#include "lido/net/endpoint.hpp"

#include <gmock/gmock.h>

#include <string>

namespace lido::net {
namespace {

TEST(endpoint, is_written_with_brackets_around_an_ipv6_address) {
    EXPECT_EQ((endpoint{"shop.example", 443}.to_text()), "shop.example:443");
    EXPECT_EQ((endpoint{"::1", 80}.to_text()), "[::1]:80");
    EXPECT_EQ((endpoint{"[::1]", 80}.to_text()), "[::1]:80");
}

TEST(address, reads_literals_of_both_families) {
    EXPECT_EQ(address::from_literal("127.0.0.1", 80)->to_text(), "127.0.0.1:80");
    EXPECT_EQ(address::from_literal("::1", 80)->to_text(), "[::1]:80");
    EXPECT_EQ(address::from_literal("[2001:db8::1]", 8443)->to_text(), "[2001:db8::1]:8443");
    EXPECT_EQ(address::from_literal("[2001:db8::1]", 8443)->host_text(), "2001:db8::1");
    EXPECT_EQ(address::from_literal("fe80::1%7", 1)->host_text(), "fe80::1%7");
}

TEST(address, takes_nothing_for_a_literal_that_only_looks_like_one) {
    using namespace std::string_literals;
    for (const std::string& text : {""s, "shop.example"s, "127.1"s, "0x7f.0.0.1"s, "256.0.0.1"s, "127.0.0.1 "s,
                                    "[127.0.0.1]"s, "[::1"s, "::1]"s, "[]"s, "fe80::1%"s, "127.0.0.1\0.example"s}) {
        EXPECT_FALSE(address::from_literal(text, 80).has_value()) << text;
    }
}

TEST(address, differs_by_host_port_and_family) {
    const address one = *address::from_literal("127.0.0.1", 80);
    address other = one;
    EXPECT_EQ(one, other);
    other.set_port(81);
    EXPECT_NE(one, other);
    EXPECT_EQ(other.port(), 81);
    EXPECT_NE(one, *address::from_literal("127.0.0.2", 80));
    EXPECT_NE(one, *address::from_literal("::1", 80));
    EXPECT_NE(one, address());
}

TEST(address, refuses_a_path_that_no_unix_socket_can_have) {
    EXPECT_EQ(address::unix_socket("/run/server.sock")->to_text(), "/run/server.sock");
    EXPECT_TRUE(address::unix_socket(std::string(107, 'x')).has_value());
    EXPECT_EQ(address::unix_socket(std::string(108, 'x')).error(), errc::invalid_argument);
    EXPECT_EQ(address::unix_socket("").error(), errc::invalid_argument);
}

}  // namespace
}  // namespace lido::net

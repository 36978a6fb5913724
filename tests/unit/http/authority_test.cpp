#include "http/authority.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lido::http {
namespace {

TEST(Authority, KnowsHostsAndPorts) {
    for (const char* good :
         {"a", "shop.example", "127.0.0.1:80", "[::1]", "[fe80::1]:443", "a-b_c.d:65535", "xn--bcher-kva"}) {
        EXPECT_TRUE(is_authority(good)) << good;
    }
    for (const char* bad :
         {"", ":80", "a:", "a:0x1", "a:123456", "[]", "[a]", "[::1]x", "[::1]:", "a]", "a,b c", "a?b", "a#b"}) {
        EXPECT_FALSE(is_authority(bad)) << bad;
    }
    EXPECT_FALSE(is_authority(std::string(256, 'a')));
    EXPECT_TRUE(has_port("[::1]:1"));
    EXPECT_FALSE(has_port("[::1]"));
}

TEST(a_host, is_written_in_one_way) {
    const std::vector<std::pair<std::string, std::string>> table{{"shop.example", "shop.example"},
                                                                 {"Shop.EXAMPLE.", "shop.example"},
                                                                 {"127.0.0.1", "127.0.0.1"},
                                                                 {"[2001:DB8:0::1]", "2001:db8::1"},
                                                                 {"::1", "::1"},
                                                                 {"fe80::1%eth0", "fe80::1%eth0"},
                                                                 {"[fe80::1%2]", "fe80::1%2"},
                                                                 {"xn--bcher-kva", "xn--bcher-kva"}};
    for (const auto& [written, canonical] : table) EXPECT_EQ(canonical_host(written), canonical) << written;
    using namespace std::string_literals;
    for (const std::string& bad :
         {""s, "."s, "a.."s, ".a"s, "a b"s, "a/b"s, "a@b"s, "a:b"s, "a%41"s, "[a]"s, "[127.0.0.1]"s, "::1%"s,
          "::1%a/b"s, "::1%longer-than-a-zone"s, "a\0b"s, "b\xc3\xbc"s, std::string(256, 'a'), "[::1"s, "a\r\n"s}) {
        EXPECT_EQ(canonical_host(bad), std::nullopt) << bad;
    }
}

}  // namespace
}  // namespace lido::http

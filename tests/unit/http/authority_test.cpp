#include "http/authority.hpp"

#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace lido::http

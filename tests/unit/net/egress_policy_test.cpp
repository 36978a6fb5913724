#include "lido/net/egress_policy.hpp"

#include "lido/net/connect.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(scope, is_that_of_the_registries) {
    using enum address_scope;
    const std::vector<std::pair<std::string, address_scope>> table{
        {"8.8.8.8", global},
        {"1.1.1.1", global},
        {"172.15.255.255", global},
        {"172.32.0.0", global},
        {"100.63.255.255", global},
        {"100.128.0.0", global},
        {"223.255.255.255", global},
        {"127.0.0.1", loopback},
        {"127.255.255.255", loopback},
        {"0.0.0.0", loopback},
        {"10.0.0.1", private_network},
        {"172.16.0.1", private_network},
        {"172.31.255.255", private_network},
        {"192.168.1.1", private_network},
        {"100.64.0.1", private_network},
        {"169.254.169.254", link_local},
        {"192.0.2.1", reserved},
        {"198.19.0.1", reserved},
        {"203.0.113.7", reserved},
        {"224.0.0.1", reserved},
        {"255.255.255.255", reserved},
        {"2606:4700::1111", global},
        {"2a00:1450::1", global},
        {"::1", loopback},
        {"::", loopback},
        {"fc00::1", private_network},
        {"fd00:ec2::254", private_network},
        {"fec0::1", private_network},
        {"fe80::1", link_local},
        {"2001:db8::1", reserved},
        {"2001::1", reserved},
        {"ff02::1", reserved},
        {"::2", reserved},
        {"64:ff9b:1::1", reserved},
        {"::ffff:127.0.0.1", loopback},
        {"::ffff:169.254.169.254", link_local},
        {"::ffff:8.8.8.8", global},
        {"64:ff9b::10.0.0.1", private_network},
        {"64:ff9b::8.8.8.8", global},
        {"2002:7f00:1::", loopback},
        {"2002:808:808::1", global},
    };
    for (const auto& [text, scope] : table) {
        EXPECT_STREQ(text_of(scope_of(*address::from_literal(text, 80))), text_of(scope)) << text;
    }
    EXPECT_EQ(scope_of(address::unix_socket("/run/a.sock").value()), address_scope::loopback);
    EXPECT_EQ(scope_of(address()), address_scope::reserved);
}

TEST(egress_policy, allows_everything_by_default_and_the_internet_always) {
    const egress_policy all;
    const egress_policy none = egress_policy::internet_only();
    for (const char* text : {"127.0.0.1", "10.0.0.1", "169.254.169.254", "224.0.0.1"}) {
        EXPECT_TRUE(all.allows(*address::from_literal(text, 80))) << text;
        EXPECT_FALSE(none.allows(*address::from_literal(text, 80))) << text;
    }
    EXPECT_TRUE(none.allows(*address::from_literal("8.8.8.8", 80)));
    egress_policy some = none;
    some.allow_private = true;
    EXPECT_TRUE(some.allows(*address::from_literal("10.0.0.1", 80)));
    EXPECT_FALSE(some.allows(*address::from_literal("127.0.0.1", 80)));
}

TEST(egress_policy, keeps_a_connect_from_what_it_does_not_allow) {
    test::test_loop here;
    const test::refusing_address nobody;
    connect_options options;
    options.egress.allow_loopback = false;
    const std::vector<address> only(1, nobody.where());
    const auto refused = here.run(connect_tcp(here.loop(), only, clock::now() + 20s, options));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::connect_failed);
    EXPECT_THAT(refused.error().message(), HasSubstr("the egress policy does not allow it (loopback)"));
    EXPECT_THAT(refused.error().message(), HasSubstr(nobody.where().to_text()));
}

}  // namespace
}  // namespace lido::net

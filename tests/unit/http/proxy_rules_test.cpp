#include "http/proxy_rules.hpp"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

namespace lido::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using variables = std::map<std::string, std::string>;

origin named(const std::string& url) {
    return parse_url(url).value().origin;
}

/// The first proxy for `url`, or "direct".
std::string way_to(const proxy_rules& rules, const std::string& url) {
    const std::vector<proxy>& found = rules.for_origin(named(url));
    return found.empty() ? "direct" : found.front().to_text();
}

result<proxy_rules> by_environment(const variables& set, client_settings settings = {}) {
    settings.proxy_from_environment = true;
    return proxy_rules::make(settings, [&](const char* name) -> std::optional<std::string> {
        const auto found = set.find(name);
        if (found == set.end()) return std::nullopt;
        return found->second;
    });
}

struct exception_case {
    const char* list;
    const char* url;
    bool direct;
};

TEST(no_proxy, lists_hosts_suffixes_addresses_networks_and_ports) {
    const std::vector<exception_case> table{
        {"", "http://shop.example", false},
        {"*", "http://shop.example", true},
        {"*", "https://[::1]:8443", true},
        {"shop.example", "http://shop.example", true},
        {"shop.example", "https://shop.example:8443", true},
        {"SHOP.example.", "http://shop.example", true},
        {"shop.example", "http://SHOP.EXAMPLE.", true},
        {"shop.example", "http://www.shop.example", true},
        {"shop.example", "http://a.b.shop.example", true},
        {"shop.example", "http://myshop.example", false},
        {"shop.example", "http://shop.example.evil.example", false},
        {"shop.example", "http://example", false},
        {".shop.example", "http://www.shop.example", true},
        {".shop.example", "http://shop.example", true},
        {"*.shop.example", "http://www.shop.example", true},
        {"example", "http://shop.example", true},
        {"localhost", "http://127.0.0.1", false},
        {"shop.example:8080", "http://shop.example:8080", true},
        {"shop.example:8080", "http://www.shop.example:8080", true},
        {"shop.example:8080", "http://shop.example", false},
        {"shop.example:443", "https://shop.example", true},
        {"shop.example:443", "http://shop.example", false},
        {"a.example, shop.example", "http://shop.example", true},
        {"a.example shop.example", "http://shop.example", true},
        {" ,, shop.example ,", "http://shop.example", true},
        {"127.0.0.1", "http://127.0.0.1:8080", true},
        {"127.0.0.1:8080", "http://127.0.0.1:8080", true},
        {"127.0.0.1:8080", "http://127.0.0.1", false},
        {"127.0.0.1", "http://127.0.0.10", false},
        {"127.0.0.1", "http://x127.0.0.1", false},
        {"0.0.1", "http://127.0.0.1", false},
        {"10.0.0.0/8", "http://10.255.0.1", true},
        {"10.0.0.0/8", "http://11.0.0.1", false},
        {"192.168.4.0/22", "http://192.168.7.255", true},
        {"192.168.4.0/22", "http://192.168.8.0", false},
        {"192.168.4.0/32", "http://192.168.4.1", false},
        {"0.0.0.0/0", "http://8.8.8.8", true},
        {"0.0.0.0/0", "http://[::1]", false},
        {"10.0.0.0/8", "http://shop.example", false},
        {"::1", "http://[::1]", true},
        {"[::1]", "http://[0:0:0::1]:8080", true},
        {"[::1]:8080", "http://[::1]:8080", true},
        {"[::1]:8080", "http://[::1]", false},
        {"fd00::/8", "http://[fdab::1]", true},
        {"fd00::/8", "http://[fe80::1]", false},
        {"2001:db8::/33", "http://[2001:db8:7fff::1]", true},
        {"2001:db8::/33", "http://[2001:db8:8000::1]", false},
        {"::/0", "http://[2001:db8::1]", true},
        {"fe80::/10", "http://[fe80::1%25eth0]", true},
    };
    for (const exception_case& each : table) {
        const auto list = no_proxy_list::parse(each.list);
        ASSERT_TRUE(list.has_value()) << each.list << ": " << list.error().message();
        EXPECT_EQ(list->contains(named(each.url)), each.direct) << "'" << each.list << "' and " << each.url;
    }
}

TEST(no_proxy, that_cannot_be_read_is_refused_with_the_entry) {
    for (const char* text :
         {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "shop.example/8", "::1/129", "shop.example:0", "shop.example:x",
          "http://shop.example", "[::1", "a..", "-:65536", "sh\xc3\xb6p.example"}) {
        const auto list = no_proxy_list::parse(text);
        ASSERT_FALSE(list.has_value()) << text;
        EXPECT_EQ(list.error(), errc::invalid_argument);
    }
    EXPECT_THAT(no_proxy_list::parse("a.example,10.0.0.0/99").error().message(), HasSubstr("'10.0.0.0/99'"));
}

TEST(proxy_rules, without_settings_lead_nowhere) {
    const auto rules = proxy_rules::make({}, [](const char*) { return std::optional<std::string>("http://evil"); });
    EXPECT_EQ(way_to(rules.value(), "http://shop.example"), "direct") << "the environment was not to be asked";
}

TEST(proxy_rules, of_settings_count_for_http_and_https) {
    client_settings settings;
    settings.proxy = "http://proxy.example:3128";
    settings.no_proxy = "plain.example";
    const auto rules = by_environment({{"https_proxy", "http://other.example"}, {"no_proxy", "*"}}, settings).value();
    EXPECT_EQ(way_to(rules, "http://shop.example"), "http://proxy.example:3128");
    EXPECT_EQ(way_to(rules, "https://shop.example"), "http://proxy.example:3128") << "settings come first";
    EXPECT_EQ(way_to(rules, "https://plain.example"), "direct");
}

TEST(proxy_rules, of_the_environment_depend_on_the_scheme) {
    const auto rules = by_environment({{"http_proxy", "a.example:1"},
                                       {"https_proxy", "https://b.example:2"},
                                       {"all_proxy", "socks5://c.example:3"}})
                           .value();
    EXPECT_EQ(way_to(rules, "http://shop.example"), "http://a.example:1");
    EXPECT_EQ(way_to(rules, "https://shop.example"), "https://b.example:2");
    const auto one_for_all = by_environment({{"all_proxy", "socks5://c.example:3"}}).value();
    EXPECT_EQ(way_to(one_for_all, "http://shop.example"), "socks5://c.example:3");
    EXPECT_EQ(way_to(one_for_all, "https://shop.example"), "socks5://c.example:3");
}

TEST(proxy_rules, of_the_environment_take_capitals_too_but_for_http_proxy) {
    const auto rules =
        by_environment({{"HTTP_PROXY", "http://evil.example"}, {"HTTPS_PROXY", "http://b.example"}}).value();
    EXPECT_EQ(way_to(rules, "http://shop.example"), "direct") << "CVE-2016-5385";
    EXPECT_EQ(way_to(rules, "https://shop.example"), "http://b.example:80");
    const auto all = by_environment({{"ALL_PROXY", "http://c.example"}, {"NO_PROXY", "plain.example"}}).value();
    EXPECT_EQ(way_to(all, "http://shop.example"), "http://c.example:80");
    EXPECT_EQ(way_to(all, "http://plain.example"), "direct");
    const auto lower_first =
        by_environment({{"ALL_PROXY", "http://c.example"}, {"all_proxy", "http://d.example"}}).value();
    EXPECT_EQ(way_to(lower_first, "http://shop.example"), "http://d.example:80");
}

TEST(proxy_rules, of_the_environment_that_are_set_to_nothing_are_not_set) {
    const auto rules =
        by_environment({{"http_proxy", ""}, {"no_proxy", ""}, {"all_proxy", "http://c.example"}}).value();
    EXPECT_EQ(way_to(rules, "http://shop.example"), "http://c.example:80");
}

TEST(proxy_rules, join_the_exceptions_of_settings_and_environment) {
    client_settings settings;
    settings.no_proxy = "one.example";
    const auto rules =
        by_environment({{"all_proxy", "http://c.example"}, {"no_proxy", "two.example"}}, settings).value();
    EXPECT_EQ(way_to(rules, "http://one.example"), "direct");
    EXPECT_EQ(way_to(rules, "http://two.example"), "direct");
    EXPECT_EQ(way_to(rules, "http://three.example"), "http://c.example:80");
}

TEST(proxy_rules, that_are_wrong_say_where_and_no_credential) {
    const auto refused = by_environment({{"https_proxy", "ftp://me:hidden@proxy.example"}});
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message(), HasSubstr("environment variable https_proxy: proxy 1"));
    EXPECT_THAT(refused.error().message(), Not(HasSubstr("hidden")));
    EXPECT_THAT(by_environment({{"no_proxy", "1.2.3.4/99"}}).error().message(),
                HasSubstr("environment variable no_proxy"));
}

}  // namespace
}  // namespace lido::http

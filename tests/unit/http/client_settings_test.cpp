#include "lido/http/client.hpp"
#include "support/test_loop.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <string>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

struct wrong_setting {
    std::string name;
    std::function<void(client_settings&)> change;
    /// What the message has besides the name.
    std::string range;
};

std::vector<wrong_setting> wrong_settings() {
    return {
        {"max_connections_per_origin", [](auto& of) { of.max_connections_per_origin = 0; }, "1 ... 100000"},
        {"max_connections_per_origin", [](auto& of) { of.max_connections_per_origin = 100'001; }, "100001"},
        {"max_waiters_per_origin", [](auto& of) { of.max_waiters_per_origin = 0; }, "1 ... 10000000"},
        {"max_origins", [](auto& of) { of.max_origins = 0; }, "1 ... 100000"},
        {"max_origins", [](auto& of) { of.max_origins = 100'001; }, "100001"},
        {"unused_origin_timeout", [](auto& of) { of.unused_origin_timeout = 999ms; }, "1 s ..."},
        {"acquire_timeout", [](auto& of) { of.acquire_timeout = 0ms; }, "1 ms ... 1 h"},
        {"acquire_timeout", [](auto& of) { of.acquire_timeout = -1s; }, "1 ms ... 1 h"},
        {"connect_timeout", [](auto& of) { of.connect_timeout = 11min; }, "1 ms ... 10 min"},
        {"tls_handshake_timeout", [](auto& of) { of.tls_handshake_timeout = 0ms; }, "1 ms ... 10 min"},
        {"tls_handshake_timeout", [](auto& of) { of.tls_handshake_timeout = 11min; }, "1 ms ... 10 min"},
        {"read_timeout", [](auto& of) { of.read_timeout = 61min; }, "1 ms ... 1 h"},
        {"timeout", [](auto& of) { of.timeout = 25h; }, "1 ms ... 24 h"},
        {"idle_timeout", [](auto& of) { of.idle_timeout = 0ms; }, "1 ms"},
        {"max_lifetime", [](auto& of) { of.max_lifetime = 0ms; }, "1 ms"},
        {"slow_after", [](auto& of) { of.slow_after = -1ms; }, "24 h"},
        {"base_url", [](auto& of) { of.base_url = "shop.example"; }, "scheme"},
        {"base_url", [](auto& of) { of.base_url = "ftp://shop.example"; }, "ftp"},
        {"user_agent", [](auto& of) { of.user_agent = "a\r\nX-Injected: b"; }, "User-Agent"},
        {"max_retries", [](auto& of) { of.retry.max_retries = 101; }, "0 … 100"},
        {"max_head_bytes", [](auto& of) { of.limits.max_head_bytes = 1; }, "128"},
        {"client setting proxy", [](auto& of) { of.proxy = "ftp://me:hidden@proxy.example"; }, "socks5"},
        {"client setting no_proxy", [](auto& of) { of.no_proxy = "10.0.0.0/40"; }, "10.0.0.0/40"},
        {"client setting proxy_tls", [](auto& of) { of.proxy_tls.key_file = "key.pem"; }, "certificate_file"},
        {"client setting unix_socket", [](auto& of) { of.unix_socket = std::string(108, 'x'); }, "1 … 107"},
        {"client setting unix_socket",
         [](auto& of) {
             of.unix_socket = "/run/a.sock";
             of.proxy = "http://proxy.example";
         },
         "together with proxy"},
        {"client setting local_address", [](auto& of) { of.local_address = "eth0"; }, "192.0.2.7"},
        {"minimum_version",
         [](auto& of) {
             of.tls.minimum_version = net::tls_version::tls_1_3;
             of.tls.maximum_version = net::tls_version::tls_1_2;
         },
         "maximum_version"},
        {"key_file", [](auto& of) { of.tls.certificate_file = "client.pem"; }, "certificate"},
    };
}

TEST(client_settings, are_valid_by_default) {
    EXPECT_TRUE(client_settings{}.validate().has_value());
}

TEST(client_settings, out_of_range_are_refused_by_name_with_their_range) {
    for (const wrong_setting& each : wrong_settings()) {
        client_settings settings;
        each.change(settings);
        const result<void> valid = settings.validate();
        ASSERT_FALSE(valid.has_value()) << each.name;
        EXPECT_EQ(valid.error(), errc::invalid_argument);
        EXPECT_THAT(valid.error().message(), HasSubstr(each.name));
        EXPECT_THAT(valid.error().message(), HasSubstr(each.range));
    }
}

TEST(client_settings, at_the_ends_of_their_ranges_are_valid) {
    client_settings lowest;
    lowest.max_connections_per_origin = lowest.max_waiters_per_origin = lowest.max_origins = 1;
    lowest.unused_origin_timeout = 1s;
    lowest.acquire_timeout = lowest.connect_timeout = lowest.tls_handshake_timeout = lowest.read_timeout =
        lowest.timeout = 1ms;
    lowest.idle_timeout = lowest.max_lifetime = 1ms;
    lowest.slow_after = 0ms;
    lowest.user_agent.clear();
    EXPECT_TRUE(lowest.validate().has_value());
    client_settings highest;
    highest.max_connections_per_origin = highest.max_origins = 100'000;
    highest.max_waiters_per_origin = 10'000'000;
    highest.unused_origin_timeout = highest.idle_timeout = 720h;
    highest.acquire_timeout = highest.read_timeout = 1h;
    highest.connect_timeout = highest.tls_handshake_timeout = 10min;
    highest.timeout = highest.slow_after = 24h;
    highest.max_lifetime = 8760h;
    EXPECT_TRUE(highest.validate().has_value());
}

TEST(client_settings, that_are_valid_make_a_pool_whatever_the_name_of_the_origin) {
    client_settings settings;
    settings.base_url = "http://" + std::string(60, 'a') + "." + std::string(60, 'b') + ".example:8080/prefix/";
    EXPECT_TRUE(settings.validate().has_value());
}

TEST(a_client, is_not_made_from_invalid_settings) {
    test::test_loop loop;
    client_settings settings;
    settings.max_origins = 0;
    try {
        const client made(loop, settings);
        FAIL();
    } catch (const exception& refused) {
        EXPECT_EQ(refused.error(), errc::invalid_argument);
        EXPECT_THAT(refused.what(), HasSubstr("max_origins"));
    }
}

TEST(a_client, that_is_refused_its_base_url_does_not_show_its_secrets) {
    client_settings settings;
    settings.base_url = "http://user:hidden@shop.example/?token=hidden";
    const result<void> valid = settings.validate();
    ASSERT_FALSE(valid.has_value());
    EXPECT_THAT(valid.error().message(), Not(HasSubstr("hidden")));
    EXPECT_THAT(valid.error().message(), HasSubstr("shop.example"));
}

}  // namespace
}  // namespace lido::http

// Goal: the command line of `lido simulate` means what issue and help say: defaults, effects, and what is refused.
// Method: tables. What a mistake looks like from outside is in tests/cli.
#include "simulate/options.hpp"

#include "command_error.hpp"

#include <gtest/gtest.h>

#include <array>

namespace lido::cli::simulate {
namespace {

using namespace std::chrono_literals;

options read(const std::vector<std::string>& arguments) {
    return *read_options(arguments);
}

TEST(simulate_options, have_the_defaults_of_the_seed) {
    const options asked = read({});
    EXPECT_FALSE(asked.url);
    EXPECT_EQ(asked.num_users, 1U);
    EXPECT_EQ(asked.effective_pool_size(), 10U);
    EXPECT_EQ(asked.when_full, pool::when_full::wait);
    EXPECT_EQ(asked.run_time, 10s);
    EXPECT_FALSE(asked.cycles);
    EXPECT_EQ(asked.think_time, 0s);
    EXPECT_EQ(asked.warm_up, 0U);
    EXPECT_EQ(asked.retry.max_retries, 3U);
    EXPECT_EQ(asked.retry.backoff_factor, 0.3);
    EXPECT_EQ(asked.retry.statuses, (std::vector<int>{429, 500, 502, 503, 504}));
    EXPECT_EQ(asked.retry.methods,
              (std::vector<std::string>{"HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE", "POST"}));
    EXPECT_EQ(asked.connect_timeout, 5s);
    EXPECT_EQ(asked.read_timeout, 30s);
    EXPECT_EQ(asked.acquire_timeout, 30s);
    EXPECT_EQ(asked.timeout, 60s);
    EXPECT_EQ(asked.slow, 5s);
    EXPECT_EQ(asked.request.method, "GET");
    EXPECT_EQ(asked.output, output_form::text);
    EXPECT_EQ(asked.ways(), std::vector{way::shared_pool});
}

TEST(simulate_options, pool_size_follows_the_users_unless_it_is_given) {
    EXPECT_EQ(read({"--num-users", "5"}).effective_pool_size(), 10U);
    EXPECT_EQ(read({"--num-users", "6"}).effective_pool_size(), 12U);
    EXPECT_EQ(read({"--num-users", "50", "--pool-size", "auto"}).effective_pool_size(), 100U);
    EXPECT_EQ(read({"--num-users", "50", "--pool-size", "1"}).effective_pool_size(), 1U);
}

TEST(simulate_options, reach_the_settings_of_the_client) {
    const options asked =
        read({"http://a:81/x?y=1#z", "--pool-size=7", "--when-full=overflow", "--max-retries=5", "--backoff-factor=0.5",
              "--retry-statuses=503,418", "--retry-methods=get,PATCH", "--connect-timeout=1s", "--read-timeout=2s",
              "--acquire-timeout=3s", "--timeout=4s", "--insecure", "--slow=6s", "--num-users=3000"});
    const auto settings = client_settings_for(asked, asked.url->origin, way::shared_pool);
    EXPECT_EQ(settings.base_url, "http://a:81");
    EXPECT_EQ(asked.url->target, "/x?y=1");
    EXPECT_EQ(settings.max_connections_per_origin, 7U);
    EXPECT_EQ(settings.max_waiters_per_origin, 3000U);
    EXPECT_EQ(settings.when_full, pool::when_full::overflow);
    EXPECT_EQ(settings.retry.max_retries, 5U);
    EXPECT_EQ(settings.retry.backoff_factor, 0.5);
    EXPECT_EQ(settings.retry.statuses, (std::vector<int>{503, 418}));
    EXPECT_EQ(settings.retry.methods, (std::vector<std::string>{"GET", "PATCH"}));
    EXPECT_EQ(settings.connect_timeout, 1s);
    EXPECT_EQ(settings.read_timeout, 2s);
    EXPECT_EQ(settings.acquire_timeout, 3s);
    EXPECT_EQ(settings.timeout, 4s);
    EXPECT_EQ(settings.slow_after, 6s);
    EXPECT_EQ(settings.tls.verify, net::tls_verify::none);
    EXPECT_TRUE(settings.keep_alive);
    EXPECT_FALSE(client_settings_for(asked, asked.url->origin, way::new_connections).keep_alive);
}

TEST(simulate_options, a_body_makes_it_a_post_unless_a_method_is_given) {
    EXPECT_EQ(read({"http://a", "--data", "x"}).request.method, "POST");
    EXPECT_EQ(read({"http://a", "--data", "x", "--method", "put"}).request.method, "PUT");
    EXPECT_EQ(read({"http://a", "--data", ""}).request.data, "");
}

TEST(simulate_options, headers_add_up) {
    const options asked = read({"http://a", "--header", "A: 1", "--header", "B:2", "--header", "C:"});
    const std::vector<std::pair<std::string, std::string>> expected{{"A", "1"}, {"B", "2"}, {"C", ""}};
    EXPECT_EQ(asked.request.headers, expected);
}

TEST(simulate_options, the_ways_to_run) {
    EXPECT_EQ(read({"--per-user-pools"}).ways(), std::vector{way::per_user_pools});
    EXPECT_EQ(read({"--compare"}).ways(), (std::vector{way::shared_pool, way::per_user_pools, way::new_connections}));
}

TEST(simulate_options, the_same_seed_unless_none_is_given) {
    EXPECT_EQ(read({"--seed", "7"}).seed, 7U);
    EXPECT_NE(read({}).seed, read({}).seed);
}

TEST(split_url, takes_urls_apart) {
    struct row {
        const char* url;
        const char* origin;
        const char* target;
    };
    const std::array rows{row{"http://a", "http://a", "/"}, row{"HTTPS://a:8443/x/y?z#f", "https://a:8443", "/x/y?z"},
                          row{"http://[::1]:80?q", "http://[::1]:80", "/?q"}, row{"http://a#f?g", "http://a", "/"}};
    for (const row& each : rows) {
        const target_url parts = split_url(each.url);
        EXPECT_EQ(parts.origin, each.origin) << each.url;
        EXPECT_EQ(parts.target, each.target) << each.url;
    }
}

TEST(split_url, refuses_what_is_none) {
    for (const auto* url : {"", "a", "localhost:80", "ftp://a", "http://", "http:///x", "http://:80",
                            "http://a:", "http://a:0", "http://a:65536", "http://a:x", "http://u:p@a", "http://[::1",
                            "http://[::1]x", "http://a b", "http://\xC3\xA4", "http://a/\x7F"}) {
        EXPECT_THROW(static_cast<void>(split_url(url)), usage_error) << url;
    }
}

}  // namespace
}  // namespace lido::cli::simulate

#include "lido/http/client.hpp"
#include "lido/http/response_cache.hpp"

#include <gmock/gmock.h>

#include <functional>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct wrong_setting {
    std::string name;
    std::function<void(cache_settings&)> change;
    std::string range;
};

TEST(cache_settings, are_valid_by_default) {
    EXPECT_TRUE(cache_settings{}.validate().has_value());
}

TEST(cache_settings, out_of_range_are_refused_by_name_with_their_range) {
    const std::vector<wrong_setting> all{
        {"max_bytes", [](auto& of) { of.max_bytes = 4095; }, "4096 ... 68719476736"},
        {"max_bytes", [](auto& of) { of.max_bytes = (std::size_t{1} << 36) + 1; }, "4096 ... 68719476736"},
        {"max_entries", [](auto& of) { of.max_entries = 0; }, "1 ... 10000000"},
        {"max_body_bytes", [](auto& of) { of.max_body_bytes = (std::size_t{1} << 36) + 1; }, "0 ... 68719476736"},
        {"max_variants", [](auto& of) { of.max_variants = 0; }, "1 ... 1000"},
        {"stale_if_error", [](auto& of) { of.stale_if_error = -1s; }, "0 ... 720 h"},
        {"stale_if_error", [](auto& of) { of.stale_if_error = 721h; }, "0 ... 720 h"},
        {"max_revalidations", [](auto& of) { of.max_revalidations = 1001; }, "0 ... 1000"},
        {"revalidation_pause", [](auto& of) { of.revalidation_pause = -1ms; }, "0 ... 1 h"},
        {"revalidation_pause", [](auto& of) { of.revalidation_pause = 61min; }, "0 ... 1 h"},
        {"credential_headers", [](auto& of) { of.credential_headers = {"X Y"}; }, "X-Api-Key"},
        {"credential_headers", [](auto& of) { of.credential_headers.assign(33, "X"); }, "0 ... 32"},
    };
    for (const wrong_setting& each : all) {
        cache_settings settings;
        each.change(settings);
        const result<void> valid = settings.validate();
        ASSERT_FALSE(valid.has_value()) << each.name;
        EXPECT_EQ(valid.error(), errc::invalid_argument);
        EXPECT_THAT(valid.error().message(), HasSubstr(each.name));
        EXPECT_THAT(valid.error().message(), HasSubstr(each.range));
        EXPECT_THROW(response_cache{settings}, exception);
    }
}

TEST(cache_identity, is_the_same_for_equal_identities_only) {
    response_cache cache;
    client_settings plain;
    client_settings other;
    other.tls.certificate_file = "client.pem";
    other.tls.key_file = "client.key";
    EXPECT_EQ(cache.identity_of(plain).value(), cache.identity_of(plain).value());
    EXPECT_NE(cache.identity_of(plain).value(), cache.identity_of(other).value());
}

TEST(cache_identity, is_one_of_a_bounded_number) {
    response_cache cache;
    client_settings settings;
    for (int i = 0; i < 1000; ++i) {
        settings.tls.server_name = std::to_string(i);
        ASSERT_TRUE(cache.identity_of(settings).has_value());
    }
    settings.tls.server_name = "one more";
    EXPECT_EQ(cache.identity_of(settings).error(), errc::limit_exceeded);
    settings.tls.server_name = "7";
    EXPECT_TRUE(cache.identity_of(settings).has_value());
}

}  // namespace
}  // namespace lido::http

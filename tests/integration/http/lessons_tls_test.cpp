// What others have learned about servers that are asked for by their address: whom a certificate is for is looked at
// there too, and a name with a wildcard never stands for an address. docs/design/lessons.md lists all lessons.
#include "support/tls_world.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <string_view>

namespace lido::test {
namespace {

using http::client;
using testing::HasSubstr;

class lessons_tls : public tls_world {
protected:
    http::client_settings by_address(const nginx_server& server) const {
        return trusting(fmt::format("https://127.0.0.1:{}", server.port()));
    }
    /// Of a certificate that a trusted authority has signed, so that nothing is wrong with it but whom it is for.
    void expect_refused_by_address(const certificate_request& shown) {
        const nginx_server server(speaking_tls(shown));
        runtime io;
        client user(io, by_address(server));
        const auto got = user.get("/").wait();
        ASSERT_FALSE(got.has_value()) << shown.common_name;
        EXPECT_EQ(got.error(), errc::tls_failed) << got.error().message();
        EXPECT_THAT(got.error().message(), HasSubstr("127.0.0.1"));
        EXPECT_EQ(user.statistics().attempts, 0U) << "a request was sent to a stranger";
    }
};

/// curl: a wildcard in the common name was taken for any address that ends like it.
TEST_F(lessons_tls, cve_2014_0139_a_wildcard_stands_for_no_part_of_an_address) {
    expect_refused_by_address({.common_name = "*.0.0.1"});
    expect_refused_by_address({.common_name = "*.0.0.1", .dns = {"*.0.0.1"}});
    expect_refused_by_address({.common_name = "*", .dns = {"*", "*.1"}});
    expect_refused_by_address({.common_name = "127.0.0.1", .dns = {"127.0.0.1"}});
}

/// curl with Schannel: who was asked for by address was not asked for a name.
TEST_F(lessons_tls, cve_2014_2522_a_server_that_is_asked_for_by_address_must_have_that_address_in_its_certificate) {
    expect_refused_by_address({.common_name = "localhost", .dns = {"localhost"}});
    expect_refused_by_address({.common_name = "127.0.0.1", .dns = {"localhost"}, .ips = {"127.0.0.2"}});
    const nginx_server server(speaking_tls({.common_name = "somebody", .ips = {"127.0.0.1"}}));
    runtime io;
    client user(io, by_address(server));
    const auto got = user.send(nonce_request(http::method::get, "a")).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body(), "a");
}

}  // namespace
}  // namespace lido::test

// Goal: the users of `lido simulate` go where its options say, by the protocol they say, and the report tells what the
// connections carried. Method: nginx with both versions of HTTP, tinyproxy; the command in a process of its own.
#include "support/free_port.hpp"
#include "support/listening_process.hpp"
#include "support/nginx_server.hpp"
#include "support/running_command.hpp"
#include "support/test_certificates.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class simulate_command : public testing::Test {
protected:
    struct world {
        temporary_directory folder;
        certificate_authority ca{folder};
        certificate_files files = ca.issue({.common_name = "localhost", .dns = {"localhost"}});
        nginx_server secure{{.certificate = files.certificate, .key = files.key, .http2 = true}};
        nginx_server plain;
    };
    static void SetUpTestSuite() {
        world_ = std::make_unique<world>();
        world_->secure.put_file("page", "a page");
        world_->plain.put_file("page", "a page");
    }
    static void TearDownTestSuite() { world_.reset(); }

    static command_outcome simulate(const std::string& url, std::vector<std::string> more,
                                    const std::string& cycles = "25") {
        std::vector<std::string> arguments{"simulate", url, "--num-users", "20", "--cycles", cycles};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_command(arguments);
    }
    static std::string secure() { return world_->secure.url() + "/page"; }

    static std::unique_ptr<world> world_;
};

std::unique_ptr<simulate_command::world> simulate_command::world_;

TEST_F(simulate_command, users_share_a_connection_of_http2) {
    for (const char* option : {"--http2", "--http2-prior-knowledge"}) {
        const command_outcome ended = simulate(secure(), {"--cacert", world_->ca.ca_file(), option});
        EXPECT_EQ(ended.code, 0) << ended.errors;
        EXPECT_THAT(ended.output,
                    AllOf(HasSubstr("created             1\n"),
                          HasSubstr("HTTP/2              1 connection   500 streams   500 per connection\n"),
                          HasSubstr(" at once on one\n"), HasSubstr("statuses            200: 500\n")));
    }
}

TEST_F(simulate_command, users_have_a_connection_each_with_http1) {
    const command_outcome ended = simulate(secure(), {"--cacert", world_->ca.ca_file(), "--http1", "--output", "json"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, AllOf(HasSubstr("\"protocols\": {\"HTTP/1.1\": {\"connections\": "),
                                    HasSubstr("\"requests\": 500, \"requests_per_connection\": "),
                                    HasSubstr("\"most_at_once\": 1, "), Not(HasSubstr("\"created\": 1,"))));
}

TEST_F(simulate_command, certificates_are_verified_unless_told_otherwise) {
    EXPECT_EQ(simulate(secure(), {}).code, 1);
    EXPECT_EQ(simulate(secure(), {"--insecure"}).code, 0);
}

TEST_F(simulate_command, goes_through_a_proxy) {
    const temporary_directory folder;
    const std::uint16_t port = free_port();
    const std::string file = folder.write(
        "tinyproxy.conf", fmt::format("Port {}\nListen 127.0.0.1\nMaxClients 50\nBasicAuth me hidden\n", port));
    give_to_server_user(folder.path());
    const listening_process between({"tinyproxy", "-d", "-c", file}, port, "tinyproxy-bin", folder.file("log"));
    const std::string proxy = fmt::format("http://me:hidden@127.0.0.1:{}", port);
    const command_outcome plain = simulate(world_->plain.url() + "/page", {"--proxy", proxy}, "3");
    // tinyproxy closes after each request.
    EXPECT_EQ(plain.code, 0) << plain.errors;
    EXPECT_THAT(plain.output, HasSubstr("200: 60"));
    const command_outcome tunnelled = simulate(secure(), {"--proxy", proxy, "--cacert", world_->ca.ca_file()});
    EXPECT_EQ(tunnelled.code, 0) << tunnelled.errors;
    EXPECT_THAT(tunnelled.output, HasSubstr("500 streams"));
    const command_outcome refused =
        simulate(secure(), {"--proxy", fmt::format("http://me:wrong-word@127.0.0.1:{}", port)});
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.errors, AllOf(HasSubstr("does not accept the credentials"), HasSubstr("in --proxy"),
                                      Not(HasSubstr("wrong-word"))));
}

TEST_F(simulate_command, goes_to_a_unix_socket) {
    const temporary_directory folder;
    give_to_server_user(folder.path());
    const nginx_server both({.server = fmt::format("listen unix:{};", folder.file("socket"))});
    both.put_file("page", "a page");
    // Nobody listens at that name; the socket is all that is asked.
    const command_outcome ended =
        simulate("http://shop.example/page", {"--unix-socket", folder.file("socket"), "--output", "json"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, HasSubstr("\"statuses\": {\"200\": 500}"));
    const command_outcome fetched =
        run_command({"fetch", "--unix-socket", folder.file("socket"), "http://shop.example/page"});
    EXPECT_EQ(fetched.output, "a page") << fetched.errors;
    EXPECT_EQ(run_command({"fetch", "--unix-socket", folder.file("other"), "http://shop.example/page"}).code, 7);
}

TEST_F(simulate_command, compares_ways_over_http2_as_well) {
    const command_outcome ended = simulate(secure(), {"--cacert", world_->ca.ca_file(), "--compare"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, ContainsRegex("connections created +1 +20 +500\n"));
}

}  // namespace
}  // namespace lido::test

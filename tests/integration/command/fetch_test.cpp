// Goal: `lido fetch` and `lido simulate` do with real servers and proxies what their help says. Method: nginx, nghttpx,
// tinyproxy, HAProxy and microsocks; the command in a process of its own. What needs no real server is in tests/cli.
#include "support/becomes_true.hpp"
#include "support/free_port.hpp"
#include "support/listening_process.hpp"
#include "support/nginx_server.hpp"
#include "support/running_command.hpp"
#include "support/test_certificates.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view locations = R"(
        location = /from { return 302 /page; }
        location = /circle { return 302 /circle; }
        location = /see-other { return 303 /method; }
        location = /again { return 307 /method; }
        location = /method { return 200 "$request_method $http_authorization|"; }
        location = /missing { return 404 "not here"; }
        location = /slow { limit_rate 1k; }
)";

std::string content_of(const std::string& file) {
    std::ifstream from(file);
    return {std::istreambuf_iterator<char>(from), std::istreambuf_iterator<char>()};
}

/// nginx with TLS, both versions of HTTP, and its own CA; nginx in cleartext; started once for all tests.
class fetch_command : public testing::Test {
protected:
    struct world {
        temporary_directory folder;
        certificate_authority ca{folder};
        certificate_files files = ca.issue({.common_name = "localhost", .dns = {"localhost"}, .ips = {"127.0.0.1"}});
        nginx_server plain{{.server = std::string(locations)}};
        nginx_server secure{{.server = secure_locations(plain.url()),
                             .certificate = files.certificate,
                             .key = files.key,
                             .http2 = true}};

        static std::string secure_locations(const std::string& elsewhere) {
            return std::string(locations) + fmt::format(R"(
        location = /down {{ return 302 {0}/page; }}
        location = /far {{ proxy_pass {0}/slow; proxy_buffering off; }}
)",
                                                        elsewhere);
        }
    };

    static void SetUpTestSuite() {
        world_ = std::make_unique<world>();
        for (const nginx_server* each : {&world_->plain, &world_->secure}) {
            each->put_file("page", "a page\n");
            each->put_file("slow", std::string(1 << 20, 'x'));
        }
    }
    static void TearDownTestSuite() { world_.reset(); }

    static const std::string& ca() { return world_->ca.ca_file(); }
    static std::string plain(std::string_view path = "/page") { return world_->plain.url() + std::string(path); }
    static std::string secure(std::string_view path = "/page") { return world_->secure.url() + std::string(path); }

    static command_outcome fetch(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "fetch");
        return run_command(arguments);
    }
    static void expect_failure(const command_outcome& ended, int code, const std::string& part) {
        EXPECT_EQ(ended.code, code) << ended.errors;
        EXPECT_EQ(ended.output, "");
        EXPECT_THAT(ended.errors, AllOf(StartsWith("lido fetch: "), HasSubstr(part)));
        EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
    }

    struct proxy {
        temporary_directory folder;
        std::optional<listening_process> process;
        [[nodiscard]] std::uint16_t port() const { return process->port(); }
    };
    static std::unique_ptr<proxy> http_proxy() {
        auto made = std::make_unique<proxy>();
        const std::uint16_t port = free_port();
        const std::string file = made->folder.write(
            "tinyproxy.conf", fmt::format("Port {}\nListen 127.0.0.1\nMaxClients 50\nBasicAuth me hidden\n", port));
        give_to_server_user(made->folder.path());
        made->process.emplace(std::vector<std::string>{"tinyproxy", "-d", "-c", file}, port, "tinyproxy-bin",
                              made->folder.file("log"));
        return made;
    }
    /// The same behind HAProxy, which speaks TLS with that certificate.
    static std::unique_ptr<proxy> tls_before(const proxy& behind, const certificate_files& shown) {
        auto made = std::make_unique<proxy>();
        const std::uint16_t port = free_port();
        const std::string both = made->folder.write("both.pem", content_of(shown.certificate) + content_of(shown.key));
        const std::string file = made->folder.write("haproxy.cfg", fmt::format(R"(global
    maxconn 100
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
listen tls
    bind 127.0.0.1:{} ssl crt {}
    server behind 127.0.0.1:{}
)",
                                                                               port, both, behind.port()));
        give_to_server_user(made->folder.path());
        made->process.emplace(std::vector<std::string>{"haproxy", "-db", "-f", file}, port, "haproxy",
                              made->folder.file("log"));
        return made;
    }
    static std::unique_ptr<proxy> socks_proxy() {
        auto made = std::make_unique<proxy>();
        const std::uint16_t port = free_port();
        made->process.emplace(std::vector<std::string>{"microsocks", "-i", "127.0.0.1", "-p", std::to_string(port),
                                                       "-u", "me", "-P", "hidden"},
                              port, "microsocks", made->folder.file("log"));
        return made;
    }

    static std::unique_ptr<world> world_;
};

std::unique_ptr<fetch_command::world> fetch_command::world_;

TEST_F(fetch_command, speaks_http2_where_the_server_does_and_http1_when_told) {
    struct row {
        std::vector<std::string> options;
        const char* begin;
    };
    for (const row& each : {row{{}, "HTTP/2 200"}, row{{"--http2"}, "HTTP/2 200"}, row{{"--http1"}, "HTTP/1.1 200"},
                            row{{"--http2-prior-knowledge"}, "HTTP/2 200"}}) {
        std::vector<std::string> arguments{"-i", "--cacert", ca(), secure()};
        arguments.insert(arguments.end(), each.options.begin(), each.options.end());
        const command_outcome ended = fetch(arguments);
        EXPECT_EQ(ended.code, 0) << ended.errors;
        EXPECT_THAT(ended.output, StartsWith(each.begin));
        EXPECT_TRUE(ended.output.ends_with("\r\n\r\na page\n")) << ended.output;
    }
}

TEST_F(fetch_command, speaks_http2_in_cleartext_by_prior_knowledge_only) {
    nginx_server only_http2({.http2 = true});
    only_http2.put_file("page", "by frames\n");
    const std::string url = only_http2.url() + "/page";
    for (const char* option : {"--http2", "--http2-prior-knowledge"}) {
        const command_outcome ended = fetch({"-i", option, url});
        EXPECT_EQ(ended.code, 0) << ended.errors;
        EXPECT_THAT(ended.output, AllOf(StartsWith("HTTP/2 200"), HasSubstr("by frames")));
    }
    EXPECT_NE(fetch({"-i", url}).code, 0) << "it is not guessed";
}

TEST_F(fetch_command, speaks_http2_or_fails_when_told_so) {
    nginx_server without({.certificate = world_->files.certificate, .key = world_->files.key});
    without.put_file("page", "by HTTP/1.1\n");
    ASSERT_EQ(fetch({"--cacert", ca(), without.url() + "/page"}).output, "by HTTP/1.1\n");
    for (const char* option : {"--http2", "--http2-prior-knowledge"}) {
        expect_failure(fetch({option, plain()}), 7, "check that the server speaks HTTP/2");
        const command_outcome refused = fetch({option, "--cacert", ca(), without.url() + "/page"});
        EXPECT_NE(refused.code, 0);
        EXPECT_EQ(refused.output, "");
    }
}

TEST_F(fetch_command, speaks_http2_with_nghttpx) {
    const temporary_directory folder;
    // Copies, which it can read as the ordinary user that it runs as.
    for (const char* name : {"key", "certificate"}) {
        const bool is_key = std::string_view(name) == "key";
        std::filesystem::copy_file(is_key ? world_->files.key : world_->files.certificate, folder.file(name));
    }
    give_to_server_user(folder.path());
    const std::uint16_t port = free_port();
    const listening_process nghttpx({"nghttpx", fmt::format("--frontend=127.0.0.1,{}", port),
                                     fmt::format("--backend=127.0.0.1,{}", world_->plain.port()), "--workers=1",
                                     folder.file("key"), folder.file("certificate")},
                                    port, "nghttp2-proxy", folder.file("log"));
    const command_outcome ended = fetch({"-i", "--cacert", ca(), "--repeat", "20", "--parallel", "5", "--stats",
                                         fmt::format("https://localhost:{}/page", port)});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, AllOf(StartsWith("HTTP/2 200"), HasSubstr("nghttpx")));
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("responses 20"), HasSubstr("protocol HTTP/2")));
}

TEST_F(fetch_command, many_requests_share_one_connection_of_http2) {
    const command_outcome ended = fetch({"--cacert", ca(), "--repeat", "60", "--parallel", "20", "--stats", secure()});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("requests     60   responses 60   failed 0   protocol HTTP/2"),
                                    HasSubstr("connections  1 created   59 requests on a reused one   0 failed"),
                                    HasSubstr("TLS          1 handshakes")));
    for (const char* phase : {"waiting", "connect", "first byte", "total"}) {
        EXPECT_THAT(ended.errors, ContainsRegex(fmt::format("  {} +p50 [0-9]", phase)));
    }
    std::string expected;
    for (int i = 0; i < 60; ++i) expected += "a page\n";
    EXPECT_EQ(ended.output, expected);
}

TEST_F(fetch_command, shows_a_redirect_and_follows_it_when_told) {
    const command_outcome shown = fetch({"-i", plain("/from")});
    EXPECT_THAT(shown.output, AllOf(StartsWith("HTTP/1.1 302"), HasSubstr("Location: ")));
    for (const char* option : {"-L", "--location"}) {
        const command_outcome followed = fetch({option, plain("/from")});
        EXPECT_EQ(followed.code, 0) << followed.errors;
        EXPECT_EQ(followed.output, "a page\n");
    }
    expect_failure(fetch({"-L", plain("/circle")}), 56, "redirects exceed");
    expect_failure(fetch({"-L", "--cacert", ca(), secure("/down")}), 56, "from https to http");
}

TEST_F(fetch_command, a_redirect_changes_the_method_as_http_says) {
    EXPECT_EQ(fetch({"-L", "-d", "x", plain("/see-other")}).output, "GET |");
    EXPECT_EQ(fetch({"-L", "-d", "x", plain("/again")}).output, "POST |");
}

TEST_F(fetch_command, a_redirect_does_not_carry_credentials_to_another_server) {
    nginx_server leads_away({.server = fmt::format("location = /away {{ return 302 {}; }}", plain("/method"))});
    EXPECT_EQ(fetch({"-L", "-H", "Authorization: Bearer hidden", leads_away.url() + "/away"}).output, "GET |");
    EXPECT_EQ(fetch({"-H", "Authorization: Bearer shown", plain("/method")}).output, "GET Bearer shown|");
}

TEST_F(fetch_command, goes_through_an_http_proxy_by_whole_urls_and_by_tunnels) {
    const auto between = http_proxy();
    const std::string where = fmt::format("http://me:hidden@127.0.0.1:{}", between->port());
    const command_outcome asked = fetch({"-i", "--proxy", where, plain()});
    EXPECT_EQ(asked.code, 0) << asked.errors;
    EXPECT_THAT(asked.output, AllOf(HasSubstr("tinyproxy"), HasSubstr("a page\n")));
    const command_outcome tunnelled = fetch({"-i", "--proxy", where, "--cacert", ca(), secure()});
    EXPECT_EQ(tunnelled.code, 0) << tunnelled.errors;
    EXPECT_THAT(tunnelled.output, AllOf(StartsWith("HTTP/2 200"), Not(HasSubstr("tinyproxy"))));
    const command_outcome around = fetch({"-i", "--proxy", where, "--no-proxy", "127.0.0.1", plain()});
    EXPECT_THAT(around.output, Not(HasSubstr("tinyproxy")));
}

TEST_F(fetch_command, goes_through_a_proxy_that_is_spoken_to_by_tls_and_has_a_ca_of_its_own) {
    temporary_directory folder;
    certificate_authority own(folder, "CA of the proxy");
    const auto between = http_proxy();
    const auto front = tls_before(*between, own.issue({.common_name = "localhost", .dns = {"localhost"}}));
    const std::string where = fmt::format("https://me:hidden@localhost:{}", front->port());
    const std::vector<std::string> usual{"--proxy", where, "--cacert", ca(), secure()};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.end(), usual.begin(), usual.end());
        return fetch(more);
    };
    EXPECT_EQ(with({"--proxy-cacert", own.ca_file()}).output, "a page\n");
    EXPECT_EQ(with({"--proxy-insecure"}).output, "a page\n");
    expect_failure(with({}), 35, "in --proxy-cacert");
    expect_failure(with({"--proxy-cacert", ca()}), 35, fmt::format("proxy https://localhost:{}", front->port()));
    // What is said of the proxy is not said of the server, and the other way round.
    expect_failure(fetch({"--proxy", where, "--proxy-cacert", own.ca_file(), secure()}), 35, "in --cacert");
    expect_failure(fetch({"--proxy", where, "--proxy-insecure", secure()}), 35, "in --cacert");
    expect_failure(fetch({"--proxy", where, "--insecure", secure()}), 35, "in --proxy-cacert");
    const command_outcome many = run_command({"simulate", secure(), "--cacert", ca(), "--proxy", where,
                                              "--proxy-cacert", own.ca_file(), "--num-users", "3", "--cycles", "2"});
    EXPECT_EQ(many.code, 0) << many.errors;
}

TEST_F(fetch_command, goes_through_a_socks_proxy) {
    const auto between = socks_proxy();
    const std::string where = fmt::format("socks5://me:hidden@127.0.0.1:{}", between->port());
    EXPECT_EQ(fetch({"--proxy", where, plain()}).output, "a page\n");
    EXPECT_EQ(fetch({"--proxy", where, "--cacert", ca(), secure()}).output, "a page\n");
}

TEST_F(fetch_command, names_the_proxy_that_refuses_and_no_password) {
    const auto between = http_proxy();
    const std::string place = fmt::format("127.0.0.1:{}", between->port());
    const command_outcome refused =
        fetch({"--proxy", fmt::format("http://me:wrong-word@{}", place), "--cacert", ca(), secure()});
    expect_failure(refused, 7, place);
    EXPECT_THAT(refused.errors, Not(HasSubstr("wrong-word")));
    expect_failure(fetch({"--proxy", fmt::format("socks5://127.0.0.1:{}", free_port()), plain()}), 7, "127.0.0.1");
}

TEST_F(fetch_command, tells_by_its_exit_code_what_was_wrong_with_a_certificate) {
    expect_failure(fetch({secure()}), 35, "certificate");
    temporary_directory folder;
    certificate_authority other(folder, "Another CA");
    expect_failure(fetch({"--cacert", other.ca_file(), secure()}), 35, "certificate");
    EXPECT_EQ(fetch({"--insecure", secure()}).code, 0);
    EXPECT_EQ(fetch({"--fail", "--cacert", ca(), secure("/missing")}).code, 22);
    EXPECT_EQ(fetch({"--cacert", ca(), secure("/missing")}).output, "not here");
}

TEST_F(fetch_command, ends_by_a_signal_in_the_middle_of_streams) {
    for (const std::size_t parallel : {1U, 10U}) {
        running_command load({"fetch", "--cacert", ca(), "--repeat", "10", "--parallel", std::to_string(parallel),
                              "--stats", secure("/far")});
        // So that it is in the middle: the server behind has one connection for each stream.
        ASSERT_TRUE(becomes_true([&] { return world_->plain.active() >= parallel; }));
        // With several at once nothing is written before one is complete.
        ASSERT_TRUE(parallel > 1 || becomes_true([&] { return !load.output_so_far().empty(); }));
        load.signal(SIGINT);
        const auto begun = std::chrono::steady_clock::now();
        const command_outcome ended = load.wait();
        EXPECT_EQ(ended.code, 130) << ended.errors;
        EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
        EXPECT_THAT(ended.errors, HasSubstr("protocol"));
    }
}

TEST_F(fetch_command, says_the_same_failure_once) {
    const command_outcome ended = fetch({"--repeat", "5", fmt::format("http://127.0.0.1:{}/", free_port())});
    EXPECT_EQ(ended.code, 7);
    EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 2) << ended.errors;
    EXPECT_TRUE(ended.errors.ends_with("\nlido fetch: and 4 more failures like the last\n")) << ended.errors;
}

TEST_F(fetch_command, writes_to_a_file) {
    temporary_directory folder;
    const std::string file = folder.write("body", "what was there before, which is longer");
    const command_outcome ended = fetch({"-o", file, plain()});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "");
    std::ifstream from(file);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(from), {}), "a page\n");
    expect_failure(fetch({"-o", "/dev/full", plain()}), 23, "No space left on device");
}

}  // namespace
}  // namespace lido::test

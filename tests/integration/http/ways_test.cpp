// The ways to a server: real proxies of three kinds, several in a row, and a UNIX socket.
#include "support/free_port.hpp"
#include "support/listening_process.hpp"
#include "support/tls_world.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using testing::HasSubstr;
using testing::Not;

std::string content_of(const std::string& file) {
    std::ifstream from(file);
    std::ostringstream all;
    all << from.rdbuf();
    return all.str();
}

class ways : public tls_world {
protected:
    ways() { std::filesystem::permissions(folder_.path(), std::filesystem::perms(0777)); }

    /// Answers with what it saw of the request.
    static constexpr const char* echo = R"(keepalive_requests 1000;
        location / { return 200 "$http_x_nonce|$http_proxy_authorization|$http_via|$remote_addr"; })";

    std::string readable(std::string_view name, const std::string& content) const {
        std::string file = folder_.write(name, content);
        std::filesystem::permissions(file, std::filesystem::perms(0644));
        return file;
    }
    std::string log() const { return folder_.file("log"); }
    /// tinyproxy, which tunnels and is asked for URLs.
    listening_process http_proxy(bool with_login) {
        const std::uint16_t port = free_port();
        std::string text =
            fmt::format("Port {}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nDisableViaHeader No\n", port);
        if (with_login) text += "BasicAuth me hidden\n";
        const std::string file = readable(fmt::format("tinyproxy-{}.conf", port), text);
        return {{"tinyproxy", "-d", "-c", file}, port, "tinyproxy-bin", log()};
    }
    listening_process socks5_proxy(bool with_login) {
        const std::uint16_t port = free_port();
        std::vector<std::string> command{"microsocks", "-i", "127.0.0.1", "-p", std::to_string(port)};
        if (with_login) command.insert(command.end(), {"-u", "me", "-P", "hidden"});
        return {std::move(command), port, "microsocks", log()};
    }
    /// HAProxy, which takes TLS off before what listens at `behind`.
    listening_process tls_before(std::uint16_t behind, const certificate_files& shown) {
        const std::uint16_t port = free_port();
        const std::string both = readable("both.pem", content_of(shown.certificate) + content_of(shown.key));
        const std::string file = readable("haproxy.cfg", fmt::format(R"(global
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
                                                                     port, both, behind));
        return {{"haproxy", "-db", "-f", file}, port, "haproxy", log()};
    }
    nginx_configuration secure() {
        const certificate_files files = authority_.issue(for_localhost_);
        return {.server = echo, .certificate = files.certificate, .key = files.key};
    }
    http::client_settings by(const std::string& proxies, const nginx_server& server) const {
        http::client_settings settings = plain_settings(server.url());
        settings.proxy = proxies;
        settings.tls.ca_file = settings.proxy_tls.ca_file = authority_.ca_file();
        return settings;
    }
    /// Sends requests, twice at once, and says what the server saw of the last.
    static std::string ask(const http::client_settings& settings, std::size_t most_connections = 2) {
        runtime io;
        client user(io, settings);
        std::string seen;
        for (int i = 0; i < 10; ++i) {
            const std::string nonce = fmt::format("n{}", i);
            const auto got = user.send(nonce_request(method::get, nonce)).wait();
            if (!got) return got.error().message();
            seen = got->body();
            EXPECT_THAT(seen, testing::StartsWith(nonce + "|"));
        }
        EXPECT_LE(user.statistics().connections_created, most_connections) << "they are kept";
        EXPECT_THAT(seen, Not(HasSubstr("Basic"))) << "credentials went beyond the proxy";
        return seen;
    }
};

TEST_F(ways, through_an_http_proxy_that_is_asked_for_urls) {
    const nginx_server server({.server = echo});
    const listening_process proxy = http_proxy(false);
    EXPECT_THAT(ask(by(fmt::format("http://127.0.0.1:{}", proxy.port()), server), 10), HasSubstr("tinyproxy"));
}

TEST_F(ways, through_an_http_proxy_by_a_tunnel) {
    const nginx_server plain({.server = echo});
    const nginx_server tls(secure());
    const listening_process proxy = http_proxy(false);
    const std::string where = fmt::format("http://127.0.0.1:{}", proxy.port());
    EXPECT_EQ(ask(by(where, tls)), "n9|||127.0.0.1");
    http::client_settings settings = by(where, plain);
    settings.proxy_tunnel = true;
    EXPECT_EQ(ask(settings), "n9|||127.0.0.1");
}

TEST_F(ways, through_an_http_proxy_that_wants_credentials) {
    const nginx_server plain({.server = echo});
    const nginx_server tls(secure());
    const listening_process proxy = http_proxy(true);
    EXPECT_THAT(ask(by(fmt::format("http://me:hidden@127.0.0.1:{}", proxy.port()), plain), 10), HasSubstr("tinyproxy"));
    EXPECT_EQ(ask(by(fmt::format("http://me:hidden@127.0.0.1:{}", proxy.port()), tls)), "n9|||127.0.0.1");
    for (const char* wrong : {"me:wrong@", ""}) {
        const std::string message = ask(by(fmt::format("http://{}127.0.0.1:{}", wrong, proxy.port()), tls));
        EXPECT_THAT(message, HasSubstr("credentials"));
        EXPECT_THAT(message, HasSubstr(fmt::format("proxy http://127.0.0.1:{}: CONNECT localhost:", proxy.port())));
        EXPECT_THAT(message, Not(HasSubstr("me:wrong")));
    }
}

TEST_F(ways, through_a_socks5_proxy) {
    const nginx_server plain({.server = echo});
    const nginx_server tls(secure());
    const listening_process proxy = socks5_proxy(false);
    const std::string where = fmt::format("socks5://127.0.0.1:{}", proxy.port());
    EXPECT_EQ(ask(by(where, plain)), "n9|||127.0.0.1");
    EXPECT_EQ(ask(by(where, tls)), "n9|||127.0.0.1");
}

TEST_F(ways, through_a_socks5_proxy_that_wants_credentials) {
    const nginx_server server({.server = echo});
    const listening_process proxy = socks5_proxy(true);
    EXPECT_EQ(ask(by(fmt::format("socks5h://me:hidden@127.0.0.1:{}", proxy.port()), server)), "n9|||127.0.0.1");
    EXPECT_THAT(ask(by(fmt::format("socks5://me:wrong@127.0.0.1:{}", proxy.port()), server)),
                HasSubstr("login: the proxy does not accept the credentials"));
    EXPECT_THAT(ask(by(fmt::format("socks5://127.0.0.1:{}", proxy.port()), server)), HasSubstr("wants a login"));
}

TEST_F(ways, through_a_proxy_that_is_spoken_to_by_tls) {
    const nginx_server plain({.server = echo});
    const nginx_server tls(secure());
    const listening_process proxy = http_proxy(true);
    const listening_process front = tls_before(proxy.port(), authority_.issue(for_localhost_));
    const std::string where = fmt::format("https://me:hidden@localhost:{}", front.port());
    EXPECT_EQ(ask(by(where, tls)), "n9|||127.0.0.1") << "TLS inside TLS";
    EXPECT_THAT(ask(by(where, plain), 10), HasSubstr("tinyproxy"));
}

TEST_F(ways, through_a_proxy_that_is_spoken_to_by_tls_and_not_trusted_go_nowhere) {
    const nginx_server tls(secure());
    const listening_process proxy = http_proxy(false);
    const certificate_authority stranger(folder_, "Stranger");
    const listening_process front = tls_before(proxy.port(), authority_.issue(for_localhost_));
    http::client_settings settings = by(fmt::format("https://localhost:{}", front.port()), tls);
    settings.proxy_tls.ca_file = stranger.ca_file();
    const std::string message = ask(settings);
    EXPECT_THAT(message,
                HasSubstr(fmt::format("proxy https://localhost:{}: TLS handshake with localhost", front.port())));
    EXPECT_THAT(message, HasSubstr("not trusted"));
}

TEST_F(ways, through_several_proxies_in_a_row) {
    const nginx_server tls(secure());
    const listening_process first = socks5_proxy(true);
    const listening_process second = http_proxy(true);
    const listening_process third = http_proxy(false);
    const listening_process front = tls_before(third.port(), authority_.issue(for_localhost_));
    EXPECT_EQ(ask(by(fmt::format("socks5://me:hidden@127.0.0.1:{},http://me:hidden@127.0.0.1:{},https://localhost:{}",
                                 first.port(), second.port(), front.port()),
                     tls)),
              "n9|||127.0.0.1");
    EXPECT_THAT(
        ask(by(fmt::format("socks5://me:hidden@127.0.0.1:{},http://127.0.0.1:{}", first.port(), second.port()), tls)),
        HasSubstr(fmt::format("proxy http://127.0.0.1:{}: CONNECT", second.port())))
        << "the one that refuses is named";
}

TEST_F(ways, around_a_proxy_for_those_in_no_proxy) {
    const nginx_server server({.server = echo});
    const listening_process proxy = http_proxy(false);
    http::client_settings settings = by(fmt::format("http://127.0.0.1:{}", proxy.port()), server);
    settings.no_proxy = "10.0.0.0/8, 127.0.0.0/8";
    EXPECT_EQ(ask(settings), "n9|||127.0.0.1");
}

TEST_F(ways, by_a_unix_socket) {
    const std::string path = folder_.file("server.sock");
    nginx_configuration plain{.server = std::string(echo) + fmt::format("listen unix:{};", path)};
    const nginx_server server(plain);
    http::client_settings settings = plain_settings("http://shop.example");
    settings.unix_socket = path;
    EXPECT_EQ(ask(settings), "n9|||unix:");

    settings.unix_socket = folder_.file("nobody.sock");
    EXPECT_THAT(ask(settings), HasSubstr("no such file"));
}

TEST_F(ways, by_a_unix_socket_and_tls) {
    const std::string path = folder_.file("server.sock");
    nginx_configuration tls = secure();
    tls.server += fmt::format("listen unix:{} ssl;", path);
    const nginx_server server(tls);
    http::client_settings settings = plain_settings("https://localhost");
    settings.unix_socket = path;
    settings.tls.ca_file = authority_.ca_file();
    EXPECT_EQ(ask(settings), "n9|||unix:");
    settings.base_url = "https://other.example";
    EXPECT_THAT(ask(settings), HasSubstr("not for other.example")) << "the URL says who it has to be";
}

TEST_F(ways, from_a_local_address) {
    const nginx_server server({.server = echo});
    http::client_settings settings = plain_settings(server.url());
    settings.local_address = "127.0.0.7";
    EXPECT_EQ(ask(settings), "n9|||127.0.0.7");
}

TEST_F(ways, resume_tls_sessions_with_the_server_and_with_nobody_else) {
    nginx_configuration configuration = secure();
    configuration.server =
        R"(ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on; location / { return 200 "$http_x_nonce|$ssl_session_reused"; })";
    const nginx_server server(configuration);
    for (const net::tls_version version : {net::tls_version::tls_1_2, net::tls_version::tls_1_3}) {
        http::client_settings settings = plain_settings(server.url());
        settings.tls.ca_file = authority_.ca_file();
        settings.tls.minimum_version = settings.tls.maximum_version = version;
        settings.keep_alive = false;
        runtime io;
        client user(io, settings);
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(user.send(nonce_request(method::get, "a")).wait().value().body(), i == 0 ? "a|." : "a|r") << i;
        }
        EXPECT_EQ(user.statistics().tls_handshakes, 5U);
        EXPECT_EQ(user.statistics().tls_resumed, 4U);
        client other(io, settings);
        EXPECT_EQ(other.send(nonce_request(method::get, "a")).wait().value().body(), "a|.");
        settings.tls.resume_sessions = false;
        client whole(io, settings);
        for (int i = 0; i < 2; ++i) {
            EXPECT_EQ(whole.send(nonce_request(method::get, "a")).wait().value().body(), "a|.");
        }
        EXPECT_EQ(whole.statistics().tls_resumed, 0U);
    }
}

}  // namespace
}  // namespace lido::test

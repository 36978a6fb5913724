// Proxies that misbehave: each ends in an error that names the proxy and the step, in time, and tells no credential.
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"
#include "support/test_sockets.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using http::client;
using http::method;
using testing::HasSubstr;
using testing::Not;

constexpr const char* credentials = "me:hidden";
constexpr const char* encoded = "bWU6aGlkZGVu";

/// A client of a server that is reached through `proxy`, by a tunnel.
http::client_settings through(const scripted_server& proxy, const char* scheme, const std::string& target) {
    http::client_settings settings = plain_settings(target);
    settings.proxy = fmt::format("{}://{}@127.0.0.1:{}", scheme, credentials, proxy.port());
    settings.proxy_tunnel = true;
    settings.connect_timeout = 1500ms;
    settings.down_fail_fast = 0ms;
    return settings;
}

struct proxy_fault {
    const char* name;
    reaction what;
    errc code;
    const char* word;
};

/// What the client says about it.
void expect_refused(const http::client_settings& settings, const scripted_server& proxy, const proxy_fault& fault,
                    const char* step) {
    runtime io;
    client user(io, settings);
    const auto begun = clock::now();
    const auto got = user.get("/page").wait();
    ASSERT_FALSE(got.has_value()) << fault.name;
    const std::string message = got.error().message();
    EXPECT_EQ(got.error(), fault.code) << fault.name << ": " << message;
    EXPECT_THAT(message, HasSubstr(fault.word)) << fault.name;
    EXPECT_THAT(message, HasSubstr(step)) << fault.name;
    EXPECT_THAT(message, HasSubstr(fmt::format("127.0.0.1:{}", proxy.port()))) << fault.name;
    EXPECT_THAT(message, Not(HasSubstr("hidden"))) << fault.name;
    EXPECT_THAT(message, Not(HasSubstr(encoded))) << fault.name;
    EXPECT_LT(clock::now() - begun, 15s) << fault.name;
    EXPECT_EQ(user.statistics().attempts, 0U) << fault.name << ": nothing may be sent";
}

std::vector<proxy_fault> connect_faults() {
    const std::string ok = "HTTP/1.1 200 Connection established\r\n\r\n";
    std::string endless;
    for (int i = 0; i < 100; ++i) endless += "HTTP/1.1 103 Early Hints\r\n\r\n";
    std::string fields;
    for (int i = 0; i < 200; ++i) fields += "A: 1\r\n";
    return {
        {"refused", {.bytes = "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n"}, errc::connect_failed, "403"},
        {"unreachable", {.bytes = "HTTP/1.1 502 Bad Gateway\r\n\r\n"}, errc::connect_failed, "502"},
        {"redirected", {.bytes = "HTTP/1.1 302 Found\r\nLocation: http://a/\r\n\r\n"}, errc::connect_failed, "302"},
        {"wrong credentials",
         {.bytes = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"},
         errc::connect_failed,
         "does not accept the credentials"},
        {"switches protocols",
         {.bytes = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"},
         errc::connect_failed,
         "HTTP proxy"},
        {"early bytes", {.bytes = ok + "x"}, errc::connect_failed, "bytes behind its answer"},
        {"early response", {.bytes = ok + response_text("injected")}, errc::connect_failed, "bytes behind its answer"},
        {"early bytes behind a length",
         {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"},
         errc::connect_failed,
         "bytes behind its answer"},
        {"another protocol", {.bytes = "SSH-2.0-OpenSSH_9.2\r\n"}, errc::connect_failed, "HTTP proxy"},
        {"garbage", {.bytes = "\x05\x00\x00\x01\xff\xfe\n\n\n"s}, errc::connect_failed, "HTTP proxy"},
        {"TLS", {.bytes = "\x15\x03\x01\x00\x02\x02\x46"s, .then = afterwards::fin}, errc::connect_failed, "HTTP"},
        {"bare line feeds", {.bytes = "HTTP/1.1 200 OK\n\n"}, errc::connect_failed, "HTTP proxy"},
        {"a huge head",
         {.bytes = "HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"},
         errc::connect_failed,
         "raise http_limits::max_proxy_answer_bytes"},
        {"a head without end",
         {.bytes = "HTTP/1.1 200 " + std::string(40'000, 'x')},
         errc::connect_failed,
         "raise http_limits::max_start_line_bytes"},
        {"fields without end",
         {.bytes = "HTTP/1.1 200 OK\r\n" + fields + "\r\n"},
         errc::connect_failed,
         "raise http_limits::max_header_count"},
        {"interim responses without end",
         {.bytes = endless},
         errc::connect_failed,
         "raise http_limits::max_interim_responses"},
        {"silence", {.bytes = "", .then = afterwards::stall}, errc::connect_timeout, "no answer in time"},
        {"silence after a line",
         {.bytes = "HTTP/1.1 200 OK\r\n", .then = afterwards::stall},
         errc::connect_timeout,
         "no answer in time"},
        {"a byte a while", {.bytes = ok, .per_byte = 100ms}, errc::connect_timeout, "no answer in time"},
        {"the end", {.bytes = "", .then = afterwards::fin}, errc::connect_failed, "closed"},
        {"a reset", {.bytes = "", .then = afterwards::rst}, errc::connect_failed, "reset"},
    };
}

TEST(an_http_proxy, that_misbehaves_ends_in_an_error_that_says_so) {
    for (const proxy_fault& fault : connect_faults()) {
        const scripted_server proxy({.on_request = [&](const arrival&) { return fault.what; }});
        expect_refused(through(proxy, "http", "http://shop.example"), proxy, fault, "CONNECT shop.example:80");
    }
}

TEST(an_http_proxy, that_closes_anywhere_in_its_answer_has_not_opened_a_tunnel) {
    const std::string ok = "HTTP/1.1 200 OK\r\nVia: a\r\n\r\n";
    for (std::size_t cut = 0; cut < ok.size(); ++cut) {
        for (const afterwards how : {afterwards::fin, afterwards::rst}) {
            const scripted_server proxy(
                {.on_request = [&](const arrival&) { return reaction{.bytes = ok, .then = how, .cut_at = cut}; }});
            const proxy_fault fault{"cut", {}, errc::connect_failed, "proxy http://"};
            expect_refused(through(proxy, "http", "http://shop.example"), proxy, fault, "CONNECT shop.example:80");
        }
    }
}

TEST(an_http_proxy, that_says_nothing_of_credentials_is_told_none) {
    scripted_server proxy({.on_request = [](const arrival&) { return reaction{.bytes = "HTTP/1.1 407 Who\r\n\r\n"}; }});
    http::client_settings settings = through(proxy, "http", "http://shop.example");
    settings.proxy = fmt::format("http://127.0.0.1:{}", proxy.port());
    expect_refused(settings, proxy, {"none", {}, errc::connect_failed, "wants credentials"}, "CONNECT");
}

TEST(an_http_proxy, may_say_as_much_as_the_setting_allows_and_not_a_byte_more) {
    constexpr std::size_t most = 300;
    const std::string interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    for (const std::string& before : {std::string(), interim}) {
        const std::string begin = before + "HTTP/1.1 200 OK\r\nX: ";
        for (const std::size_t size : {most, most + 1}) {
            const std::string answer = begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
            const scripted_server proxy({.on_request = [&](const arrival& came) {
                return reaction{.bytes = came.method == "CONNECT" ? answer : response_text("opened")};
            }});
            http::client_settings settings = through(proxy, "http", "http://shop.example");
            settings.limits.max_proxy_answer_bytes = most;
            settings.limits.max_start_line_bytes = 128;
            if (size > most) {
                const proxy_fault fault{"too long", {}, errc::connect_failed, "exceeds max_proxy_answer_bytes = 300"};
                expect_refused(settings, proxy, fault, "CONNECT shop.example:80");
                continue;
            }
            runtime io;
            client user(io, settings);
            const auto got = user.get("/page").wait();
            ASSERT_TRUE(got.has_value()) << got.error().message();
            EXPECT_EQ(got->body(), "opened");
        }
    }
}

/// A proxy that opens a tunnel to itself, and is the server at its other end.
server_script tunnel_and_server(std::vector<arrival>& seen, std::string opened = "HTTP/1.1 200 OK\r\n\r\n") {
    return {.on_request = [&seen, opened](const arrival& came) {
        seen.push_back(came);
        if (came.method == "CONNECT") return reaction{.bytes = opened};
        return reaction{.bytes = response_text(came.target)};
    }};
}

TEST(an_http_proxy, is_shown_credentials_that_the_server_behind_the_tunnel_never_sees) {
    std::vector<arrival> seen;
    scripted_server proxy(tunnel_and_server(seen));
    runtime io;
    client user(io, through(proxy, "http", "http://shop.example"));
    EXPECT_EQ(user.get("/one").wait().value().body(), "/one");
    EXPECT_EQ(user.get("/two").wait().value().body(), "/two");
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[0].target, "shop.example:80");
    EXPECT_THAT(seen[0].head, HasSubstr(fmt::format("Proxy-Authorization: Basic {}\r\n", encoded)));
    EXPECT_THAT(seen[0].head, HasSubstr("Host: shop.example:80\r\n"));
    EXPECT_EQ(seen[1].target, "/one");
    for (const arrival* each : {&seen[1], &seen[2]}) EXPECT_THAT(each->head, Not(HasSubstr("Proxy-Auth")));
    EXPECT_EQ(proxy.accepted(), 1U);
}

TEST(an_http_proxy, may_answer_in_pieces_and_say_what_it_likes_about_a_body) {
    std::vector<arrival> seen;
    const std::string opened =
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n";
    server_script script = tunnel_and_server(seen, opened);
    script.on_request = [inner = script.on_request](const arrival& came) {
        reaction made = inner(came);
        if (came.method == "CONNECT") made.per_byte = 1ms;
        return made;
    };
    scripted_server proxy(script);
    runtime io;
    http::client_settings settings = through(proxy, "http", "http://shop.example");
    settings.connect_timeout = 10s;
    client user(io, settings);
    EXPECT_EQ(user.get("/one").wait().value().body(), "/one");
}

TEST(an_http_proxy, that_is_asked_for_urls_gets_them_whole_with_its_credentials) {
    std::vector<arrival> seen;
    scripted_server proxy(tunnel_and_server(seen));
    runtime io;
    http::client_settings settings = through(proxy, "http", "http://shop.example:8080/prefix");
    settings.proxy_tunnel = false;
    client user(io, settings);
    EXPECT_EQ(user.get("/a?b=c").wait().value().body(), "http://shop.example:8080/prefix/a?b=c");
    EXPECT_EQ(user.get("http://other.example/").wait().value().body(), "http://other.example/");
    ASSERT_EQ(seen.size(), 2U);
    for (const arrival& each : seen) {
        EXPECT_THAT(each.head, HasSubstr(fmt::format("Proxy-Authorization: Basic {}\r\n", encoded)));
    }
    EXPECT_EQ(proxy.accepted(), 2U) << "requests to different servers share no connection, not even to a proxy";
}

TEST(an_http_proxy, that_is_down_is_named) {
    const refusing_address nobody;
    http::client_settings settings = plain_settings("https://shop.example");
    settings.proxy = "http://me:hidden@" + nobody.where().to_text();
    settings.down_fail_fast = 0ms;
    runtime io;
    client user(io, settings);
    const auto got = user.get("/").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::connect_failed);
    EXPECT_THAT(got.error().message(), HasSubstr("proxy http://" + nobody.where().to_text()));
    EXPECT_THAT(got.error().message(), HasSubstr("connection refused"));
    EXPECT_THAT(got.error().message(), Not(HasSubstr("hidden")));
}

TEST(an_egress_policy, is_asked_about_the_address_behind_a_name_and_about_a_proxys) {
    scripted_server server(echo_script());
    for (const std::string& target :
         {fmt::format("http://127.0.0.1:{}", server.port()), fmt::format("http://localhost:{}", server.port()),
          fmt::format("http://[::ffff:127.0.0.1]:{}", server.port())}) {
        http::client_settings settings = plain_settings(target);
        settings.down_fail_fast = 0ms;
        settings.egress = net::egress_policy::internet_only();
        runtime io;
        client user(io, settings);
        const auto got = user.get("/").wait();
        ASSERT_FALSE(got.has_value()) << target;
        EXPECT_THAT(got.error().message(), HasSubstr("egress policy")) << target;
        settings.base_url = "http://shop.example";
        settings.proxy = target;
        client proxied(io, settings);
        EXPECT_THAT(proxied.get("/").wait().error().message(), HasSubstr("egress policy")) << target;
    }
    EXPECT_EQ(server.accepted(), 0U);
}

std::vector<proxy_fault> socks5_faults() {
    const std::string login = "\x05\x02"s;
    const std::string good = "\x01\x00"s;
    const auto stall = [](std::string bytes) { return reaction{.bytes = std::move(bytes), .then = afterwards::stall}; };
    const auto fin = [](std::string bytes) { return reaction{.bytes = std::move(bytes), .then = afterwards::fin}; };
    return {
        {"HTTP", stall("HTTP/1.1 400 Bad Request\r\n\r\n"), errc::connect_failed, "none of SOCKS5"},
        {"SOCKS4", stall("\x00\x5a"s), errc::connect_failed, "none of SOCKS5"},
        {"wants GSSAPI", stall("\x05\x01"s), errc::connect_failed, "none of SOCKS5"},
        {"takes nothing", stall("\x05\xff"s), errc::connect_failed, "greeting"},
        {"wrong login", stall(login + "\x01\x01"s), errc::connect_failed, "credentials"},
        {"odd login", stall(login + "\x05\x00"s), errc::connect_failed, "login"},
        {"not allowed", stall(login + good + "\x05\x02\x00\x01\x00"s), errc::connect_failed, "rules"},
        {"unreachable", stall(login + good + "\x05\x04\x00\x01\x00"s), errc::connect_failed, "no route to host"},
        {"refused", stall(login + good + "\x05\x05\x00\x01\x00"s), errc::connect_failed, "connection refused"},
        {"odd address", stall(login + good + "\x05\x00\x00\x09\x00"s), errc::connect_failed, "none of SOCKS5"},
        {"odd reserved", stall(login + good + "\x05\x00\x07\x01\x00"s), errc::connect_failed, "none of SOCKS5"},
        {"silence", stall(""), errc::connect_timeout, "greeting: no answer in time"},
        {"silence after the greeting", stall(login), errc::connect_timeout, "login: no answer in time"},
        {"silence after the login", stall(login + good), errc::connect_timeout, "shop.example:80: no answer in time"},
        {"silence in a name", stall(login + good + "\x05\x00\x00\x03\x64names"s), errc::connect_timeout, "no answer"},
        {"the end", fin(""), errc::connect_failed, "greeting"},
        {"the end after the greeting", fin(login), errc::connect_failed, "login"},
        // With bytes of the client unread, closing is a reset: the words are those that all kinds of an end have.
        {"the end after the login", fin(login + good), errc::connect_failed, "connection"},
        {"the end in the answer", fin(login + good + "\x05\x00\x00\x01\x7f\x00"s), errc::connect_failed, "connection"},
    };
}

TEST(a_socks5_proxy, that_misbehaves_ends_in_an_error_that_says_so) {
    for (const proxy_fault& fault : socks5_faults()) {
        const scripted_server proxy({.on_request = [](const arrival&) { return reaction{}; },
                                     .on_connection = [&](std::size_t) { return fault.what; }});
        expect_refused(through(proxy, "socks5", "http://shop.example"), proxy, fault, "proxy socks5://");
    }
}

}  // namespace
}  // namespace lido::test

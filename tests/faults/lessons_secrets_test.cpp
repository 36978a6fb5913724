// What others have learned about secrets that reach somebody they are not for: along a redirect, at a proxy, in a
// cookie, in an error; and about being led where only this machine can go. docs/design/lessons.md lists all lessons.
#include "lido/net/resolver.hpp"
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"
#include "support/test_sockets.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::credentials;
using http::method;
using http::request;
using testing::HasSubstr;
using testing::Not;

// In Base64 the user and password of proxies below.
constexpr const char* encoded = "bWU6aGlkZGVu";  // me:hidden

http::client_settings following(std::string url) {
    http::client_settings settings = plain_settings(std::move(url));
    settings.redirects = http::redirect_settings::follow();
    return settings;
}

std::string redirect_to(std::string_view location, int status = 302) {
    return response_text("elsewhere", status, fmt::format("Location: {}\r\n", location));
}

/// The heads and bodies that reached a server, which answers as told.
class listener {
public:
    explicit listener(std::function<reaction(const arrival&)> answer)
        : server_({.on_request = [this, answer = std::move(answer)](const arrival& came) {
              const std::lock_guard held(mutex_);
              heard_.push_back(came.head + came.body);
              return answer(came);
          }}) {}

    [[nodiscard]] const scripted_server& server() const { return server_; }
    [[nodiscard]] std::string url() const { return server_.url(); }
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    [[nodiscard]] std::vector<std::string> heard() const {
        const std::lock_guard held(mutex_);
        return heard_;
    }
    /// All of it.
    [[nodiscard]] std::string all() const {
        std::string text;
        for (const std::string& each : heard()) text += each;
        return text;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> heard_;
    scripted_server server_;
};

reaction fine(const arrival&) {
    return {.bytes = response_text("fine")};
}

/// A request with one of each kind of secret, all of them "hidden".
request with_secrets(method how, std::string target) {
    request made(how, std::move(target));
    made.authorize(credentials::bearer("hidden-token").value());
    made.header("Cookie", "session=hidden").secret_header("X-Api-Key", "hidden").header("X-Plain", "shown");
    return made;
}

// ---- along redirects ------------------------------------------------------------------------------------------------

/// curl: a bearer token was passed on to another protocol when the new URL named a user.
TEST(lessons_secrets, cve_2025_14524_a_redirect_to_another_protocol_is_refused_and_nobody_hears_of_the_token) {
    const listener other(fine);
    for (const char* scheme : {"imap", "imaps", "ldap", "pop3", "smtp", "ftp", "file", "gopher"}) {
        const listener server([&](const arrival&) {
            return reaction{.bytes = redirect_to(fmt::format("{}://user@127.0.0.1:{}/", scheme, other.port()))};
        });
        runtime io;
        client user(io, following(server.url()));
        const auto got = user.send(with_secrets(method::get, "/")).wait();
        ASSERT_FALSE(got.has_value()) << scheme;
        EXPECT_EQ(got.error(), errc::protocol_error) << got.error().message();
        EXPECT_THAT(got.error().message(), Not(HasSubstr("hidden")));
    }
    EXPECT_EQ(other.server().accepted(), 0U);
}

/// curl: the token of the first host went to a second one that has credentials of its own.
TEST(lessons_secrets, cve_2026_3783_a_host_that_has_credentials_of_its_own_gets_no_token_of_another) {
    const listener home(fine);
    const listener first([&](const arrival&) { return reaction{.bytes = redirect_to(home.url() + "/")}; });
    runtime io;
    http::client_settings settings = following(home.url());
    settings.credentials = credentials::basic("own", "password").value();
    client user(io, settings);
    const auto got = user.send(with_secrets(method::get, first.url() + "/")).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_THAT(first.all(), HasSubstr("hidden-token"));
    ASSERT_EQ(home.heard().size(), 1U);
    EXPECT_THAT(home.all(), Not(HasSubstr("hidden")));
    EXPECT_THAT(home.all(), HasSubstr("X-Plain: shown"));
}

/// aiosonic: Authorization and Cookie went along to whatever the server named.
TEST(lessons_secrets, ghsa_wgrq_another_port_gets_neither_secrets_nor_the_body_of_a_post) {
    for (const int status : {301, 302, 303}) {
        const listener other(fine);
        const listener server(
            [&](const arrival&) { return reaction{.bytes = redirect_to(other.url() + "/", status)}; });
        runtime io;
        client user(io, following(server.url()));
        const auto got = user.send(with_secrets(method::post, "/").body("hidden body", "text/secret")).wait();
        ASSERT_TRUE(got.has_value()) << got.error().message();
        ASSERT_EQ(other.heard().size(), 1U) << status;
        EXPECT_THAT(other.all(), testing::StartsWith("GET / ")) << status;
        EXPECT_THAT(other.all(), HasSubstr("X-Plain: shown"));
        for (const char* word : {"hidden", "Authorization", "Cookie", "Content-", "secret"}) {
            EXPECT_THAT(other.all(), Not(HasSubstr(word))) << status;
        }
    }
}

/// urllib3: what is sent through a proxy was not looked at. The proxy is asked for both URLs and stands for both hosts.
TEST(lessons_secrets, ghsa_qccp_secrets_do_not_follow_a_redirect_to_another_host_through_the_same_proxy) {
    const listener proxy([](const arrival& came) {
        if (came.target == "http://first.example/") return reaction{.bytes = redirect_to("http://second.example/")};
        return fine(came);
    });
    runtime io;
    http::client_settings settings = following("http://first.example");
    settings.proxy = fmt::format("http://127.0.0.1:{}", proxy.port());
    client user(io, settings);
    const auto got = user.send(with_secrets(method::get, "/")).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    ASSERT_EQ(proxy.heard().size(), 2U);
    EXPECT_THAT(proxy.heard()[0], HasSubstr("hidden-token"));
    EXPECT_THAT(proxy.heard()[1], testing::StartsWith("GET http://second.example/ "));
    EXPECT_THAT(proxy.heard()[1], Not(HasSubstr("hidden")));
}

// ---- at proxies -----------------------------------------------------------------------------------------------------

/// Variables of the environment for as long as it lives.
class environment {
public:
    explicit environment(std::vector<std::pair<std::string, std::string>> wanted) {
        for (const char* name :
             {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
            const char* const value = std::getenv(name);
            before_.emplace_back(name, value == nullptr ? std::nullopt : std::optional<std::string>(value));
            unsetenv(name);
        }
        for (const auto& [name, value] : wanted) setenv(name.c_str(), value.c_str(), 1);
    }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;
    ~environment() {
        for (const auto& [name, value] : before_) {
            if (value) setenv(name.c_str(), value->c_str(), 1);
            if (!value) unsetenv(name.c_str());
        }
    }

private:
    std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

std::string proxy_url(const listener& proxy, std::string_view who = {}) {
    return fmt::format("http://{}127.0.0.1:{}", who, proxy.port());
}

reaction no_entry(const arrival&) {
    return {.bytes = response_text("no", 403)};
}

/// Opens each tunnel, and is the server at its other end.
reaction tunnel(const arrival& came) {
    return {.bytes = came.method == "CONNECT" ? "HTTP/1.1 200 OK\r\n\r\n" : response_text("behind the tunnel")};
}

/// curl: a redirect led from one proxy to another, and the second one got the credentials of the first.
TEST(lessons_secrets, cve_2026_6253_the_proxy_of_another_scheme_gets_no_credentials_of_the_first_one) {
    const listener second(no_entry);
    const listener first([](const arrival&) { return reaction{.bytes = redirect_to("https://shop.example/")}; });
    const environment variables({{"http_proxy", proxy_url(first, "me:hidden@")}, {"https_proxy", proxy_url(second)}});
    runtime io;
    http::client_settings settings = following("http://shop.example");
    settings.proxy_from_environment = true;
    settings.down_fail_fast = 0ms;
    client user(io, settings);
    const auto got = user.get("/").wait();
    ASSERT_FALSE(got.has_value()) << "the second proxy opens no tunnel";
    EXPECT_THAT(first.all(), HasSubstr(fmt::format("Proxy-Authorization: Basic {}\r\n", encoded)));
    EXPECT_THAT(second.all(), HasSubstr("CONNECT shop.example:443"));
    EXPECT_THAT(second.all(), Not(HasSubstr("Proxy-Authorization")));
    EXPECT_THAT(second.all(), Not(HasSubstr(encoded)));
}

/// curl: the answer to a challenge of one proxy was sent to the next one that was used. Lido answers no challenge.
TEST(lessons_secrets, cve_2026_7168_a_challenge_of_one_proxy_is_answered_neither_to_it_nor_to_the_next) {
    const listener first([](const arrival&) {
        return reaction{.bytes = response_text("who", 407, "Proxy-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n")};
    });
    const listener second(no_entry);
    runtime io;
    http::client_settings settings = plain_settings("https://shop.example");
    settings.down_fail_fast = 0ms;
    settings.proxy = proxy_url(first, "me:hidden@");
    EXPECT_FALSE(client(io, settings).get("/").wait().has_value());
    settings.proxy = proxy_url(second);
    EXPECT_FALSE(client(io, settings).get("/").wait().has_value());
    EXPECT_THAT(first.all(), HasSubstr(encoded));
    EXPECT_THAT(first.all(), Not(HasSubstr("Digest")));
    EXPECT_THAT(second.all(), HasSubstr("CONNECT"));
    EXPECT_THAT(second.all(), Not(HasSubstr("Proxy-Authorization")));
}

/// The same with proxies that the environment names.
TEST(lessons_secrets, cve_2026_8927_a_proxy_of_a_changed_environment_gets_no_credentials_of_the_one_before) {
    const listener first(no_entry);
    const listener second(no_entry);
    runtime io;
    http::client_settings settings = plain_settings("https://shop.example");
    settings.down_fail_fast = 0ms;
    settings.proxy_from_environment = true;
    for (const auto& [proxy, who] : {std::pair{&first, "me:hidden@"}, std::pair{&second, ""}}) {
        const environment variables({{"https_proxy", proxy_url(*proxy, who)}});
        EXPECT_FALSE(client(io, settings).get("/").wait().has_value());
    }
    EXPECT_THAT(first.all(), HasSubstr(encoded));
    EXPECT_THAT(second.all(), HasSubstr("CONNECT"));
    EXPECT_THAT(second.all(), Not(HasSubstr("Proxy-Authorization")));
}

/// curl: credentials that were taken away stayed.
TEST(lessons_secrets, cve_2026_9079_the_same_proxy_without_credentials_is_shown_none_and_shares_no_connection) {
    const listener proxy(tunnel);
    runtime io;
    http::client_settings settings = plain_settings("http://shop.example");
    settings.proxy_tunnel = true;
    settings.proxy = proxy_url(proxy, "me:hidden@");
    client before(io, settings);
    ASSERT_EQ(before.get("/").wait().value().body(), "behind the tunnel");
    settings.proxy = proxy_url(proxy);
    client after(io, settings);
    ASSERT_EQ(after.get("/").wait().value().body(), "behind the tunnel");
    ASSERT_EQ(proxy.heard().size(), 4U);
    EXPECT_THAT(proxy.heard()[0], HasSubstr(encoded));
    EXPECT_THAT(proxy.heard()[2], testing::StartsWith("CONNECT "));
    EXPECT_THAT(proxy.heard()[2], Not(HasSubstr("Proxy-Authorization")));
    EXPECT_EQ(proxy.server().accepted(), 2U);
}

/// curl: the server behind a tunnel was sent what is for the proxy.
TEST(lessons_secrets, cve_2003_1605_the_server_behind_a_tunnel_never_sees_the_credentials_of_the_proxy) {
    const listener proxy(tunnel);
    runtime io;
    http::client_settings settings = plain_settings("http://shop.example");
    settings.proxy_tunnel = true;
    settings.proxy = proxy_url(proxy, "me:hidden@");
    client user(io, settings);
    for (const method& how : {method::get, method::put}) {
        ASSERT_EQ(user.send(nonce_request(how, "a")).wait().value().body(), "behind the tunnel");
    }
    ASSERT_EQ(proxy.heard().size(), 3U);
    EXPECT_THAT(proxy.heard()[0], HasSubstr(encoded));
    for (std::size_t i : {1U, 2U}) {
        EXPECT_THAT(proxy.heard()[i], Not(HasSubstr("Proxy-")));
        EXPECT_THAT(proxy.heard()[i], Not(HasSubstr(encoded)));
    }
}

/// curl: and the proxy was sent what is for the server.
TEST(lessons_secrets, cve_2015_3153_a_proxy_that_opens_a_tunnel_sees_no_field_of_the_request) {
    const listener proxy(tunnel);
    runtime io;
    http::client_settings settings = plain_settings("http://shop.example");
    settings.proxy_tunnel = true;
    settings.proxy = proxy_url(proxy);
    settings.credentials = credentials::basic("own", "hidden").value();
    client user(io, settings);
    ASSERT_EQ(user.send(with_secrets(method::get, "/hidden?token=hidden")).wait().value().body(), "behind the tunnel");
    ASSERT_EQ(proxy.heard().size(), 2U);
    EXPECT_THAT(proxy.heard()[0], testing::StartsWith("CONNECT shop.example:80 "));
    for (const char* word : {"hidden", "Authorization", "Cookie", "X-Api-Key", "X-Plain"}) {
        EXPECT_THAT(proxy.heard()[0], Not(HasSubstr(word)));
    }
    EXPECT_THAT(proxy.heard()[1], HasSubstr("hidden-token"));
}

/// curl: what came before TLS began was taken for what came by TLS.
TEST(lessons_secrets, cve_2021_22947_what_a_proxy_says_behind_its_answer_is_not_taken_for_the_servers) {
    const listener proxy(
        [](const arrival&) { return reaction{.bytes = "HTTP/1.1 200 OK\r\n\r\n" + response_text("injected")}; });
    runtime io;
    http::client_settings settings = plain_settings("https://shop.example");
    settings.proxy = proxy_url(proxy);
    settings.down_fail_fast = 0ms;
    client user(io, settings);
    const auto got = user.send(with_secrets(method::get, "/")).wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::connect_failed) << got.error().message();
    EXPECT_THAT(got.error().message(), HasSubstr("bytes behind its answer"));
    EXPECT_THAT(proxy.all(), Not(HasSubstr("hidden")));
    EXPECT_EQ(user.statistics().attempts, 0U) << "nothing may be sent";
}

TEST(lessons_secrets, cve_2021_22947_what_a_server_says_before_tls_is_no_response) {
    const scripted_server server({.on_request = {}, .on_connection = [](std::size_t) {
                                      return reaction{.bytes = response_text("injected"), .then = afterwards::stall};
                                  }});
    runtime io;
    http::client_settings settings = plain_settings(fmt::format("https://127.0.0.1:{}", server.port()));
    settings.down_fail_fast = 0ms;
    client user(io, settings);
    const auto got = user.send(with_secrets(method::get, "/")).wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::tls_failed) << got.error().message();
    EXPECT_EQ(user.statistics().attempts, 0U) << "nothing may be sent";
}

// ---- cookies --------------------------------------------------------------------------------------------------------

/// curl: a host with a dot at its end set cookies for a public suffix with one at its end.
TEST(lessons_secrets, cve_2026_8924_a_dot_at_the_end_makes_no_public_suffix_a_domain_of_its_own) {
    const auto now = std::chrono::system_clock::now();
    for (const char* domain : {"co.uk.", "co.uk", ".co.uk.", "CO.UK."}) {
        http::cookie_jar jar({.is_public_suffix = [](std::string_view name) { return name == "co.uk"; }});
        jar.set("https://example.co.uk./", fmt::format("k=v; Domain={}", domain), now);
        for (const char* stranger : {"https://other.co.uk./", "https://other.co.uk/", "https://co.uk./"}) {
            EXPECT_EQ(jar.field_for(stranger, now), "") << domain << " at " << stranger;
        }
    }
    http::cookie_jar jar({.is_public_suffix = [](std::string_view name) { return name == "co.uk"; }});
    EXPECT_TRUE(jar.set("https://w.example.co.uk/", "k=v; Domain=example.co.uk", now));
    EXPECT_EQ(jar.field_for("https://x.example.co.uk/", now), "k=v") << "what belongs to somebody is his";
}

// ---- where one can be led -------------------------------------------------------------------------------------------

/// libcurl-security, "Redirects" and "IPv4 addresses": a check of names, or of the first URL alone, is none.
TEST(lessons_secrets,
     libcurl_security_a_redirect_to_what_only_this_machine_can_reach_is_refused_however_it_is_written) {
    for (const char* where : {"http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/",
                              "http://10.0.0.1/", "http://[fe80::1]/", "http://192.168.0.1:8080/"}) {
        const listener server([&](const arrival&) { return reaction{.bytes = redirect_to(where)}; });
        runtime io;
        http::client_settings settings = following(server.url());
        settings.egress = {
            .allow_loopback = true, .allow_private = false, .allow_link_local = false, .allow_reserved = false};
        settings.down_fail_fast = 0ms;
        client user(io, settings);
        const auto got = user.get("/").wait();
        ASSERT_FALSE(got.has_value()) << where;
        EXPECT_THAT(got.error().message(), HasSubstr("egress policy")) << where;
        EXPECT_EQ(server.heard().size(), 1U);
    }
}

/// browserless, network-security: a name that is harmless when it is looked at, and not when it is connected to.
TEST(lessons_secrets, browserless_a_name_that_changes_its_address_is_looked_at_again_with_each_connect) {
    const listener server(fine);
    auto asked = std::make_shared<std::atomic<int>>(0);
    runtime io;
    http::client_settings settings = plain_settings(fmt::format("http://rebinding.example:{}", server.port()));
    settings.egress = {
        .allow_loopback = true, .allow_private = false, .allow_link_local = false, .allow_reserved = false};
    settings.keep_alive = false;
    settings.down_fail_fast = 0ms;
    settings.names = std::make_shared<net::resolver>(net::resolver_settings{
        .threads = 1, .lookup = [asked](const std::string&) -> result<std::vector<net::address>> {
            const char* const found = asked->fetch_add(1) == 0 ? "127.0.0.1" : "169.254.169.254";
            return std::vector<net::address>{*net::address::from_literal(found, 0)};
        }});
    client user(io, settings);
    EXPECT_EQ(user.get("/").wait().value().body(), "fine");
    const auto got = user.get("/").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_THAT(got.error().message(), HasSubstr("egress policy"));
    EXPECT_GE(asked->load(), 2);
}

// ---- in what is told ------------------------------------------------------------------------------------------------

/// What a program would write into its log of a client: errors, reports, statistics.
class log_of_a_client {
public:
    void listen_to(http::client_settings& settings) {
        settings.on_attempt = [this](const http::attempt_report& each) {
            const std::lock_guard held(mutex_);
            text_ += fmt::format("{} {}{}\n", each.method, each.origin, each.path);
            if (each.failure != nullptr) text_ += each.failure->message() + "\n";
        };
    }
    void note(const result<http::response>& ended) {
        const std::lock_guard held(mutex_);
        if (!ended) text_ += ended.error().message() + "\n";
    }
    void note(const client& of) {
        const std::lock_guard held(mutex_);
        for (const http::origin_statistics& each : of.statistics().origins) text_ += each.origin + "\n";
    }
    [[nodiscard]] std::string text() const {
        const std::lock_guard held(mutex_);
        return text_;
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
};

/// redisson#7031, lettuce#1405, postiz#1003, norish#342, honcho#866: a password in the log, because the command, the
/// URL or the settings that had it in them were part of an error.
TEST(lessons_secrets, redisson_7031_lettuce_1405_postiz_1003_no_error_report_or_statistic_tells_a_secret) {
    const scripted_server server({.on_request = [](const arrival& came) {
        if (came.target.starts_with("/redirect")) {
            return reaction{.bytes = redirect_to("http://user:hidden@elsewhere.invalid/?token=hidden")};
        }
        return reaction{.then = afterwards::rst};
    }});
    const listener proxy(no_entry);
    log_of_a_client log;
    runtime io;
    http::client_settings settings = following(server.url());
    settings.credentials = credentials::basic("user", "hidden").value();
    settings.down_fail_fast = 0ms;
    log.listen_to(settings);
    client user(io, settings);
    for (const char* target : {"/?token=hidden", "/redirect?token=hidden"}) {
        log.note(user.send(with_secrets(method::post, target).body("hidden")).wait());
    }
    log.note(user.get("http://user:hidden@127.0.0.1:1/?token=hidden").wait());
    log.note(user);
    settings.base_url = "https://shop.example";
    settings.proxy = proxy_url(proxy, "me:hidden@");
    client proxied(io, settings);
    log.note(proxied.send(with_secrets(method::get, "/?token=hidden")).wait());
    log.note(proxied);
    EXPECT_THAT(log.text(), HasSubstr("POST " + server.url() + "/"));
    EXPECT_THAT(log.text(), HasSubstr("shop.example"));
    EXPECT_THAT(log.text(), Not(HasSubstr("hidden")));
    EXPECT_THAT(log.text(), Not(HasSubstr(encoded)));
}

}  // namespace
}  // namespace lido::test

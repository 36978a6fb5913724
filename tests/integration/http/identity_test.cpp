// No two identities share a connection or a TLS session: every field of an identity is changed, every identity is used
// in turn, and the server says on which connection it was asked and whether TLS was resumed.
#include "http/identity.hpp"

#include "http/exchange.hpp"
#include "http/origin_pools.hpp"
#include "lido/net/runtime.hpp"
#include "support/free_port.hpp"
#include "support/http_client_world.hpp"
#include "support/listening_process.hpp"
#include "support/nginx_server.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_certificates.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::identity;
using http::origin_pool;
using http::origin_pools;
using http::proxy;
using http::proxy_kind;

// All members of what an identity consists of. A new member makes one of these a compile error: name it here, and
// change it in a row below, or the test tells that nobody changes it.
auto members(const http::origin& of) {
    const auto& [secure, host, port] = of;
    return std::tie(secure, host, port);
}
auto members(const proxy& of) {
    const auto& [kind, host, port, user, password, tls] = of;
    return std::tie(kind, host, port, user, password, tls);
}
auto members(const net::tls_settings& of) {
    const auto& [verify, minimum, maximum, ca_file, ca_directory, certificate, key, alpn, server_name, resume] = of;
    return std::tie(verify, minimum, maximum, ca_file, ca_directory, certificate, key, alpn, server_name, resume);
}
auto members(const identity& of) {
    const auto& [origin, unix_socket, proxies, tunnel_plain, tls, versions, local_address] = of;
    return std::tie(origin, unix_socket, proxies, tunnel_plain, tls, versions, local_address);
}

/// Which members of two values differ.
template <class Value>
std::set<std::size_t> differences(const Value& left, const Value& right) {
    const auto one = members(left);
    const auto other = members(right);
    std::set<std::size_t> found;
    [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        ((std::get<Index>(one) == std::get<Index>(other) ? void() : void(found.insert(Index))), ...);
    }(std::make_index_sequence<std::tuple_size_v<decltype(one)>>());
    return found;
}
template <class Value>
constexpr std::size_t member_count = std::tuple_size_v<decltype(members(std::declval<const Value&>()))>;

class identities : public testing::Test {
protected:
    /// Servers run as another user.
    struct open_folder : temporary_directory {
        open_folder() {
            std::filesystem::permissions(path(), std::filesystem::perms(0777));
            std::filesystem::create_directory(path() / "no-authorities");
        }
    };
    std::string copy_of(const std::string& file, std::string_view name) const {
        std::filesystem::copy_file(file, folder_.file(name), std::filesystem::copy_options::overwrite_existing);
        return folder_.file(name);
    }
    listening_process socks5() {
        const std::uint16_t port = free_port();
        return {{"microsocks", "-i", "127.0.0.1", "-p", std::to_string(port)}, port, "microsocks", folder_.file("log")};
    }
    listening_process http_proxy() {
        const std::uint16_t port = free_port();
        const std::string file =
            folder_.write("tinyproxy.conf", fmt::format("Port {}\nListen 127.0.0.1\nMaxClients 50\n", port));
        std::filesystem::permissions(file, std::filesystem::perms(0644));
        return {{"tinyproxy", "-d", "-c", file}, port, "tinyproxy-bin", folder_.file("log")};
    }
    static proxy by(proxy_kind kind, std::uint16_t port) {
        proxy made;
        made.kind = kind;
        made.host = "127.0.0.1";
        made.port = port;
        return made;
    }
    nginx_server make_server() {
        return nginx_server({.server = fmt::format(R"(
            listen 127.0.0.1:{0} ssl;
            listen unix:{1} ssl;
            ssl_protocols TLSv1.2 TLSv1.3;
            ssl_session_tickets on;
            ssl_verify_client optional_no_ca;
            keepalive_requests 1000;
            error_page 497 =200 @plain;
            location @plain {{ return 200 "$connection|plain"; }}
            location / {{ return 200 "$connection|$ssl_session_reused"; }})",
                                                   other_port_, folder_.file("server.sock")),
                             .certificate = files_.certificate,
                             .key = files_.key});
    }

    /// The identities, each by a name of its own; the first is what the others were made from.
    std::vector<std::pair<std::string, identity>> all() {
        identity base;
        base.origin.secure = true;
        base.origin.host = "localhost";
        base.origin.port = server_.port();
        base.tls.ca_file = authority_.ca_file();
        std::vector<std::pair<std::string, identity>> made{{"base", base}};
        const auto add = [&](const std::string& name, const identity& from,
                             const std::function<void(identity&)>& change) {
            identity one = from;
            change(one);
            made.emplace_back(name, one);
        };
        add("secure", base, [](identity& i) {
            i.origin.secure = false;
            i.tls = {};
        });
        add("host", base, [](identity& i) { i.origin.host = "127.0.0.1"; });
        add("port", base, [&](identity& i) { i.origin.port = other_port_; });
        add("unix_socket", base, [&](identity& i) { i.unix_socket = folder_.file("server.sock"); });
        add("versions", base, [](identity& i) { i.versions = http::http_versions::http1; });
        add("local_address", base, [](identity& i) { i.local_address = "127.0.0.7"; });
        add("another local_address", base, [](identity& i) { i.local_address = "127.0.0.8"; });
        add_tls(base, add);
        add_proxies(base, add);
        return made;
    }
    template <class Add>
    void add_tls(const identity& base, const Add& add) {
        using net::tls_version;
        const certificate_files own = authority_.issue({.common_name = "client"});
        add("tls.verify", base, [](identity& i) { i.tls.verify = net::tls_verify::none; });
        add("tls.minimum_version", base, [](identity& i) { i.tls.minimum_version = tls_version::tls_1_3; });
        add("tls.maximum_version", base, [](identity& i) { i.tls.maximum_version = tls_version::tls_1_2; });
        add("tls.ca_file", base, [&](identity& i) { i.tls.ca_file = copy_of(authority_.ca_file(), "same.pem"); });
        add("tls.ca_directory", base, [&](identity& i) { i.tls.ca_directory = folder_.file("no-authorities"); });
        const auto with_certificate = [&](identity& i) {
            i.tls.certificate_file = own.certificate;
            i.tls.key_file = own.key;
        };
        add("tls.certificate_file and key_file", base, with_certificate);
        add("another tls.key_file", base, [&](identity& i) {
            with_certificate(i);
            i.tls.key_file = copy_of(own.key, "same.key");
        });
        add("tls.alpn", base, [](identity& i) { i.tls.alpn = {"http/1.1"}; });
        add("tls.server_name", base, [](identity& i) { i.tls.server_name = "localhost"; });
        add("tls.resume_sessions", base, [](identity& i) { i.tls.resume_sessions = false; });
    }
    template <class Add>
    void add_proxies(const identity& base, const Add& add) {
        const proxy first = by(proxy_kind::socks5, first_.port());
        const proxy second = by(proxy_kind::socks5, second_.port());
        const proxy web = by(proxy_kind::http, web_.port());
        identity proxied = base;
        proxied.proxies = {first};
        add("a proxy", proxied, [](identity&) {});
        add("proxy.host", proxied, [](identity& i) { i.proxies[0].host = "localhost"; });
        add("proxy.port", proxied, [&](identity& i) { i.proxies[0].port = second_.port(); });
        add("proxy.user", proxied, [](identity& i) { i.proxies[0].user = "me"; });
        add("another proxy.user", proxied, [](identity& i) { i.proxies[0].user = "you"; });
        add("proxy.password", proxied, [](identity& i) {
            i.proxies[0].user = "me";
            i.proxies[0].password = "hidden";
        });
        add("proxy.kind", proxied, [&](identity& i) { i.proxies = {web}; });
        // What is no setting of this kind of proxy changes nothing but the identity.
        add("proxy.tls", proxied, [](identity& i) { i.proxies[0].tls.resume_sessions = false; });
        add("two proxies", proxied, [&](identity& i) { i.proxies = {first, second}; });
        add("two proxies in the other order", proxied, [&](identity& i) { i.proxies = {second, first}; });
        identity plain = base;
        plain.origin.secure = false;
        plain.tls = {};
        plain.proxies = {web};
        add("plain through a proxy", plain, [](identity&) {});
        add("tunnel_plain", plain, [](identity& i) { i.tunnel_plain = true; });
    }

    /// Which connection, and whether TLS was resumed, as the server sees it.
    static task<result<std::string>> ask(origin_pool& pool, const http::http_limits& limits) {
        auto lease = co_await pool.connections.acquire({});
        if (!lease) co_return std::move(lease).error();
        const http::request what(http::method::get, "/");
        http::exchange_settings how;
        how.target.host = pool.host_field;
        how.target.absolute_prefix = pool.absolute_prefix;
        how.limits = &limits;
        how.read_timeout = 20s;
        how.deadline = clock::now() + 20s;
        http::exchange_outcome outcome;
        task<void> exchanging = http::exchange(**lease, what, how, outcome);
        co_await std::move(exchanging);
        lease->release();
        if (outcome.failure) co_return std::move(*outcome.failure);
        co_return std::string(outcome.response.body());
    }
    std::pair<std::string, std::string> answer_to(const identity& who) {
        const auto pool = pools_.get(who, clock::now()).value();
        const auto said = operation<std::string>(io_, ask(*pool, limits_)).wait();
        --pool->in_use;
        if (!said) {
            ADD_FAILURE() << said.error().message();
            return {"none", "none"};
        }
        const std::size_t bar = said->find('|');
        return {said->substr(0, bar), said->substr(bar + 1)};
    }
    ~identities() override {
        for (auto& each : pools_.take_all()) each.reset();
    }

    open_folder folder_;
    certificate_authority authority_{folder_};
    certificate_files files_ =
        authority_.issue({.common_name = "localhost", .dns = {"localhost"}, .ips = {"127.0.0.1"}});
    std::uint16_t other_port_ = free_port();
    listening_process first_ = socks5();
    listening_process second_ = socks5();
    listening_process web_ = http_proxy();
    http::http_limits limits_;
    http::client_settings settings_;
    runtime io_;
    origin_pools pools_{io_, settings_};
    nginx_server server_ = make_server();
};

TEST_F(identities, share_neither_a_connection_nor_a_tls_session) {
    const auto everybody = all();
    std::map<std::string, std::string> owner;  // of each connection
    std::map<std::string, std::string> connection;
    for (const auto& [name, who] : everybody) {
        const auto [number, resumed] = answer_to(who);
        EXPECT_TRUE(owner.emplace(number, name).second) << name << " was served on the connection of " << owner[number];
        connection[name] = number;
        EXPECT_NE(resumed, "r") << name << " resumed the TLS session of somebody else";
    }
    // Each has kept its own, and has it to itself. (nginx closes after a request without TLS on a port for TLS.)
    for (const auto& [name, who] : everybody) {
        if (!who.origin.secure) continue;
        EXPECT_EQ(answer_to(who).first, connection[name]) << name;
    }
    // Without connections, each resumes its own session.
    for (const auto& [name, who] : everybody) {
        const auto pool = pools_.get(who, clock::now()).value();
        pool->connections.retire_all();
        --pool->in_use;
    }
    for (const auto& [name, who] : everybody) {
        const auto [number, resumed] = answer_to(who);
        EXPECT_TRUE(owner.emplace(number, name).second) << name << " was served on the connection of " << owner[number];
        const char* const expected = !who.origin.secure ? "plain" : who.tls.resume_sessions ? "r" : ".";
        EXPECT_EQ(resumed, expected) << name;
    }
}

TEST_F(identities, differ_when_any_field_differs) {
    const auto everybody = all();
    for (const auto& [name, one] : everybody) {
        for (const auto& [other_name, other] : everybody) {
            EXPECT_EQ(one == other, name == other_name) << name << " and " << other_name;
        }
    }
}

TEST_F(identities, are_changed_in_every_field_by_these_tests) {
    std::set<std::size_t> of_identity;
    std::set<std::size_t> of_origin;
    std::set<std::size_t> of_proxy;
    std::set<std::size_t> of_tls;
    const auto everybody = all();
    for (const auto& [name, one] : everybody) {
        for (const auto& [other_name, other] : everybody) {
            const std::set<std::size_t> here = differences(one, other);
            of_identity.insert(here.begin(), here.end());
            if (here.size() > 1) continue;
            of_origin.merge(differences(one.origin, other.origin));
            of_tls.merge(differences(one.tls, other.tls));
            if (one.proxies.size() != 1 || other.proxies.size() != 1) continue;
            of_proxy.merge(differences(one.proxies[0], other.proxies[0]));
        }
    }
    EXPECT_EQ(of_identity.size(), member_count<identity>);
    EXPECT_EQ(of_proxy.size(), member_count<proxy>);
    EXPECT_EQ(of_tls.size(), member_count<net::tls_settings>);
    EXPECT_GE(of_origin.size() + 1, member_count<http::origin>) << "the scheme goes with the TLS settings";
}

}  // namespace
}  // namespace lido::test

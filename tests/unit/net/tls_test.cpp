#include "lido/net/tls.hpp"

#include "support/temporary_directory.hpp"
#include "support/test_certificates.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"
#include "unit/net/stream_pair.hpp"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <chrono>
#include <string>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using test::certificate_files;
using test::certificate_request;
using testing::HasSubstr;
using context_result = result<std::shared_ptr<const tls_context>>;

/// How a handshake ended for both.
struct handshakes {
    result<void> client;
    result<void> server;
};

class tls_test : public testing::Test {
protected:
    tls_settings trusting() const { return {.ca_file = ca.ca_file()}; }
    tls_server_settings serving(const certificate_request& request) {
        const certificate_files files = ca.issue(request);
        return {.certificate_file = files.certificate, .key_file = files.key};
    }
    tls_server_settings serving_localhost() { return serving({.common_name = "x", .dns = {"shop.example"}}); }

    /// Lets a client that expects `host` and a server shake hands over a pair of sockets.
    handshakes shake(std::shared_ptr<const tls_context> client, std::shared_ptr<const tls_context> server,
                     const std::string& host = "shop.example") {
        pair = std::make_unique<test::tls_pair>(here, std::move(client), std::move(server), host);
        return {pair->client_outcome(), pair->server_outcome()};
    }
    handshakes shake(const tls_settings& client, const tls_server_settings& server,
                     const std::string& host = "shop.example") {
        return shake(tls_context::client(client).value(), tls_context::server(server).value(), host);
    }
    /// The client's error when the server shows a certificate by `request`.
    error refusal(const certificate_request& request, const std::string& host = "shop.example") {
        const handshakes ended = shake(trusting(), serving(request), host);
        EXPECT_FALSE(ended.client.has_value());
        return ended.client.has_value() ? error(errc::cancelled, "accepted") : ended.client.error();
    }
    bool accepted(const certificate_request& request, const std::string& host = "shop.example") {
        return shake(trusting(), serving(request), host).client.has_value();
    }

    test::temporary_directory folder;
    test::certificate_authority ca{folder};
    test::test_loop here;
    std::unique_ptr<test::tls_pair> pair;
};

TEST_F(tls_test, accepts_a_good_certificate_and_speaks_tls_1_3) {
    const handshakes ended = shake(trusting(), serving_localhost());
    ASSERT_TRUE(ended.client.has_value()) << ended.client.error().message();
    ASSERT_TRUE(ended.server.has_value()) << ended.server.error().message();
    EXPECT_EQ(pair->client().version(), "TLSv1.3");
    EXPECT_EQ(pair->transfer("hello"), "hello");
}

TEST_F(tls_test, refuses_an_expired_certificate_and_tells_the_date) {
    const error refused =
        refusal({.common_name = "x", .dns = {"shop.example"}, .valid_from = -48h, .valid_until = -24h});
    EXPECT_EQ(refused, errc::tls_failed);
    EXPECT_THAT(refused.what(), HasSubstr("certificate has expired: shop.example was valid until 20"));
    EXPECT_THAT(refused.remedy(), HasSubstr("renew"));
}

TEST_F(tls_test, refuses_a_certificate_that_is_not_yet_valid) {
    const error refused = refusal({.common_name = "x", .dns = {"shop.example"}, .valid_from = 24h, .valid_until = 48h});
    EXPECT_THAT(refused.what(), HasSubstr("certificate is not yet valid"));
}

TEST_F(tls_test, refuses_a_certificate_for_another_name_and_tells_which) {
    const error refused = refusal({.common_name = "x", .dns = {"other.example", "third.example"}});
    EXPECT_EQ(refused, errc::tls_failed);
    EXPECT_EQ(refused.what(), "certificate is for other.example, third.example, not for shop.example");
}

TEST_F(tls_test, does_not_look_for_the_name_in_the_subject) {
    const error refused = refusal({.common_name = "shop.example"});
    EXPECT_THAT(refused.what(), HasSubstr("without subjectAltName"));
}

TEST_F(tls_test, does_not_look_for_the_name_in_the_subject_when_there_are_only_addresses_beside_it) {
    EXPECT_FALSE(accepted({.common_name = "shop.example", .ips = {"127.0.0.1"}}));
}

TEST_F(tls_test, lets_a_wildcard_stand_for_exactly_one_whole_label) {
    EXPECT_TRUE(accepted({.common_name = "x", .dns = {"*.shop.example"}}, "www.shop.example"));
    EXPECT_FALSE(accepted({.common_name = "x", .dns = {"*.shop.example"}}, "shop.example"));
    EXPECT_FALSE(accepted({.common_name = "x", .dns = {"*.shop.example"}}, "a.www.shop.example"));
    EXPECT_FALSE(accepted({.common_name = "x", .dns = {"w*.shop.example"}}, "www.shop.example"));
    EXPECT_FALSE(accepted({.common_name = "x", .dns = {"www.*.example"}}, "www.shop.example"));
}

TEST_F(tls_test, compares_names_without_regard_to_case_and_final_dot) {
    EXPECT_TRUE(accepted({.common_name = "x", .dns = {"Shop.Example"}}, "shop.example"));
    EXPECT_TRUE(accepted({.common_name = "x", .dns = {"shop.example"}}, "SHOP.example."));
}

TEST_F(tls_test, looks_for_an_address_among_the_addresses_alone) {
    EXPECT_TRUE(accepted({.common_name = "x", .ips = {"127.0.0.1"}}, "127.0.0.1"));
    EXPECT_TRUE(accepted({.common_name = "x", .ips = {"::1"}}, "[::1]"));
    EXPECT_FALSE(accepted({.common_name = "127.0.0.1", .dns = {"127.0.0.1"}}, "127.0.0.1"));
    EXPECT_EQ(refusal({.common_name = "x", .ips = {"127.0.0.2"}}, "127.0.0.1").what(),
              "certificate is for 127.0.0.2, not for 127.0.0.1");
}

TEST_F(tls_test, refuses_hosts_that_no_certificate_can_be_for) {
    auto [mine, theirs] = test::socket_pair();
    socket end(here.loop(), std::move(mine));
    const auto context = tls_context::client(trusting()).value();
    using namespace std::string_literals;
    for (const std::string& host : {""s, "."s, ".shop.example"s, "shop.example\0.evil.example"s}) {
        const auto made = tls_session::client(context, end, host);
        ASSERT_FALSE(made.has_value()) << host;
        EXPECT_EQ(made.error(), errc::tls_failed);
    }
}

TEST_F(tls_test, refuses_a_self_signed_certificate_until_it_is_trusted_itself) {
    const certificate_files files = ca.self_signed({.common_name = "own", .dns = {"shop.example"}});
    const tls_server_settings server{.certificate_file = files.certificate, .key_file = files.key};
    const handshakes refused = shake(trusting(), server);
    ASSERT_FALSE(refused.client.has_value());
    EXPECT_THAT(refused.client.error().what(), HasSubstr("self-signed certificate of shop.example"));
    EXPECT_THAT(refused.client.error().remedy(), HasSubstr("ca_file"));
    EXPECT_TRUE(shake({.ca_file = files.certificate}, server).client.has_value());
}

TEST_F(tls_test, refuses_a_certificate_of_an_unknown_ca_and_tells_which) {
    test::certificate_authority other(folder, "Other CA");
    const certificate_files files = other.issue({.common_name = "x", .dns = {"shop.example"}});
    const handshakes ended = shake(trusting(), {.certificate_file = files.certificate, .key_file = files.key});
    ASSERT_FALSE(ended.client.has_value());
    EXPECT_THAT(ended.client.error().what(), HasSubstr("unable to get local issuer certificate"));
    EXPECT_THAT(ended.client.error().what(), HasSubstr("signed by Other CA"));
    ASSERT_FALSE(ended.server.has_value());
    EXPECT_THAT(ended.server.error().what(), HasSubstr("does not accept this side's certificate"));
}

TEST_F(tls_test, trusts_the_system_and_not_this_ca_when_none_is_named) {
    EXPECT_FALSE(shake(tls_settings{}, serving_localhost()).client.has_value());
}

TEST_F(tls_test, accepts_anything_only_when_verification_is_switched_off) {
    const certificate_files files = ca.self_signed({.common_name = "own", .dns = {"other.example"}});
    EXPECT_TRUE(shake({.verify = tls_verify::none}, {.certificate_file = files.certificate, .key_file = files.key})
                    .client.has_value());
}

TEST_F(tls_test, verifies_and_announces_the_server_name_that_stands_in_for_the_host) {
    tls_settings client = trusting();
    client.server_name = "shop.example";
    EXPECT_TRUE(shake(client, serving_localhost(), "127.0.0.1").client.has_value());
    client.server_name = "other.example";
    EXPECT_FALSE(shake(client, serving_localhost(), "shop.example").client.has_value());
}

TEST_F(tls_test, shows_a_client_certificate_to_a_server_that_demands_one) {
    tls_server_settings server = serving_localhost();
    server.client_ca_file = ca.ca_file();
    tls_settings client = trusting();
    const certificate_files own = ca.issue({.common_name = "client"});
    client.certificate_file = own.certificate;
    client.key_file = own.key;
    const handshakes ended = shake(client, server);
    EXPECT_TRUE(ended.client.has_value());
    EXPECT_TRUE(ended.server.has_value());
    EXPECT_EQ(pair->transfer("hello"), "hello");
}

TEST_F(tls_test, tells_a_client_without_certificate_that_the_server_demands_one) {
    tls_server_settings server = serving_localhost();
    server.client_ca_file = ca.ca_file();
    const handshakes ended = shake(trusting(), server);
    ASSERT_FALSE(ended.server.has_value());
    EXPECT_EQ(ended.server.error().what(), "the client shows no certificate");
    // In TLS 1.3 the client's handshake ends before the server has looked.
    ASSERT_TRUE(ended.client.has_value());
    EXPECT_EQ(pair->read_at_client().status, io_status::failed);
    EXPECT_EQ(pair->client().failure().what(), "the peer demands a client certificate");
    EXPECT_THAT(pair->client().failure().remedy(), HasSubstr("certificate_file"));
}

TEST_F(tls_test, refuses_a_client_certificate_of_an_unknown_ca) {
    tls_server_settings server = serving_localhost();
    server.client_ca_file = ca.ca_file();
    test::certificate_authority other(folder, "Other CA");
    const certificate_files own = other.issue({.common_name = "client"});
    tls_settings client = trusting();
    client.certificate_file = own.certificate;
    client.key_file = own.key;
    EXPECT_FALSE(shake(client, server).server.has_value());
}

TEST_F(tls_test, refuses_a_server_that_speaks_old_versions_only) {
    const auto server = tls_context::server(serving_localhost()).value();
    SSL_CTX_set_min_proto_version(server->native(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(server->native(), TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(server->native(), "DEFAULT:@SECLEVEL=0");
    const handshakes ended = shake(tls_context::client(trusting()).value(), server);
    ASSERT_FALSE(ended.client.has_value());
    EXPECT_EQ(ended.client.error(), errc::tls_failed);
    EXPECT_THAT(ended.client.error().what(), HasSubstr("no common TLS version"));
}

TEST_F(tls_test, keeps_to_the_minimum_version_that_is_set) {
    const auto old_server = tls_context::server(serving_localhost()).value();
    SSL_CTX_set_max_proto_version(old_server->native(), TLS1_2_VERSION);
    tls_settings client = trusting();
    EXPECT_TRUE(shake(tls_context::client(client).value(), old_server).client.has_value());
    EXPECT_EQ(pair->client().version(), "TLSv1.2");
    EXPECT_EQ(pair->transfer("hello"), "hello");
    client.minimum_version = tls_version::tls_1_3;
    EXPECT_FALSE(shake(tls_context::client(client).value(), old_server).client.has_value());
}

TEST_F(tls_test, keeps_to_the_maximum_version_that_is_set) {
    tls_settings client = trusting();
    client.maximum_version = tls_version::tls_1_2;
    EXPECT_TRUE(shake(client, serving_localhost()).client.has_value());
    EXPECT_EQ(pair->client().version(), "TLSv1.2");
    tls_server_settings server = serving_localhost();
    server.minimum_version = tls_version::tls_1_3;
    const handshakes ended = shake(client, server);
    ASSERT_FALSE(ended.client.has_value());
    EXPECT_THAT(ended.client.error().what(), HasSubstr("no common TLS version"));
}

TEST_F(tls_test, refuses_a_minimum_version_above_the_maximum) {
    tls_settings client = trusting();
    client.minimum_version = tls_version::tls_1_3;
    client.maximum_version = tls_version::tls_1_2;
    const auto refused = tls_context::client(client);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::invalid_argument);
    EXPECT_THAT(refused.error().what(), HasSubstr("minimum_version is above maximum_version"));
}

TEST_F(tls_test, agrees_on_the_servers_favourite_of_the_protocols_offered) {
    tls_settings client = trusting();
    client.alpn = {"http/1.1", "h2"};
    tls_server_settings server = serving_localhost();
    server.alpn = {"h2", "http/1.1"};
    EXPECT_TRUE(shake(client, server).client.has_value());
    EXPECT_EQ(pair->client().alpn(), "h2");
    EXPECT_EQ(pair->server().alpn(), "h2");
    server.alpn = {"spdy/1"};
    const handshakes ended = shake(client, server);
    ASSERT_FALSE(ended.client.has_value());
    EXPECT_THAT(ended.client.error().what(), HasSubstr("ALPN"));
}

TEST_F(tls_test, agrees_on_no_protocol_when_one_side_names_none) {
    EXPECT_TRUE(shake(trusting(), serving_localhost()).client.has_value());
    EXPECT_EQ(pair->client().alpn(), "");
}

TEST_F(tls_test, resumes_no_session_without_a_store_for_it) {
    const auto client = tls_context::client(trusting()).value();
    tls_server_settings generous = serving_localhost();
    generous.resume_sessions = true;
    const auto server = tls_context::server(generous).value();
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(shake(client, server).client.has_value());
        EXPECT_EQ(pair->transfer("hello"), "hello");
    }
    EXPECT_EQ(SSL_CTX_sess_hits(server->native()), 0);
    EXPECT_EQ(SSL_CTX_sess_number(client->native()), 0);
}

TEST_F(tls_test, a_name_that_could_end_a_line_of_somebodys_log_is_refused) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string name = std::string("shop") + static_cast<char>(byte) + ".example";
        tls_settings settings = trusting();
        settings.server_name = name;
        EXPECT_EQ(settings.validate().has_value(), byte > 0x20 && byte < 0x7F) << byte;
    }
}

TEST_F(tls_test, equal_settings_are_equal_and_any_difference_counts) {
    const tls_settings one = trusting();
    EXPECT_EQ(one, trusting());
    for (const auto change :
         {+[](tls_settings& s) { s.verify = tls_verify::none; },
          +[](tls_settings& s) { s.minimum_version = tls_version::tls_1_3; },
          +[](tls_settings& s) { s.maximum_version = tls_version::tls_1_2; },
          +[](tls_settings& s) { s.resume_sessions = false; }, +[](tls_settings& s) { s.ca_file += "x"; },
          +[](tls_settings& s) { s.ca_directory = "x"; }, +[](tls_settings& s) { s.certificate_file = "x"; },
          +[](tls_settings& s) { s.key_file = "x"; }, +[](tls_settings& s) { s.alpn = {"h2"}; },
          +[](tls_settings& s) { s.server_name = "x"; }}) {
        tls_settings other = one;
        change(other);
        EXPECT_NE(one, other);
    }
}

class tls_files_test : public tls_test {
protected:
    static void expect_error(const context_result& made, errc code, const std::string& setting,
                             const std::string& reason) {
        ASSERT_FALSE(made.has_value());
        EXPECT_EQ(made.error(), code);
        EXPECT_THAT(made.error().what(), HasSubstr(setting));
        EXPECT_THAT(made.error().what(), HasSubstr(reason));
    }
    certificate_files own = ca.issue({.common_name = "own", .dns = {"shop.example"}});
    std::string garbage = folder.write("garbage.pem", "no certificate\n");
    std::string missing = folder.file("missing.pem");
};

TEST_F(tls_files_test, names_a_ca_file_that_is_missing_empty_or_garbage) {
    expect_error(tls_context::client({.ca_file = missing}), errc::tls_failed, "ca_file " + missing, "no such file");
    expect_error(tls_context::client({.ca_file = garbage}), errc::tls_failed, "ca_file " + garbage, "no certificate");
    const std::string empty = folder.write("empty.pem", "");
    expect_error(tls_context::client({.ca_file = empty}), errc::tls_failed, "ca_file " + empty, "no certificate");
    expect_error(tls_context::client({.ca_file = folder.path()}), errc::tls_failed, "ca_file", "is a folder");
}

TEST_F(tls_files_test, names_a_ca_directory_that_is_missing_or_none) {
    expect_error(tls_context::client({.ca_directory = missing}), errc::tls_failed, "ca_directory", "no such file");
    expect_error(tls_context::client({.ca_directory = garbage}), errc::tls_failed, "ca_directory", "is not a folder");
}

TEST_F(tls_files_test, refuses_a_certificate_without_key_and_a_key_without_certificate) {
    expect_error(tls_context::client({.certificate_file = own.certificate}), errc::invalid_argument, "certificate_file",
                 "without key_file");
    expect_error(tls_context::client({.key_file = own.key}), errc::invalid_argument, "key_file",
                 "without certificate_file");
}

TEST_F(tls_files_test, names_a_certificate_or_key_that_is_missing_or_garbage) {
    expect_error(tls_context::client({.certificate_file = missing, .key_file = own.key}), errc::tls_failed,
                 "certificate_file " + missing, "no such file");
    expect_error(tls_context::client({.certificate_file = own.certificate, .key_file = missing}), errc::tls_failed,
                 "key_file " + missing, "no such file");
    expect_error(tls_context::client({.certificate_file = garbage, .key_file = own.key}), errc::tls_failed,
                 "certificate_file " + garbage, "no certificate");
    expect_error(tls_context::server({.certificate_file = own.certificate, .key_file = garbage}), errc::tls_failed,
                 "key_file " + garbage, "no private key");
}

TEST_F(tls_files_test, says_when_the_key_belongs_to_another_certificate) {
    const certificate_files other = ca.issue({.common_name = "other"});
    expect_error(tls_context::server({.certificate_file = own.certificate, .key_file = other.key}), errc::tls_failed,
                 "key_file", "does not belong");
}

TEST_F(tls_files_test, asks_nobody_for_the_password_of_an_encrypted_key) {
    const std::string encrypted = ca.encrypt(own.key, "secret");
    expect_error(tls_context::server({.certificate_file = own.certificate, .key_file = encrypted}), errc::tls_failed,
                 "key_file", "is encrypted");
}

TEST_F(tls_files_test, refuses_protocol_names_of_impossible_length) {
    expect_error(tls_context::client({.alpn = {""}}), errc::invalid_argument, "alpn", "0 bytes");
    expect_error(tls_context::client({.alpn = {std::string(256, 'x')}}), errc::invalid_argument, "alpn", "256 bytes");
}

}  // namespace
}  // namespace lido::net

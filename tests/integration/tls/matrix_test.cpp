// What a client accepts of a TLS server, and what it refuses: one table. The server is OpenSSL itself, told to do what
// it would refuse to do by default.
#include "lido/net/stream.hpp"
#include "lido/net/tls.hpp"
#include "support/made_certificate.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::HasSubstr;
using extensions = std::vector<std::pair<std::string, std::string>>;

const std::pair<std::string, std::string> is_ca{"basicConstraints", "critical,CA:TRUE"};
const std::pair<std::string, std::string> is_no_ca{"basicConstraints", "CA:FALSE"};

certificate_plan authority(const std::string& name, extensions more = {}) {
    more.insert(more.begin(), is_ca);
    return {.common_name = name, .extensions = std::move(more)};
}
certificate_plan leaf(const std::string& names = "DNS:shop.example", extensions more = {}) {
    if (!names.empty()) more.emplace_back("subjectAltName", names);
    more.push_back(is_no_ca);
    return {.common_name = "leaf", .extensions = std::move(more)};
}

/// Those who sign. Made once: keys take time.
struct authorities {
    made_certificate root{authority("Root")};
    made_certificate other{authority("Other")};
    made_certificate first{authority("First"), root};
    made_certificate second{authority("Second"), first};
};
const authorities& signers() {
    static const authorities made;
    return made;
}

/// One handshake: what the server shows and does, and what the client asks for.
struct scene {
    std::vector<made_certificate> chain;  ///< the server's own first
    std::string host = "shop.example";
    net::tls_settings client{};
    std::vector<made_certificate> trusted{signers().root};
    std::optional<made_certificate> own{};  ///< the client's
    int lowest = TLS1_VERSION;
    int highest = TLS1_3_VERSION;
    bool demands_certificate = false;
    std::string protocols{};  ///< of ALPN, as they go over the wire; empty: the server knows no ALPN
    std::function<void(int descriptor)> instead{};

    scene& shows(const certificate_plan& plan, const made_certificate& by = signers().root) {
        chain.clear();
        chain.emplace_back(plan, by);
        return *this;
    }
    scene& also(const made_certificate& further) {
        chain.push_back(further);
        return *this;
    }
};

struct row {
    const char* what;
    std::function<void(scene&)> setting;
    bool accepted;
    const char* word = "";  ///< of a refusal
};

const char* const mismatch = "not for";
const char* const unknown = "unable to get local issuer certificate";

std::vector<row> names() {
    return {
        {"the name", [](scene& s) { s.shows(leaf()); }, true},
        {"the name among others", [](scene& s) { s.shows(leaf("DNS:a.example,DNS:shop.example,IP:10.0.0.1")); }, true},
        {"another name", [](scene& s) { s.shows(leaf("DNS:other.example")); }, false, mismatch},
        {"a name below it", [](scene& s) { s.shows(leaf("DNS:www.shop.example")); }, false, mismatch},
        {"a name that ends with it", [](scene& s) { s.shows(leaf("DNS:myshop.example")); }, false, mismatch},
        {"a wildcard for one label",
         [](scene& s) {
             s.shows(leaf("DNS:*.shop.example"));
             s.host = "www.shop.example";
         },
         true},
        {"a wildcard for no label", [](scene& s) { s.shows(leaf("DNS:*.shop.example")); }, false, mismatch},
        {"a wildcard for two labels",
         [](scene& s) {
             s.shows(leaf("DNS:*.shop.example"));
             s.host = "a.www.shop.example";
         },
         false, mismatch},
        {"a wildcard for part of a label", [](scene& s) { s.shows(leaf("DNS:sh*.example")); }, false, mismatch},
        {"a wildcard in the middle",
         [](scene& s) {
             s.shows(leaf("DNS:www.*.example"));
             s.host = "www.shop.example";
         },
         false, mismatch},
        {"a wildcard alone",
         [](scene& s) {
             s.shows(leaf("DNS:*"));
             s.host = "localhost";
         },
         false, mismatch},
        {"a wildcard for all below a top-level domain", [](scene& s) { s.shows(leaf("DNS:*.example")); }, false,
         mismatch},
        {"a wildcard for an address",
         [](scene& s) {
             s.shows(leaf("DNS:*.0.0.1"));
             s.host = "127.0.0.1";
         },
         false, mismatch},
        {"the name in capitals", [](scene& s) { s.shows(leaf("DNS:SHOP.Example")); }, true},
        {"a host in capitals",
         [](scene& s) {
             s.shows(leaf());
             s.host = "SHOP.EXAMPLE";
         },
         true},
        {"a host with a final dot",
         [](scene& s) {
             s.shows(leaf());
             s.host = "shop.example.";
         },
         true},
        {"an international name in its ASCII form",
         [](scene& s) {
             s.shows(leaf("DNS:xn--bcher-kva.example"));
             s.host = "xn--bcher-kva.example";
         },
         true},
        {"an international name in UTF-8",
         [](scene& s) {
             s.shows(leaf("DNS:xn--bcher-kva.example"));
             s.host =
                 "b\xc3\xbc"
                 "cher.example";
         },
         false, mismatch},
        {"no subjectAltName, the name as common name",
         [](scene& s) {
             certificate_plan plan = leaf("");
             plan.common_name = "shop.example";
             s.shows(plan);
         },
         false, "without subjectAltName"},
        {"another subjectAltName, the name as common name",
         [](scene& s) {
             certificate_plan plan = leaf("DNS:other.example");
             plan.common_name = "shop.example";
             s.shows(plan);
         },
         false, mismatch},
        {"a zero byte behind the name",
         [](scene& s) {
             certificate_plan plan = leaf("");
             plan.raw_name = "shop.example\0.evil.example"s;
             s.shows(plan);
         },
         false, mismatch},
        {"a zero byte in the common name",
         [](scene& s) {
             certificate_plan plan = leaf("");
             plan.common_name = "shop.example\0.evil.example"s;
             s.shows(plan);
         },
         false, "without subjectAltName"},
        {"the address",
         [](scene& s) {
             s.shows(leaf("IP:127.0.0.1"));
             s.host = "127.0.0.1";
         },
         true},
        {"the IPv6 address, written otherwise",
         [](scene& s) {
             s.shows(leaf("IP:2001:db8:0:0::1"));
             s.host = "[2001:DB8::1]";
         },
         true},
        {"another address",
         [](scene& s) {
             s.shows(leaf("IP:127.0.0.2"));
             s.host = "127.0.0.1";
         },
         false, mismatch},
        {"an address as if it were a name",
         [](scene& s) {
             s.shows(leaf("DNS:127.0.0.1"));
             s.host = "127.0.0.1";
         },
         false, mismatch},
        {"an address for a name", [](scene& s) { s.shows(leaf("IP:127.0.0.1")); }, false, mismatch},
        {"server_name in place of the host",
         [](scene& s) {
             s.shows(leaf());
             s.host = "127.0.0.1";
             s.client.server_name = "shop.example";
         },
         true},
        {"the host, but not server_name",
         [](scene& s) {
             s.shows(leaf());
             s.client.server_name = "other.example";
         },
         false, mismatch},
    };
}

std::vector<row> chains() {
    const auto& by = signers();
    return {
        {"self-signed", [](scene& s) { s.chain = {made_certificate(leaf())}; }, false, "self-signed certificate"},
        {"self-signed, and trusted itself",
         [](scene& s) {
             s.chain = {made_certificate(leaf())};
             s.trusted = s.chain;
         },
         true},
        {"of another authority", [&](scene& s) { s.shows(leaf(), by.other); }, false, unknown},
        {"of another authority, which is sent", [&](scene& s) { s.shows(leaf(), by.other).also(by.other); }, false,
         "self-signed certificate in certificate chain"},
        {"of another authority with the same name",
         [](scene& s) { s.shows(leaf(), made_certificate(authority("Root"))); }, false, "signature"},
        {"by an intermediate", [&](scene& s) { s.shows(leaf(), by.first).also(by.first); }, true},
        {"by two intermediates", [&](scene& s) { s.shows(leaf(), by.second).also(by.second).also(by.first); }, true},
        {"by two intermediates in the wrong order",
         [&](scene& s) { s.shows(leaf(), by.second).also(by.first).also(by.second); }, true},
        {"by an intermediate, with its root", [&](scene& s) { s.shows(leaf(), by.first).also(by.first).also(by.root); },
         true},
        {"with certificates that do not belong there", [&](scene& s) { s.shows(leaf()).also(by.other); }, true},
        {"by an intermediate that is not sent", [&](scene& s) { s.shows(leaf(), by.first); }, false, unknown},
        {"by two intermediates, of which one is not sent",
         [&](scene& s) { s.shows(leaf(), by.second).also(by.second); }, false, unknown},
        {"by an intermediate that is no authority",
         [&](scene& s) {
             certificate_plan plan = leaf("DNS:other.example");
             plan.common_name = "No authority";
             const made_certificate no_authority(plan, by.root);
             s.shows(leaf(), no_authority).also(no_authority);
         },
         false, "invalid CA certificate"},
        {"by an intermediate that may not sign",
         [&](scene& s) {
             const made_certificate mute(authority("Mute", {{"keyUsage", "critical,digitalSignature"}}), by.root);
             s.shows(leaf(), mute).also(mute);
         },
         false, "CA"},
        {"by an intermediate that has expired",
         [&](scene& s) {
             certificate_plan plan = authority("Old");
             plan.valid_from = -48h;
             plan.valid_until = -24h;
             const made_certificate old(plan, by.root);
             s.shows(leaf(), old).also(old);
         },
         false, "expired"},
        {"by a root that has expired",
         [](scene& s) {
             certificate_plan plan = authority("Old root");
             plan.valid_from = -48h;
             plan.valid_until = -24h;
             const made_certificate old(plan);
             s.shows(leaf(), old).trusted = {old};
         },
         false, "expired"},
        {"with one intermediate more than allowed",
         [&](scene& s) {
             certificate_plan plan{.common_name = "Short",
                                   .extensions = {{"basicConstraints", "critical,CA:TRUE,pathlen:0"}}};
             const made_certificate narrow(plan, by.root);
             const made_certificate below(authority("Below"), narrow);
             s.shows(leaf(), below).also(below).also(narrow);
         },
         false, "path length"},
        {"within the names that an intermediate may sign",
         [&](scene& s) {
             const made_certificate bound(
                 authority("Bound", {{"nameConstraints", "critical,permitted;DNS:shop.example"}}), by.root);
             s.shows(leaf(), bound).also(bound);
         },
         true},
        {"beyond the names that an intermediate may sign",
         [&](scene& s) {
             const made_certificate bound(
                 authority("Bound", {{"nameConstraints", "critical,permitted;DNS:other.example"}}), by.root);
             s.shows(leaf(), bound).also(bound);
         },
         false, "permitted subtree violation"},
        {"among the names that an intermediate may not sign",
         [&](scene& s) {
             const made_certificate bound(
                 authority("Bound", {{"nameConstraints", "critical,excluded;DNS:shop.example"}}), by.root);
             s.shows(leaf(), bound).also(bound);
         },
         false, "excluded subtree violation"},
        {"with nobody trusted but an intermediate", [&](scene& s) { s.shows(leaf(), by.first).trusted = {by.first}; },
         false, unknown},
        {"not verified",
         [](scene& s) {
             s.chain = {made_certificate(leaf("DNS:other.example"))};
             s.client.verify = net::tls_verify::none;
         },
         true},
    };
}

std::vector<row> contents() {
    return {
        {"expired",
         [](scene& s) {
             certificate_plan plan = leaf();
             plan.valid_from = -48h;
             plan.valid_until = -1s;
             s.shows(plan);
         },
         false, "certificate has expired"},
        {"not yet valid",
         [](scene& s) {
             certificate_plan plan = leaf();
             plan.valid_from = 1h;
             s.shows(plan);
         },
         false, "not yet valid"},
        {"for clients only",
         [](scene& s) {
             s.shows(leaf("DNS:shop.example", {{"extendedKeyUsage", "clientAuth"}}));
         },
         false, "purpose"},
        {"for servers",
         [](scene& s) {
             s.shows(leaf("DNS:shop.example", {{"extendedKeyUsage", "serverAuth"}}));
         },
         true},
        {"with a critical extension that nobody knows",
         [](scene& s) {
             s.shows(leaf("DNS:shop.example", {{"1.2.3.4", "critical,DER:05:00"}}));
         },
         false, "unhandled critical extension"},
        {"RSA of 1024 bits",
         [](scene& s) {
             certificate_plan plan = leaf();
             plan.key = "RSA1024";
             s.shows(plan);
         },
         false, "key too"},
        {"RSA of 2048 bits",
         [](scene& s) {
             certificate_plan plan = leaf();
             plan.key = "RSA2048";
             s.shows(plan);
         },
         true},
        {"a curve of 192 bits",
         [](scene& s) {
             certificate_plan plan = leaf();
             plan.key = "P-192";
             s.shows(plan).highest = TLS1_2_VERSION;
         },
         false, "refused the handshake"},
        {"a curve of 384 bits",
         [](scene& s) {
             certificate_plan plan = leaf();
             plan.key = "P-384";
             s.shows(plan);
         },
         true},
        {"signed by SHA-1",
         [](scene& s) {
             certificate_plan plan = leaf();
             plan.digest = "SHA1";
             s.shows(plan);
         },
         false, "weak"},
        {"signed by MD5",
         [](scene& s) {
             certificate_plan plan = leaf();
             plan.digest = "MD5";
             certificate_plan rsa = authority("RSA root");
             rsa.key = "RSA2048";
             const made_certificate root(rsa);
             s.shows(plan, root).trusted = {root};
         },
         false, "weak"},
        {"by an intermediate that is signed by SHA-1",
         [](scene& s) {
             certificate_plan plan = authority("Weak");
             plan.digest = "SHA1";
             const made_certificate weak(plan, signers().root);
             s.shows(leaf(), weak).also(weak);
         },
         false, "weak"},
        {"by an intermediate with a key of 1024 bits",
         [](scene& s) {
             certificate_plan plan = authority("Short key");
             plan.key = "RSA1024";
             const made_certificate weak(plan, signers().root);
             s.shows(leaf(), weak).also(weak);
         },
         false, "key too"},
    };
}

/// Hears the client, says `answer` and closes.
std::function<void(int)> saying(std::string answer) {
    return [answer](int descriptor) {
        char space[4096];
        static_cast<void>(::recv(descriptor, space, sizeof space, 0));
        static_cast<void>(::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL));
    };
}

std::vector<row> protocols() {
    const auto client_of = [](const made_certificate& by) {
        return made_certificate({.common_name = "client", .extensions = {is_no_ca}}, by);
    };
    return {
        {"TLS 1.0 only", [](scene& s) { s.shows(leaf()).highest = TLS1_VERSION; }, false, "no common TLS version"},
        {"TLS 1.1 only", [](scene& s) { s.shows(leaf()).highest = TLS1_1_VERSION; }, false, "no common TLS version"},
        {"TLS 1.2 only", [](scene& s) { s.shows(leaf()).highest = TLS1_2_VERSION; }, true},
        {"TLS 1.3 only", [](scene& s) { s.shows(leaf()).lowest = TLS1_3_VERSION; }, true},
        {"TLS 1.2, below the minimum",
         [](scene& s) {
             s.shows(leaf()).highest = TLS1_2_VERSION;
             s.client.minimum_version = net::tls_version::tls_1_3;
         },
         false, "no common TLS version"},
        {"TLS 1.3, above the maximum",
         [](scene& s) {
             s.shows(leaf()).lowest = TLS1_3_VERSION;
             s.client.maximum_version = net::tls_version::tls_1_2;
         },
         false, "no common TLS version"},
        {"the protocol that is offered",
         [](scene& s) {
             s.shows(leaf()).protocols = "\x02h2\x08http/1.1";
             s.client.alpn = {"http/1.1"};
         },
         true},
        {"none of the protocols that are offered",
         [](scene& s) {
             s.shows(leaf()).protocols = "\x02h2";
             s.client.alpn = {"http/1.1"};
         },
         false, "ALPN"},
        {"without ALPN",
         [](scene& s) {
             s.shows(leaf());
             s.client.alpn = {"h2"};
         },
         true},
        {"demands a certificate, and gets it",
         [=](scene& s) {
             s.shows(leaf()).demands_certificate = true;
             s.own = client_of(signers().root);
         },
         true},
        {"demands a certificate, and gets none",
         [](scene& s) {
             s.shows(leaf()).demands_certificate = true;
             s.highest = TLS1_2_VERSION;  // where it says so within the handshake
         },
         false, "refused the handshake"},
        {"demands a certificate, and gets one of somebody else",
         [=](scene& s) {
             s.shows(leaf()).demands_certificate = true;
             s.highest = TLS1_2_VERSION;
             s.own = client_of(signers().other);
         },
         false, "does not accept this side's certificate"},
        {"closes at once", [](scene& s) { s.instead = [](int) {}; }, false, "during the handshake"},
        {"closes after the client has spoken", [](scene& s) { s.instead = saying(""); }, false, "during the handshake"},
        {"closes within its first message",
         [](scene& s) { s.instead = saying("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"s); }, false,
         "during the handshake"},
        {"speaks HTTP", [](scene& s) { s.instead = saying("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"); },
         false, "does not speak TLS"},
        {"speaks SSH", [](scene& s) { s.instead = saying("SSH-2.0-OpenSSH_9.2\r\n"); }, false, "does not speak TLS"},
        {"says an alert", [](scene& s) { s.instead = saying("\x15\x03\x03\x00\x02\x02\x28"s); }, false,
         "refused the handshake"},
        {"speaks garbage in records", [](scene& s) { s.instead = saying("\x16\x03\x03\x00\x04\xff\xff\xff\xff"s); },
         false, "TLS"},
    };
}

void freed(SSL_CTX* context) {
    SSL_CTX_free(context);
}

int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned int length,
           void* own) {
    const auto& list = *static_cast<const std::string*>(own);
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(list.data()),
                              static_cast<unsigned int>(list.size()), offered, length) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

/// The server's side, on a thread of its own: a handshake, and the end of it.
void serve(const scene& s, int descriptor) {
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()), freed);
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), s.lowest);
    SSL_CTX_set_max_proto_version(context.get(), s.highest);
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    ASSERT_EQ(SSL_CTX_use_certificate(context.get(), s.chain.front().certificate()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey(context.get(), s.chain.front().key()), 1);
    SSL_CTX_set_mode(context.get(), SSL_MODE_NO_AUTO_CHAIN);
    for (std::size_t i = 1; i < s.chain.size(); ++i) SSL_CTX_add1_chain_cert(context.get(), s.chain[i].certificate());
    std::string protocols = s.protocols;
    if (!protocols.empty()) SSL_CTX_set_alpn_select_cb(context.get(), choose, &protocols);
    if (s.demands_certificate) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), signers().root.certificate());
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    SSL* const ssl = SSL_new(context.get());
    SSL_set_fd(ssl, descriptor);
    if (SSL_accept(ssl) == 1) SSL_write(ssl, "ok", 2);
    SSL_free(ssl);
}

/// Nothing when the client accepts and reads what the server says; else why not.
std::optional<error> shake(const scene& s, const temporary_directory& folder) {
    net::tls_settings settings = s.client;
    std::string all;
    for (const made_certificate& each : s.trusted) all += each.certificate_text();
    settings.ca_file = folder.write("trusted.pem", all);
    if (s.own) {
        settings.certificate_file = folder.write("own.pem", s.own->certificate_text());
        settings.key_file = folder.write("own.key", s.own->key_text());
    }
    auto [near, far] = socket_pair();
    const int blocking = far.get();
    fcntl(blocking, F_SETFL, fcntl(blocking, F_GETFL) & ~O_NONBLOCK);
    std::thread server([&, end = std::move(far)]() mutable {
        if (s.instead) {
            s.instead(end.get());
        } else {
            serve(s, end.get());
        }
        end.reset();
    });
    test_loop here;
    std::optional<error> refused;
    {
        net::stream client(std::make_unique<net::socket>(here.loop(), std::move(near)));
        const auto context = net::tls_context::client(settings).value();
        auto shaken = here.run(client.start_tls(context, s.host, clock::now() + 20s));
        if (!shaken) {
            refused = std::move(shaken).error();
        } else {
            char space[16];
            net::io_result got;
            here.run_until([&] {
                got = client.read_some(space);
                return got.status != net::io_status::want_read;
            });
            if (got.status != net::io_status::done) refused = client.failure(got);
        }
    }
    server.join();
    return refused;
}

class tls_matrix : public testing::Test {
protected:
    void try_out(const std::vector<row>& rows) {
        for (const row& each : rows) {
            SCOPED_TRACE(each.what);
            scene s;
            each.setting(s);
            const std::optional<error> refused = shake(s, folder_);
            EXPECT_EQ(!refused, each.accepted) << (refused ? refused->message() : "accepted");
            if (refused) {
                EXPECT_THAT(refused->message(), HasSubstr(each.word));
            }
        }
    }
    temporary_directory folder_;
};

TEST_F(tls_matrix, knows_whom_a_certificate_is_for) {
    try_out(names());
}
TEST_F(tls_matrix, knows_who_may_sign_for_whom) {
    try_out(chains());
}
TEST_F(tls_matrix, knows_what_a_certificate_must_be_like) {
    try_out(contents());
}
TEST_F(tls_matrix, knows_what_the_protocol_must_be_like) {
    try_out(protocols());
}
TEST_F(tls_matrix, has_at_least_eighty_rows) {
    EXPECT_GE(names().size() + chains().size() + contents().size() + protocols().size(), 80U);
}

}  // namespace
}  // namespace lido::test

// Rows of the table: what a certificate and the protocol have to be like.
#include "matrix.hpp"

#include <chrono>

#include <sys/socket.h>

namespace lido::test {

using namespace std::chrono_literals;
using namespace std::string_literals;

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

namespace {

/// Hears the client, says `answer` and closes.
std::function<void(int)> saying(std::string answer) {
    return [answer](int descriptor) {
        char space[4096];
        static_cast<void>(::recv(descriptor, space, sizeof space, 0));
        static_cast<void>(::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL));
    };
}

}  // namespace

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

}  // namespace lido::test

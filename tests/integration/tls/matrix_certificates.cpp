// Rows of the table: whom a certificate is for, and who has signed it.
#include "matrix.hpp"

#include <chrono>

namespace lido::test {

using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

const char* const mismatch = "not for";
const char* const unknown = "unable to get local issuer certificate";

}  // namespace

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
             plan.key = "RSA2048";
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

}  // namespace lido::test

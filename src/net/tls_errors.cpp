#include "net/tls_errors.hpp"

#include "lido/net/endpoint.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

#include <netinet/in.h>

namespace lido::net::detail {
namespace {

constexpr int most_names_told = 4;
constexpr std::size_t longest_name_told = 100;

/// Text of the peer's, fit for a log line: printable ASCII only, and not too long.
std::string tamed(std::string text) {
    if (text.size() > longest_name_told) text = text.substr(0, longest_name_told) + "...";
    for (char& c : text) {
        if (c < ' ' || c > '~') c = '?';
    }
    return text;
}

std::string text_of(const ASN1_STRING* string) {
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(string));
    const unsigned char* const bytes = ASN1_STRING_get0_data(string);
    return {bytes, bytes + size};
}

std::string text_of_ip(const ASN1_OCTET_STRING* octets) {
    const std::string bytes = text_of(octets);
    if (bytes.size() == 4) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(&v4.sin_addr));   // NOLINT: as bytes
        return address(reinterpret_cast<const sockaddr*>(&v4), sizeof v4).host_text();  // NOLINT
    }
    if (bytes.size() != 16) return "an odd address";
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(&v6.sin6_addr));  // NOLINT: as bytes
    return address(reinterpret_cast<const sockaddr*>(&v6), sizeof v6).host_text();  // NOLINT
}

std::string common_name(const X509_NAME* name) {
    const int position = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (position < 0) {
        std::array<char, 256> line{};
        X509_NAME_oneline(name, line.data(), static_cast<int>(line.size()));
        return tamed(line.data());
    }
    return tamed(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, position))));
}

/// "shop.example, *.shop.example, 127.0.0.1 and 3 more": the names in the subjectAltName.
std::string alternative_names(const X509* certificate) {
    auto* const names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    if (names == nullptr) return {};
    std::string list;
    const int count = sk_GENERAL_NAME_num(names);
    for (int i = 0; i < std::min(count, most_names_told); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names, i);
        if (!list.empty()) list += ", ";
        if (name->type == GEN_DNS) {
            list += tamed(text_of(name->d.dNSName));
        } else if (name->type == GEN_IPADD) {
            list += text_of_ip(name->d.iPAddress);
        } else {
            list += "something else";
        }
    }
    if (count > most_names_told) list += fmt::format(" and {} more", count - most_names_told);
    GENERAL_NAMES_free(names);
    return list;
}

std::string names_of(const X509* certificate) {
    std::string names = alternative_names(certificate);
    if (!names.empty()) return names;
    return fmt::format("no name (subject {}, without subjectAltName)", common_name(X509_get_subject_name(certificate)));
}

std::string date_text(const ASN1_TIME* time) {
    tm broken_down{};
    if (ASN1_TIME_to_tm(time, &broken_down) != 1) return "an unreadable date";
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", broken_down.tm_year + 1900, broken_down.tm_mon + 1,
                       broken_down.tm_mday, broken_down.tm_hour, broken_down.tm_min);
}

error refused(std::string what, std::string remedy) {
    return {errc::tls_failed, std::move(what), std::move(remedy)};
}

constexpr const char* trust_remedy = "if the CA is your own, name its certificate in ca_file";

struct explanation {
    int reason;
    const char* what;
    const char* remedy;
};

constexpr const char* not_tls = "the peer does not speak TLS";
constexpr const char* not_tls_remedy = "check the port, and whether the service is plain (http) or TLS (https)";
constexpr const char* no_version = "no common TLS version: the peer speaks only versions that are too old, or too new";
constexpr const char* no_version_remedy = "update the peer; TLS 1.0 and 1.1 are not supported";
constexpr const char* no_cipher = "no common cipher";
constexpr const char* no_cipher_remedy = "check the cipher and key settings of the peer";
constexpr const char* certificate_wanted = "the peer demands a client certificate";
constexpr const char* certificate_wanted_remedy = "set certificate_file and key_file";
constexpr const char* own_refused = "the peer does not accept this side's certificate";
constexpr const char* own_refused_remedy = "check that it is valid and signed by a CA that the peer trusts";

constexpr std::array explanations{
    explanation{SSL_R_WRONG_VERSION_NUMBER, not_tls, not_tls_remedy},
    explanation{SSL_R_HTTP_REQUEST, not_tls, not_tls_remedy},
    explanation{SSL_R_HTTPS_PROXY_REQUEST, not_tls, not_tls_remedy},
    explanation{SSL_R_PACKET_LENGTH_TOO_LONG, not_tls, not_tls_remedy},
    explanation{SSL_R_BAD_RECORD_TYPE, not_tls, not_tls_remedy},
    explanation{SSL_R_UNSUPPORTED_PROTOCOL, no_version, no_version_remedy},
    explanation{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, no_version, no_version_remedy},
    explanation{SSL_R_VERSION_TOO_LOW, no_version, no_version_remedy},
    explanation{SSL_R_NO_SHARED_CIPHER, no_cipher, no_cipher_remedy},
    explanation{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
                "the peer refused the handshake: no common cipher or no certificate", no_cipher_remedy},
    explanation{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, certificate_wanted, certificate_wanted_remedy},
    explanation{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "the client shows no certificate", certificate_wanted_remedy},
    explanation{SSL_R_TLSV1_ALERT_UNKNOWN_CA, own_refused, own_refused_remedy},
    explanation{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, own_refused, own_refused_remedy},
    explanation{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, own_refused, own_refused_remedy},
    explanation{SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, own_refused, own_refused_remedy},
    explanation{SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, own_refused, own_refused_remedy},
    explanation{SSL_R_NO_APPLICATION_PROTOCOL, "no common application protocol (ALPN)", "check the protocols offered"},
    explanation{SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, "the peer speaks none of the protocols offered (ALPN)",
                "check the protocols offered"},
    explanation{SSL_R_TLSV1_UNRECOGNIZED_NAME, "the peer does not serve this name", "check the host name"},
};

}  // namespace

verify_failure describe_failure(x509_store_ctx_st* verification) {
    verify_failure failure;
    failure.code = X509_STORE_CTX_get_error(verification);
    const X509* const certificate = X509_STORE_CTX_get_current_cert(verification);
    if (certificate == nullptr) return failure;
    failure.issuer = common_name(X509_get_issuer_name(certificate));
    const bool is_peer = X509_STORE_CTX_get_error_depth(verification) == 0;
    failure.subject = is_peer ? names_of(certificate) : common_name(X509_get_subject_name(certificate));
    if (failure.code == X509_V_ERR_CERT_HAS_EXPIRED) failure.date = date_text(X509_get0_notAfter(certificate));
    if (failure.code == X509_V_ERR_CERT_NOT_YET_VALID) failure.date = date_text(X509_get0_notBefore(certificate));
    return failure;
}

error certificate_error(const verify_failure& failure, const std::string& expected) {
    switch (failure.code) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return refused(fmt::format("certificate is for {}, not for {}", failure.subject, expected),
                           "connect by a name that the certificate has, or set server_name to it");
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return refused(fmt::format("certificate has expired: {} was valid until {}", failure.subject, failure.date),
                           "renew the certificate, or check this machine's clock");
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return refused(
                fmt::format("certificate is not yet valid: {} is valid from {}", failure.subject, failure.date),
                "check this machine's clock");
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return refused(fmt::format("self-signed certificate of {}", failure.subject),
                           "name the certificate itself in ca_file, or have it signed by a CA");
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return refused(
                fmt::format("self-signed certificate in certificate chain: CA {} is not trusted", failure.subject),
                trust_remedy);
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return refused(
                fmt::format("unable to get local issuer certificate: {} is signed by {}, which is not trusted",
                            failure.subject, failure.issuer),
                fmt::format("{}; or let the server send its intermediate certificates", trust_remedy));
        default:
            return refused(
                fmt::format("certificate of {}: {}", failure.subject, X509_verify_cert_error_string(failure.code)), {});
    }
}

error protocol_failure(unsigned long code) {
    const int reason = ERR_GET_REASON(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
        for (const explanation& known : explanations) {
            if (known.reason == reason) return refused(known.what, known.remedy);
        }
    }
    const char* const said = ERR_reason_error_string(code);
    return refused(fmt::format("TLS failure: {}", said != nullptr ? said : "OpenSSL gives no reason"), {});
}

}  // namespace lido::net::detail

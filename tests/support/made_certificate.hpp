// Lido: certificates of every kind, good and bad, for tests.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace lido::test {

/// What a certificate is to be. A common name with a zero byte needs a key of RSA. Extensions are as in a configuration
/// of the openssl command: {"basicConstraints", "critical,CA:TRUE"}, {"subjectAltName", "DNS:shop.example"}.
struct certificate_plan {
    std::string common_name = "Test";
    std::vector<std::pair<std::string, std::string>> extensions = {};
    /// A DNS name for the subjectAltName as raw bytes, such as one with a zero byte. Empty: none.
    std::string raw_name = {};
    std::string key = "P-256";  ///< a curve, or "RSA" and the number of bits
    std::string digest = "SHA256";
    std::chrono::seconds valid_from = std::chrono::hours(-1);
    std::chrono::seconds valid_until = std::chrono::hours(24);
};

/// A certificate with its key, made on the spot by the openssl command (make_certificate.sh), so that what is tried out
/// is not made by the code that is tried. Throws `std::runtime_error` with what it says. Copies share it. For one
/// thread.
class made_certificate {
public:
    /// Signed by itself.
    explicit made_certificate(const certificate_plan& plan) : made_certificate(plan, nullptr) {}
    /// Signed by `issuer`, whatever that may be.
    made_certificate(const certificate_plan& plan, const made_certificate& issuer) : made_certificate(plan, &issuer) {}

    [[nodiscard]] x509_st* certificate() const noexcept { return certificate_.get(); }
    [[nodiscard]] evp_pkey_st* key() const noexcept { return key_.get(); }
    /// In PEM form.
    [[nodiscard]] const std::string& certificate_text() const noexcept { return certificate_text_; }
    [[nodiscard]] const std::string& key_text() const noexcept { return key_text_; }

private:
    made_certificate(const certificate_plan& plan, const made_certificate* issuer);

    std::string folder_;
    std::string certificate_text_;
    std::string key_text_;
    std::shared_ptr<x509_st> certificate_;
    std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace lido::test

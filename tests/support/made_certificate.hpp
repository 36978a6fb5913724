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

/// What a certificate is to be. Extensions are as in a configuration of the openssl command: {"basicConstraints",
/// "critical,CA:TRUE"}, {"subjectAltName", "DNS:shop.example"}.
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

/// A certificate with its key, made on the spot. Throws `std::runtime_error`. Copies share it.
class made_certificate {
public:
    /// Signed by itself.
    explicit made_certificate(const certificate_plan& plan) : made_certificate(plan, nullptr) {}
    /// Signed by `issuer`, whatever that may be.
    made_certificate(const certificate_plan& plan, const made_certificate& issuer) : made_certificate(plan, &issuer) {}

    [[nodiscard]] x509_st* certificate() const noexcept { return certificate_.get(); }
    [[nodiscard]] evp_pkey_st* key() const noexcept { return key_.get(); }
    /// In PEM form.
    [[nodiscard]] std::string certificate_text() const;
    [[nodiscard]] std::string key_text() const;

private:
    made_certificate(const certificate_plan& plan, const made_certificate* issuer);
    std::shared_ptr<evp_pkey_st> key_;
    std::shared_ptr<x509_st> certificate_;
};

}  // namespace lido::test

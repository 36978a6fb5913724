// Lido: certificates for tests, made on the spot.
#pragma once

#include "support/temporary_directory.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace lido::test {

/// What a certificate is to say.
struct certificate_request {
    std::string common_name;
    /// Names and addresses for the subjectAltName; without any the certificate has none.
    std::vector<std::string> dns = {};
    std::vector<std::string> ips = {};
    /// From now on.
    std::chrono::seconds valid_from = std::chrono::hours(-1);
    std::chrono::seconds valid_until = std::chrono::hours(24);
};

/// PEM files.
struct certificate_files {
    std::string certificate;
    std::string key;
};

/// A CA of a test's own. Keys are P-256: a certificate takes a millisecond. Throws `std::runtime_error`. The files lie
/// in the folder given, which has to outlive their use. Not thread-safe.
class certificate_authority {
public:
    explicit certificate_authority(const temporary_directory& where, std::string name = "Lido Test CA");
    certificate_authority(const certificate_authority&) = delete;
    certificate_authority& operator=(const certificate_authority&) = delete;
    ~certificate_authority();

    /// Its own certificate.
    [[nodiscard]] const std::string& ca_file() const noexcept { return ca_file_; }
    [[nodiscard]] certificate_files issue(const certificate_request& request);
    /// A certificate that is signed by its own key alone.
    [[nodiscard]] certificate_files self_signed(const certificate_request& request);
    /// A copy of a key file that is encrypted with `password`.
    [[nodiscard]] std::string encrypt(const std::string& key_file, std::string password) const;

private:
    struct signer;
    [[nodiscard]] certificate_files write(x509_st* certificate, evp_pkey_st* key);

    const temporary_directory& where_;
    std::string name_;
    std::unique_ptr<signer> signer_;
    std::string ca_file_;
    long next_serial_ = 1;
};

}  // namespace lido::test

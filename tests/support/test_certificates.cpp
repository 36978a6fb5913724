#include "support/test_certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>
#include <utility>

namespace lido::test {
namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using key_pointer = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_pointer = std::unique_ptr<X509, freed_by<X509_free>>;

void require(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("test certificate: ") + what);
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, value.c_str());
    X509_EXTENSION_free(extension);
}

std::string alternative_names(const certificate_request& request) {
    std::string list;
    for (const std::string& name : request.dns) list += (list.empty() ? "DNS:" : ",DNS:") + name;
    for (const std::string& ip : request.ips) list += (list.empty() ? "IP:" : ",IP:") + ip;
    return list;
}

certificate_pointer make_unsigned(const certificate_request& request, EVP_PKEY* key, long serial) {
    certificate_pointer made(X509_new());
    require(made != nullptr, "X509_new");
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), request.valid_from.count());
    X509_gmtime_adj(X509_getm_notAfter(made.get()), request.valid_until.count());
    const auto* const name = reinterpret_cast<const unsigned char*>(request.common_name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8, name, -1, -1, 0);
    require(X509_set_pubkey(made.get(), key) == 1, "X509_set_pubkey");
    return made;
}

key_pointer make_key() {
    key_pointer key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    require(key != nullptr, "key generation");
    return key;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key, const char* constraints, const std::string& names) {
    require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1, "issuer");
    add_extension(certificate, issuer, NID_basic_constraints, constraints);
    if (!names.empty()) add_extension(certificate, issuer, NID_subject_alt_name, names);
    require(X509_sign(certificate, issuer_key, EVP_sha256()) > 0, "X509_sign");
}

std::FILE* open_file(const std::string& path, const char* mode = "wbe") {
    std::FILE* const file = std::fopen(path.c_str(), mode);
    require(file != nullptr, path.c_str());
    return file;
}

}  // namespace

struct certificate_authority::signer {
    key_pointer key;
    certificate_pointer certificate;
};

certificate_authority::certificate_authority(const temporary_directory& where, std::string name)
    : where_(where), name_(std::move(name)), signer_(std::make_unique<signer>()) {
    signer_->key = make_key();
    const certificate_request request{.common_name = name_};
    signer_->certificate = make_unsigned(request, signer_->key.get(), next_serial_++);
    X509* const own = signer_->certificate.get();
    sign(own, own, signer_->key.get(), "critical,CA:TRUE", {});
    ca_file_ = write(own, signer_->key.get()).certificate;
}

certificate_authority::~certificate_authority() = default;

certificate_files certificate_authority::issue(const certificate_request& request) {
    const key_pointer key = make_key();
    const certificate_pointer made = make_unsigned(request, key.get(), next_serial_++);
    sign(made.get(), signer_->certificate.get(), signer_->key.get(), "CA:FALSE", alternative_names(request));
    return write(made.get(), key.get());
}

certificate_files certificate_authority::self_signed(const certificate_request& request) {
    const key_pointer key = make_key();
    const certificate_pointer made = make_unsigned(request, key.get(), next_serial_++);
    sign(made.get(), made.get(), key.get(), "CA:FALSE", alternative_names(request));
    return write(made.get(), key.get());
}

std::string certificate_authority::encrypt(const std::string& key_file, std::string password) const {
    std::FILE* file = open_file(key_file, "rbe");
    const key_pointer key(PEM_read_PrivateKey(file, nullptr, nullptr, nullptr));
    std::fclose(file);
    require(key != nullptr, key_file.c_str());
    std::string encrypted = key_file + ".encrypted";
    file = open_file(encrypted);
    const int written = PEM_write_PKCS8PrivateKey(file, key.get(), EVP_aes_256_cbc(), password.data(),
                                                  static_cast<int>(password.size()), nullptr, nullptr);
    std::fclose(file);
    require(written == 1, "writing the encrypted key");
    return encrypted;
}

certificate_files certificate_authority::write(x509_st* certificate, evp_pkey_st* key) {
    const std::string stem = name_ + "-" + std::to_string(next_serial_);
    certificate_files files{where_.file(stem + ".crt"), where_.file(stem + ".key")};
    std::FILE* file = open_file(files.certificate);
    require(PEM_write_X509(file, certificate) == 1, "writing the certificate");
    std::fclose(file);
    file = open_file(files.key);
    require(PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "writing the key");
    std::fclose(file);
    return files;
}

}  // namespace lido::test

#include "support/made_certificate.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <stdexcept>

namespace lido::test {
namespace {

void require(bool good, const std::string& what) {
    if (!good) throw std::runtime_error("made certificate: " + what);
}

std::shared_ptr<EVP_PKEY> make_key(const std::string& kind) {
    EVP_PKEY* made = nullptr;
    if (kind.starts_with("RSA")) {
        made = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{std::stoul(kind.substr(3))});
    } else {
        made = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kind.c_str());
    }
    require(made != nullptr, "key " + kind);
    return {made, EVP_PKEY_free};
}

void add_extension(X509* to, X509* issuer, const std::string& name, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf(nullptr, &context, name.c_str(), value.c_str());
    require(extension != nullptr && X509_add_ext(to, extension, -1) == 1, name + " = " + value);
    X509_EXTENSION_free(extension);
}

void add_raw_name(X509* to, const std::string& bytes) {
    ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size()));
    GENERAL_NAME* const name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    GENERAL_NAMES* const names = GENERAL_NAMES_new();
    sk_GENERAL_NAME_push(names, name);
    require(X509_add1_ext_i2d(to, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1, "raw name");
    GENERAL_NAMES_free(names);
}

template <class Write>
std::string text_of(Write write) {
    BIO* const memory = BIO_new(BIO_s_mem());
    require(memory != nullptr && write(memory) == 1, "writing");
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory, &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_free(memory);
    return text;
}

}  // namespace

made_certificate::made_certificate(const certificate_plan& plan, const made_certificate* issuer)
    : key_(make_key(plan.key)), certificate_(X509_new(), X509_free) {
    static std::atomic<long> next_serial{1};
    X509* const made = certificate_.get();
    X509* const by = issuer != nullptr ? issuer->certificate() : made;
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), next_serial++);
    X509_gmtime_adj(X509_getm_notBefore(made), plan.valid_from.count());
    X509_gmtime_adj(X509_getm_notAfter(made), plan.valid_until.count());
    const auto* const name = reinterpret_cast<const unsigned char*>(plan.common_name.data());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8, name,
                               static_cast<int>(plan.common_name.size()), -1, 0);
    require(X509_set_issuer_name(made, X509_get_subject_name(by)) == 1, "issuer");
    require(X509_set_pubkey(made, key_.get()) == 1, "public key");
    for (const auto& [extension, value] : plan.extensions) add_extension(made, by, extension, value);
    if (!plan.raw_name.empty()) add_raw_name(made, plan.raw_name);
    EVP_PKEY* const signing = issuer != nullptr ? issuer->key() : key_.get();
    require(X509_sign(made, signing, EVP_get_digestbyname(plan.digest.c_str())) > 0, "signature by " + plan.digest);
}

std::string made_certificate::certificate_text() const {
    return text_of([&](BIO* to) { return PEM_write_bio_X509(to, certificate()); });
}

std::string made_certificate::key_text() const {
    return text_of([&](BIO* to) { return PEM_write_bio_PrivateKey(to, key(), nullptr, nullptr, 0, nullptr, nullptr); });
}

}  // namespace lido::test

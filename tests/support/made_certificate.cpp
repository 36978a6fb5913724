#include "support/made_certificate.hpp"

#include "support/server_process.hpp"
#include "support/temporary_directory.hpp"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace lido::test {
namespace {

void require(bool good, const std::string& what) {
    if (!good) throw std::runtime_error("made certificate: " + what);
}

std::string content_of(const std::string& file) {
    std::ifstream from(file);
    std::ostringstream all;
    all << from.rdbuf();
    return all.str();
}

/// "20261121213000Z", so long from now.
std::string moment(std::chrono::seconds from_now) {
    const std::time_t when = std::time(nullptr) + from_now.count();
    std::tm parts{};
    gmtime_r(&when, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &parts);
    return text;
}

/// A SEQUENCE of one dNSName, up to 127 bytes, byte by byte.
std::string raw_names(const std::string& bytes) {
    std::string name = fmt::format("30:{:02x}:82:{:02x}", bytes.size() + 2, bytes.size());
    for (const char c : bytes) name += fmt::format(":{:02x}", static_cast<unsigned char>(c));
    return name;
}

/// As the openssl command reads them.
std::string settings_text(const certificate_plan& plan) {
    std::string subject = plan.common_name;
    std::replace(subject.begin(), subject.end(), '\0', '@');
    std::string text = fmt::format(R"([req]
prompt = no
distinguished_name = subject
string_mask = utf8only
utf8 = yes
[subject]
CN = {}
[authority]
database = index.txt
serial = serial
new_certs_dir = .
policy = any
[any]
commonName = supplied
[extensions]
subjectKeyIdentifier = none
authorityKeyIdentifier = none
)",
                                   subject);
    for (const auto& [extension, value] : plan.extensions) text += fmt::format("{} = {}\n", extension, value);
    if (!plan.raw_name.empty()) text += fmt::format("subjectAltName = DER:{}\n", raw_names(plan.raw_name));
    return text;
}

/// A folder for each certificate of this process, for as long as it runs: whoever is signed later needs its signer's.
std::string new_folder() {
    static const temporary_directory all;
    static int count = 0;
    const std::filesystem::path folder = all.path() / std::to_string(count++);
    std::filesystem::create_directory(folder);
    give_to_server_user(all.path());
    return folder.string();
}

template <class Object, auto Read, auto Free>
std::shared_ptr<Object> read_pem(const std::string& text) {
    BIO* const memory = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
    Object* const read = Read(memory, nullptr, nullptr, nullptr);
    BIO_free(memory);
    require(read != nullptr, "not readable: " + text);
    return {read, Free};
}

}  // namespace

made_certificate::made_certificate(const certificate_plan& plan, const made_certificate* issuer)
    : folder_(new_folder()) {
    std::ofstream(folder_ + "/settings.cnf") << settings_text(plan);
    std::vector<std::string> command{"/bin/sh",
                                     LIDO_TEST_SOURCE_DIR "/tests/support/make_certificate.sh",
                                     folder_,
                                     plan.key,
                                     plan.digest,
                                     moment(plan.valid_from),
                                     moment(plan.valid_until)};
    if (issuer != nullptr) command.push_back(issuer->folder_);
    server_process openssl(SIGKILL);
    openssl.start(command, folder_ + "/log");
    require(openssl.wait() == 0, openssl.output());
    certificate_text_ = content_of(folder_ + "/certificate.pem");
    key_text_ = content_of(folder_ + "/key.pem");
    certificate_ = read_pem<X509, PEM_read_bio_X509, X509_free>(certificate_text_);
    key_ = read_pem<EVP_PKEY, PEM_read_bio_PrivateKey, EVP_PKEY_free>(key_text_);
}

}  // namespace lido::test

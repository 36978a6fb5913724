#include "lido/net/connect.hpp"
#include "lido/net/tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace lido::net {
namespace {

constexpr std::size_t longest_protocol = 255;  // RFC 7301, section 3.1
constexpr std::size_t longest_protocol_list = 65535;
constexpr int lowest_security_level = 2;  // 112 bits

error setting_error(std::string what, std::string remedy) {
    return {errc::invalid_argument, std::move(what), std::move(remedy)};
}

result<void> check_alpn(const std::vector<std::string>& protocols) {
    std::size_t total = 0;
    for (const std::string& protocol : protocols) {
        if (protocol.empty() || protocol.size() > longest_protocol) {
            return setting_error(fmt::format("TLS setting alpn has an entry of {} bytes", protocol.size()),
                                 "protocols have 1 … 255 bytes, such as h2 and http/1.1");
        }
        total += protocol.size() + 1;
    }
    if (total > longest_protocol_list) return setting_error("TLS setting alpn is too long", "offer fewer protocols");
    return {};
}

/// The protocols as they go over the wire, each with its length before it.
std::string alpn_on_the_wire(const std::vector<std::string>& protocols) {
    std::string wire;
    for (const std::string& protocol : protocols) {
        wire += static_cast<char>(protocol.size());
        wire += protocol;
    }
    return wire;
}

const unsigned char* as_bytes(const std::string& text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());  // NOLINT: bytes may alias anything
}

result<void> check_readable(const char* setting, const std::string& path, bool want_directory) {
    struct stat about {};
    const bool there = stat(path.c_str(), &about) == 0 && access(path.c_str(), R_OK) == 0;
    if (!there) {
        const int code = errno;
        return error(errc::tls_failed, fmt::format("{} {}: {}", setting, path, plain_reason(code)), remedy_of(code));
    }
    if (S_ISDIR(about.st_mode) == want_directory) return {};
    return error(errc::tls_failed, fmt::format("{} {}: is {} folder", setting, path, want_directory ? "not a" : "a"),
                 want_directory ? "name a folder of CA certificates, or use ca_file" : "name a PEM file");
}

/// Whether `code`, of OpenSSL's error queue, says that a password was needed.
bool wanted_password(unsigned long code) noexcept {
    const int reason = ERR_GET_REASON(code);
    if (ERR_GET_LIB(code) == ERR_LIB_CRYPTO) return reason == ERR_R_INTERRUPTED_OR_CANCELLED;
    return ERR_GET_LIB(code) == ERR_LIB_PEM &&
           (reason == PEM_R_BAD_PASSWORD_READ || reason == PEM_R_PROBLEMS_GETTING_PASSWORD);
}

bool found_mismatch(unsigned long code) noexcept {
    const int reason = ERR_GET_REASON(code);
    return ERR_GET_LIB(code) == ERR_LIB_X509 &&
           (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH);
}

/// What OpenSSL had against a file. Empties its queue of errors, of which the first is nearest to the cause.
error file_error(const char* setting, const std::string& path, const char* expected) {
    const char* said = nullptr;
    for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
        if (found_mismatch(code)) {
            return {errc::tls_failed, fmt::format("{} {}: the key does not belong to the certificate", setting, path),
                    "name the key with which the certificate was requested"};
        }
        if (wanted_password(code)) {
            return {errc::tls_failed, fmt::format("{} {}: the key is encrypted", setting, path),
                    "decrypt it (openssl pkey -in … -out …) and protect the file by its permissions"};
        }
        if (said == nullptr) said = ERR_reason_error_string(code);
    }
    return {errc::tls_failed,
            fmt::format("{} {}: holds no {} in PEM form ({})", setting, path, expected,
                        said != nullptr ? said : "nothing found in it"),
            "check the file: it must have lines such as -----BEGIN CERTIFICATE-----"};
}

int refuse_password(char*, int, int, void*) noexcept {
    return -1;
}

result<void> load_identity(SSL_CTX* context, const std::string& certificate, const std::string& key) {
    if (auto readable = check_readable("certificate_file", certificate, false); !readable) return readable;
    if (auto readable = check_readable("key_file", key, false); !readable) return readable;
    if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
        return file_error("certificate_file", certificate, "certificate");
    }
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        return file_error("key_file", key, "private key");
    }
    return {};
}

result<void> load_trust(SSL_CTX* context, const char* setting, const std::string& file) {
    if (auto readable = check_readable(setting, file, false); !readable) return readable;
    if (SSL_CTX_load_verify_file(context, file.c_str()) != 1) return file_error(setting, file, "certificate");
    return {};
}

result<void> load_client_trust(SSL_CTX* context, const tls_settings& settings) {
    if (settings.ca_file.empty() && settings.ca_directory.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
        return error(errc::tls_failed, "the system's CA certificates cannot be loaded", "install ca-certificates");
    }
    if (!settings.ca_file.empty()) {
        if (auto loaded = load_trust(context, "ca_file", settings.ca_file); !loaded) return loaded;
    }
    if (settings.ca_directory.empty()) return {};
    if (auto readable = check_readable("ca_directory", settings.ca_directory, true); !readable) return readable;
    if (SSL_CTX_load_verify_dir(context, settings.ca_directory.c_str()) == 1) return {};
    return file_error("ca_directory", settings.ca_directory, "certificate");
}

int number_of(tls_version version) noexcept {
    return version == tls_version::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

/// A context with what both sides have in common; null when memory is short.
SSL_CTX* make_native(const SSL_METHOD* method, tls_version minimum, tls_version maximum) noexcept {
    ERR_clear_error();
    SSL_CTX* context = SSL_CTX_new(method);
    if (context == nullptr) return nullptr;
    SSL_CTX_set_min_proto_version(context, number_of(minimum));
    SSL_CTX_set_max_proto_version(context, number_of(maximum));
    // Debian's own default, and not what somebody has written into the system's configuration.
    if (SSL_CTX_get_security_level(context) < lowest_security_level) {
        SSL_CTX_set_security_level(context, lowest_security_level);
    }
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    // An idle session holds no buffers (34 KiB), and one receive fetches all that has come.
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    // Nobody sits at a terminal to type a key's password.
    SSL_CTX_set_default_passwd_cb(context, refuse_password);
    return context;
}

/// Chooses this server's favourite of what the client offers. `own` is the context's list.
int select_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned int offered_size, void* own) noexcept {
    const auto& list = *static_cast<const std::string*>(own);
    unsigned char* found = nullptr;
    const int outcome = SSL_select_next_proto(&found, chosen_size, as_bytes(list),
                                              static_cast<unsigned int>(list.size()), offered, offered_size);
    if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

error out_of_memory() {
    return {errc::tls_failed, "OpenSSL cannot make a TLS context", "free some memory"};
}

}  // namespace

result<void> tls_settings::validate() const {
    if (certificate_file.empty() != key_file.empty()) {
        return setting_error(
            fmt::format("TLS setting {} is set without {}", key_file.empty() ? "certificate_file" : "key_file",
                        key_file.empty() ? "key_file" : "certificate_file"),
            "a client certificate needs both");
    }
    // It goes out in the clear, and into the server's logs.
    const bool visible =
        std::all_of(server_name.begin(), server_name.end(), [](char c) { return c > ' ' && c < '\x7f'; });
    if (!visible || server_name.size() > 254) {
        return setting_error("TLS setting server_name is no host name",
                             "names have at most 253 bytes, ASCII without blanks; write international ones as xn--...");
    }
    if (minimum_version > maximum_version) {
        return setting_error("TLS setting minimum_version is above maximum_version",
                             "lower minimum_version, or raise maximum_version");
    }
    return check_alpn(alpn);
}

tls_context::~tls_context() {
    SSL_CTX_free(native_);
}

result<std::shared_ptr<const tls_context>> tls_context::client(const tls_settings& settings) {
    if (auto valid = settings.validate(); !valid) return std::move(valid).error();
    SSL_CTX* const native = make_native(TLS_client_method(), settings.minimum_version, settings.maximum_version);
    if (native == nullptr) return out_of_memory();
    std::shared_ptr<tls_context> made(new tls_context(native, false));
    made->verify_ = settings.verify;
    made->server_name_ = settings.server_name;
    made->resumes_sessions_ = settings.resume_sessions;
    if (settings.resume_sessions) {
        SSL_CTX_clear_options(native, SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        tls_session::keep_sessions_of(native);
    }
    made->alpn_ = alpn_on_the_wire(settings.alpn);
    if (settings.verify == tls_verify::full) {
        SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
        if (auto loaded = load_client_trust(native, settings); !loaded) return std::move(loaded).error();
    }
    if (!settings.certificate_file.empty()) {
        auto loaded = load_identity(native, settings.certificate_file, settings.key_file);
        if (!loaded) return std::move(loaded).error();
    }
    const auto size = static_cast<unsigned int>(made->alpn_.size());
    if (size > 0 && SSL_CTX_set_alpn_protos(native, as_bytes(made->alpn_), size) != 0) return out_of_memory();
    return std::shared_ptr<const tls_context>(std::move(made));
}

result<std::shared_ptr<const tls_context>> tls_context::server(const tls_server_settings& settings) {
    if (auto valid = check_alpn(settings.alpn); !valid) return std::move(valid).error();
    SSL_CTX* const native = make_native(TLS_server_method(), settings.minimum_version, settings.maximum_version);
    if (native == nullptr) return out_of_memory();
    std::shared_ptr<tls_context> made(new tls_context(native, true));
    made->verify_ = settings.client_ca_file.empty() ? tls_verify::none : tls_verify::full;
    made->alpn_ = alpn_on_the_wire(settings.alpn);
    auto loaded = load_identity(native, settings.certificate_file, settings.key_file);
    if (!loaded) return std::move(loaded).error();
    if (!settings.client_ca_file.empty()) {
        auto trusted = load_trust(native, "client_ca_file", settings.client_ca_file);
        if (!trusted) return std::move(trusted).error();
        SSL_CTX_set_client_CA_list(native, SSL_load_client_CA_file(settings.client_ca_file.c_str()));
        SSL_CTX_set_verify(native, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    if (!made->alpn_.empty()) SSL_CTX_set_alpn_select_cb(native, select_protocol, &made->alpn_);
    if (settings.resume_sessions) {
        constexpr std::string_view whose = "lido";  // a session is good for servers of that name only
        SSL_CTX_set_session_id_context(native, reinterpret_cast<const unsigned char*>(whose.data()),  // NOLINT: bytes
                                       static_cast<unsigned int>(whose.size()));
        SSL_CTX_clear_options(native, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(native, 2);
        made->resumes_sessions_ = true;
    }
    return std::shared_ptr<const tls_context>(std::move(made));
}

}  // namespace lido::net

// Lido: TLS on a socket, or on TLS, by OpenSSL, whose headers stay out of this one.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/task.hpp"
#include "lido/net/socket.hpp"
#include "lido/net/tls_session_store.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace lido::net {

/// How far a peer's certificate is verified.
enum class tls_verify : std::uint8_t {
    full,  ///< signed by a trusted CA, valid now, and issued for the name or address that was asked for
    none,  ///< not at all: anyone in between can read and change everything. For tests only.
};

/// TLS 1.0 and 1.1 are not offered (RFC 8996).
enum class tls_version : std::uint8_t { tls_1_2, tls_1_3 };

/// What a client demands of a TLS connection, and how it shows itself. Part of a pool's identity: two connections are
/// interchangeable only if these are equal.
struct tls_settings {
    tls_verify verify = tls_verify::full;
    tls_version minimum_version = tls_version::tls_1_2;
    /// At least `minimum_version`.
    tls_version maximum_version = tls_version::tls_1_3;
    /// PEM file of trusted CAs, and folder of them as `openssl rehash` leaves it. Both empty: the system's CAs (or what
    /// SSL_CERT_FILE and SSL_CERT_DIR say); if either is set, the system's are not trusted.
    std::string ca_file;
    std::string ca_directory;
    /// PEM files of this client's certificate (with its chain) and key; both or none.
    std::string certificate_file;
    std::string key_file;
    /// Protocols to offer, most wanted first (RFC 7301), such as "h2" and "http/1.1"; 1 … 255 bytes each.
    std::vector<std::string> alpn;
    /// The name for SNI and verification instead of the host that is connected to.
    std::string server_name;
    /// Resume sessions where there is a `tls_session_store` to keep them in.
    bool resume_sessions = true;

    [[nodiscard]] friend bool operator==(const tls_settings&, const tls_settings&) = default;
    /// `invalid_argument` naming the setting that is wrong. Opens no file.
    [[nodiscard]] result<void> validate() const;
};

/// What a server shows and demands.
struct tls_server_settings {
    /// PEM files, both needed.
    std::string certificate_file;
    std::string key_file;
    /// PEM file of the CAs of which clients must show a certificate; empty: none is asked for.
    std::string client_ca_file;
    tls_version minimum_version = tls_version::tls_1_2;
    /// Protocols that are spoken, most wanted first. A client that offers others only is refused (RFC 7301, 3.2).
    std::vector<std::string> alpn;
    tls_version maximum_version = tls_version::tls_1_3;
    /// Hand out tickets, and let clients that bring one resume.
    bool resume_sessions = false;

    [[nodiscard]] friend bool operator==(const tls_server_settings&, const tls_server_settings&) = default;
};

/// Certificates, trust and options, loaded once and shared by all sessions made from it. Immutable and thread-safe.
///
/// Compression, renegotiation and early data are off. Sessions are resumed from a `tls_session_store` only, which
/// belongs to one identity. OpenSSL's security level is at least 2: keys below 112 bits of security (RSA below 2048
/// bits, curves below 224) and signatures by SHA-1 or MD5 are refused, in the whole chain. The files are read when it
/// is made and never again.
class tls_context {
public:
    /// For clients. `invalid_argument` for a wrong setting; `tls_failed` naming the file that is missing, unreadable or
    /// not what it should be, or the key that does not belong to its certificate. Loading the system's CAs takes some
    /// milliseconds: make few.
    [[nodiscard]] static result<std::shared_ptr<const tls_context>> client(const tls_settings& settings);
    /// For servers. Errors as above.
    [[nodiscard]] static result<std::shared_ptr<const tls_context>> server(const tls_server_settings& settings);

    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;
    ~tls_context();

    [[nodiscard]] bool is_server() const noexcept { return is_server_; }
    [[nodiscard]] tls_verify verify() const noexcept { return verify_; }
    /// The name that stands in for the host's, empty when none does.
    [[nodiscard]] const std::string& server_name() const noexcept { return server_name_; }
    [[nodiscard]] bool resumes_sessions() const noexcept { return resumes_sessions_; }
    /// OpenSSL's SSL_CTX.
    [[nodiscard]] ssl_ctx_st* native() const noexcept { return native_; }

private:
    tls_context(ssl_ctx_st* native, bool is_server) noexcept : native_(native), is_server_(is_server) {}

    ssl_ctx_st* native_;
    bool is_server_;
    tls_verify verify_ = tls_verify::full;
    bool resumes_sessions_ = false;
    std::string server_name_;
    std::string alpn_;  // in the form of RFC 7301
};

/// One TLS connection on a socket, or inside another TLS connection, which it does not own and which must outlive it.
/// Belongs to the socket's loop, like it.
///
/// Reading may have to wait until the socket is writable and writing until it is readable: whoever gets `want_read` or
/// `want_write` awaits exactly that and calls again, a write with the same bytes as before. After `failed` nothing but
/// destruction is possible, and `failure()` says why.
class tls_session {
public:
    /// `host` is the name or address literal that is connected to: it is what the certificate has to be for, unless the
    /// context names another; a name is also sent as SNI (RFC 6066). Sends nothing yet. `tls_failed` when `host` can be
    /// no certificate's name. `sessions`, if any, is where a session to resume comes from and where new ones go.
    [[nodiscard]] static result<std::unique_ptr<tls_session>> client(
        std::shared_ptr<const tls_context> context, socket& below, std::string_view host,
        std::shared_ptr<tls_session_store> sessions = nullptr);
    /// The same through a TLS connection that has finished its handshake: to a server behind a proxy that is spoken to
    /// by TLS.
    [[nodiscard]] static result<std::unique_ptr<tls_session>> client(
        std::shared_ptr<const tls_context> context, tls_session& below, std::string_view host,
        std::shared_ptr<tls_session_store> sessions = nullptr);
    [[nodiscard]] static result<std::unique_ptr<tls_session>> server(std::shared_ptr<const tls_context> context,
                                                                     socket& below);
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;
    ~tls_session();

    /// The whole handshake. `tls_failed` with the reason, `connect_failed` when the connection broke, `connect_timeout`
    /// at `deadline`.
    [[nodiscard]] task<result<void>> handshake(time_point deadline);
    /// One step of it: `done`, `want_read`, `want_write` or `failed`.
    [[nodiscard]] io_result handshake_step() noexcept;

    /// `end` only after the peer's close_notify: a connection that breaks off without one has `failed`, because what is
    /// missing may have been cut off by someone else (RFC 8446, section 6.1).
    [[nodiscard]] io_result read_some(std::span<char> space) noexcept;
    [[nodiscard]] io_result write_some(std::span<const char> data) noexcept;
    /// Sends close_notify: `done`, `want_write` or `failed`. Does not wait for the peer's.
    [[nodiscard]] io_result shutdown_step() noexcept;

    /// Bytes have been received that `read_some` has not handed out.
    [[nodiscard]] bool has_pending() const noexcept;
    /// Handles what has arrived as far as it is no application data (session tickets, key updates). True when there was
    /// nothing else and the connection still works.
    [[nodiscard]] bool process_idle_records() noexcept;

    /// The protocol agreed on by ALPN; empty when none was. Valid as long as the session.
    [[nodiscard]] std::string_view alpn() const noexcept;
    /// "TLSv1.3".
    [[nodiscard]] std::string_view version() const noexcept;
    /// The handshake resumed an earlier session.
    [[nodiscard]] bool resumed() const noexcept;
    /// Why the last step `failed`; `tls_failed`, or `connection_closed` when the connection broke after the handshake.
    [[nodiscard]] error failure() const;

    class impl;

private:
    friend class tls_context;
    /// Lets sessions of clients by `context` come to their stores.
    static void keep_sessions_of(ssl_ctx_st* context) noexcept;
    explicit tls_session(std::unique_ptr<impl> implementation) noexcept;
    [[nodiscard]] static result<std::unique_ptr<tls_session>> prepare(std::unique_ptr<impl> made,
                                                                      std::string_view host);
    std::unique_ptr<impl> impl_;
};

}  // namespace lido::net

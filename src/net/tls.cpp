#include "lido/net/tls.hpp"

#include "lido/base/assert.hpp"
#include "lido/net/connect.hpp"
#include "net/tls_bio.hpp"
#include "net/tls_errors.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace lido::net {

/// What OpenSSL refers to, at an address that stays.
class tls_session::impl {
public:
    impl(std::shared_ptr<const tls_context> from, socket& on, tls_session* inside = nullptr) noexcept
        : context(std::move(from)), below(on) {
        transport.below = &on;
        transport.through = inside;
    }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;
    ~impl() { SSL_free(ssl); }

    [[nodiscard]] result<void> start();
    [[nodiscard]] result<void> expect(std::string_view host);
    [[nodiscard]] bool resumes() const noexcept { return sessions != nullptr && context->resumes_sessions(); }
    /// Offers a session of the store, if there is one.
    void offer_session() noexcept;
    /// The handshake has ended well. False: but what was resumed had never been verified.
    [[nodiscard]] bool settle_handshake() noexcept;
    /// OpenSSL has a session that could be resumed.
    static int on_session(SSL* of, SSL_SESSION* session) noexcept;
    /// What the return value of an OpenSSL call means. `bytes` counts when it succeeded.
    [[nodiscard]] io_result judge(int outcome, std::size_t bytes) noexcept;

    const std::shared_ptr<const tls_context> context;
    socket& below;
    detail::bio_state transport;
    SSL* ssl = nullptr;
    std::shared_ptr<tls_session_store> sessions;  // null: none is resumed
    bool offered = false;                         // a session
    std::string expected;                         // the name or address that the certificate has to be for
    detail::verify_failure refused;
    unsigned long failed_code = 0;  // of OpenSSL's error queue
    int failed_errno = 0;
    bool failed = false;
    bool established = false;

private:
    static int on_verified(int accepted, X509_STORE_CTX* verification) noexcept;
    void note_failure() noexcept;
};

result<void> tls_session::impl::start() {
    ERR_clear_error();
    ssl = SSL_new(context->native());
    BIO* const bio = ssl != nullptr ? detail::make_bio(transport) : nullptr;
    if (bio == nullptr) return error(errc::tls_failed, "OpenSSL cannot make a TLS session", "free some memory");
    SSL_set_bio(ssl, bio, bio);
    SSL_set_ex_data(ssl, 0, this);  // index 0 is the application's
    if (!context->is_server() && !resumes()) SSL_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context->native()), on_verified);
    if (context->is_server()) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
    }
    return {};
}

/// Says to OpenSSL, and for a name to the peer, whom this client wants to talk to.
result<void> tls_session::impl::expect(std::string_view host) {
    expected = context->server_name().empty() ? std::string(host) : context->server_name();
    if (expected.ends_with('.')) expected.pop_back();
    X509_VERIFY_PARAM* const demands = SSL_get0_param(ssl);
    if (const auto literal = address::from_literal(expected, 0)) {
        expected = literal->host_text();
        const std::string without_zone = expected.substr(0, expected.find('%'));
        if (X509_VERIFY_PARAM_set1_ip_asc(demands, without_zone.c_str()) == 1) return {};
        return error(errc::tls_failed, fmt::format("no certificate can be for the address {}", expected));
    }
    // A name with a dot in front would match everything below it. It is sent in the clear: nothing that could end a
    // line of somebody's log.
    const bool a_name = !expected.empty() && !expected.starts_with('.') && expected.size() <= 253 &&
                        std::none_of(expected.begin(), expected.end(),
                                     [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == '\x7f'; });
    // Names are looked for where they belong, in the subjectAltName (RFC 9525, section 2), and a wildcard is a label.
    X509_VERIFY_PARAM_set_hostflags(demands,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (!a_name || X509_VERIFY_PARAM_set1_host(demands, expected.data(), expected.size()) != 1 ||
        SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, expected.data()) != 1) {
        return error(errc::tls_failed, "no certificate can be for this host name", "check the host name");
    }
    return {};
}

void tls_session::impl::offer_session() noexcept {
    SSL_SESSION* const earlier = resumes() ? sessions->take() : nullptr;
    if (earlier == nullptr) return;
    offered = SSL_set_session(ssl, earlier) == 1;
    SSL_SESSION_free(earlier);
}

bool tls_session::impl::settle_handshake() noexcept {
    established = true;
    if (context->is_server()) return true;
    const bool was_resumed = SSL_session_reused(ssl) == 1;
    // A session carries what its first handshake found out about the certificate.
    refused.code = static_cast<int>(SSL_get_verify_result(ssl));
    if (was_resumed && context->verify() == tls_verify::full && refused.code != X509_V_OK) return false;
    refused.code = 0;
    if (sessions != nullptr) sessions->count(was_resumed);
    return true;
}

int tls_session::impl::on_session(SSL* of, SSL_SESSION* session) noexcept {
    const auto* const self = static_cast<const impl*>(SSL_get_ex_data(of, 0));
    const bool verified = self->context->verify() == tls_verify::none || SSL_get_verify_result(of) == X509_V_OK;
    if (self->resumes() && verified) self->sessions->put(session);
    return 0;  // the store has a copy of its own
}

/// Called for each certificate of the chain; takes down why the first of them is refused.
int tls_session::impl::on_verified(int accepted, X509_STORE_CTX* verification) noexcept {
    if (accepted == 1) return 1;
    const auto* const ssl =
        static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* const self = static_cast<impl*>(SSL_get_ex_data(ssl, 0));
    if (self->refused.code == 0) self->refused = detail::describe_failure(verification);
    return 0;
}

io_result tls_session::impl::judge(int outcome, std::size_t bytes) noexcept {
    if (outcome == 1) return {io_status::done, bytes, 0};
    switch (SSL_get_error(ssl, outcome)) {
        case SSL_ERROR_WANT_READ:
            return {io_status::want_read, 0, 0};
        case SSL_ERROR_WANT_WRITE:
            return {io_status::want_write, 0, 0};
        case SSL_ERROR_ZERO_RETURN:
            return {io_status::end, 0, 0};
        default:
            note_failure();
            return {io_status::failed, 0, failed_errno};
    }
}

void tls_session::impl::note_failure() noexcept {
    failed = true;
    failed_code = ERR_peek_error();
    // A failure above the socket may be followed by one of it, when the alert cannot be sent.
    failed_errno = failed_code == 0 ? transport.error : 0;
}

void tls_session::keep_sessions_of(ssl_ctx_st* context) noexcept {
    SSL_CTX_sess_set_new_cb(context, impl::on_session);
}

tls_session::tls_session(std::unique_ptr<impl> implementation) noexcept : impl_(std::move(implementation)) {}

tls_session::~tls_session() = default;

result<std::unique_ptr<tls_session>> tls_session::prepare(std::unique_ptr<impl> made, std::string_view host) {
    if (auto started = made->start(); !started) return std::move(started).error();
    if (auto accepted = made->expect(host); !accepted) return std::move(accepted).error();
    made->offer_session();
    return std::unique_ptr<tls_session>(new tls_session(std::move(made)));
}

result<std::unique_ptr<tls_session>> tls_session::client(std::shared_ptr<const tls_context> context, socket& below,
                                                         std::string_view host,
                                                         std::shared_ptr<tls_session_store> sessions) {
    LIDO_ASSERT(context != nullptr && !context->is_server());
    auto made = std::make_unique<impl>(std::move(context), below);
    made->sessions = std::move(sessions);
    return prepare(std::move(made), host);
}

result<std::unique_ptr<tls_session>> tls_session::client(std::shared_ptr<const tls_context> context, tls_session& below,
                                                         std::string_view host,
                                                         std::shared_ptr<tls_session_store> sessions) {
    LIDO_ASSERT(context != nullptr && !context->is_server() && below.impl_->established);
    auto made = std::make_unique<impl>(std::move(context), below.impl_->below, &below);
    made->sessions = std::move(sessions);
    return prepare(std::move(made), host);
}

result<std::unique_ptr<tls_session>> tls_session::server(std::shared_ptr<const tls_context> context, socket& below) {
    LIDO_ASSERT(context != nullptr && context->is_server());
    auto made = std::make_unique<impl>(std::move(context), below);
    if (auto started = made->start(); !started) return std::move(started).error();
    return std::unique_ptr<tls_session>(new tls_session(std::move(made)));
}

task<result<void>> tls_session::handshake(time_point deadline) {
    io_result step;
    while (true) {
        step = handshake_step();
        if (step.status == io_status::done) co_return result<void>();
        if (step.status != io_status::want_read && step.status != io_status::want_write) co_return failure();
        const bool ready = co_await impl_->below.readiness(step.status, deadline);
        if (!ready) {
            co_return error(errc::connect_timeout, "not finished in time",
                            "check that the peer speaks TLS on this port, and its load; or raise the time-out");
        }
    }
}

io_result tls_session::handshake_step() noexcept {
    if (impl_->failed) return {io_status::failed, 0, impl_->failed_errno};
    ERR_clear_error();
    const io_result step = impl_->judge(SSL_do_handshake(impl_->ssl), 0);
    if (step.status == io_status::done && impl_->settle_handshake()) return step;
    if (step.status == io_status::want_read || step.status == io_status::want_write) return step;
    // Whatever the reason: the next handshake is a whole one.
    if (impl_->offered) impl_->sessions->clear();
    impl_->failed = true;
    return {io_status::failed, 0, impl_->failed_errno};
}

io_result tls_session::read_some(std::span<char> space) noexcept {
    if (impl_->failed) return {io_status::failed, 0, impl_->failed_errno};
    if (space.empty()) return {io_status::done, 0, 0};
    ERR_clear_error();
    std::size_t got = 0;
    const int outcome = SSL_read_ex(impl_->ssl, space.data(), space.size(), &got);
    return impl_->judge(outcome, got);
}

io_result tls_session::write_some(std::span<const char> data) noexcept {
    if (impl_->failed) return {io_status::failed, 0, impl_->failed_errno};
    if (data.empty()) return {io_status::done, 0, 0};
    ERR_clear_error();
    std::size_t sent = 0;
    const int outcome = SSL_write_ex(impl_->ssl, data.data(), data.size(), &sent);
    return impl_->judge(outcome, sent);
}

io_result tls_session::shutdown_step() noexcept {
    // Before its handshake has ended, or after a failure, a session has nothing to say any more.
    if (impl_->failed || !impl_->established) return {io_status::failed, 0, impl_->failed_errno};
    ERR_clear_error();
    const int outcome = SSL_shutdown(impl_->ssl);
    return impl_->judge(outcome >= 0 ? 1 : outcome, 0);
}

bool tls_session::has_pending() const noexcept {
    if (impl_->transport.through != nullptr && impl_->transport.through->has_pending()) return true;
    // A record's header that has come without its body has left the buffer already: "RB" is "read body".
    return SSL_has_pending(impl_->ssl) == 1 || std::strcmp(SSL_rstate_string(impl_->ssl), "RB") == 0;
}

bool tls_session::process_idle_records() noexcept {
    if (impl_->failed) return false;
    ERR_clear_error();
    char byte = 0;
    std::size_t got = 0;
    const int outcome = SSL_peek_ex(impl_->ssl, &byte, 1, &got);
    if (outcome == 1) return false;
    // Part of a record may be part of anything.
    return impl_->judge(outcome, 0).status == io_status::want_read && !has_pending();
}

std::string_view tls_session::alpn() const noexcept {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(impl_->ssl, &name, &size);
    return {reinterpret_cast<const char*>(name), size};  // NOLINT: bytes as characters
}

bool tls_session::resumed() const noexcept {
    return SSL_session_reused(impl_->ssl) == 1;
}

std::string_view tls_session::version() const noexcept {
    return SSL_get_version(impl_->ssl);
}

error tls_session::failure() const {
    const bool cut_off =
        impl_->failed_code == 0 || (ERR_GET_LIB(impl_->failed_code) == ERR_LIB_SSL &&
                                    ERR_GET_REASON(impl_->failed_code) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
    if (impl_->refused.code != 0) return detail::certificate_error(impl_->refused, impl_->expected);
    if (!cut_off) return detail::protocol_failure(impl_->failed_code);
    const tls_session* const through = impl_->transport.through;
    if (through != nullptr && through->impl_->failed) return through->failure();
    const std::string reason =
        impl_->failed_errno != 0 ? plain_reason(impl_->failed_errno) : "the peer ended the connection";
    if (!impl_->established) return {errc::connect_failed, fmt::format("{} during the handshake", reason)};
    if (impl_->failed_errno != 0) return {errc::connection_closed, reason};
    return {errc::connection_closed, "the peer ended the connection without TLS close_notify, so data may be missing"};
}

}  // namespace lido::net

#include "lido/net/tls_session_store.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <new>

namespace lido::net {
namespace {

constexpr long longest_life = 24L * 60 * 60;

/// Its time is not over, by the peer's word and by ours, and the certificate it stands for is still valid.
bool is_good(const SSL_SESSION* session) noexcept {
    if (SSL_SESSION_is_resumable(session) != 1) return false;
    long life = std::min(SSL_SESSION_get_timeout(session), longest_life);
    const auto hint = static_cast<long>(SSL_SESSION_get_ticket_lifetime_hint(session));
    if (hint > 0) life = std::min(life, hint);
    const long age = static_cast<long>(std::time(nullptr)) - SSL_SESSION_get_time(session);
    if (age < 0 || age >= life) return false;
    // OpenSSL's getter of the certificate changes nothing, but wants a session that could be changed.
    const X509* const peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session));  // NOLINT
    return peer != nullptr && X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

}  // namespace

tls_session_store::~tls_session_store() {
    clear();
}

std::size_t tls_session_store::size() const {
    const std::lock_guard held(mutex_);
    return sessions_.size();
}

void tls_session_store::clear() noexcept {
    const std::lock_guard held(mutex_);
    for (SSL_SESSION* const each : sessions_) SSL_SESSION_free(each);
    sessions_.clear();
}

void tls_session_store::put(const SSL_SESSION* offered) noexcept {
    if (!is_good(offered)) return;
    // A copy, because OpenSSL notes in a session how its connection ended, and that on the connection's own thread.
    SSL_SESSION* const copy = SSL_SESSION_dup(offered);
    if (copy == nullptr) return;
    const std::lock_guard held(mutex_);
    if (sessions_.size() == capacity) {
        SSL_SESSION_free(sessions_.front());
        sessions_.erase(sessions_.begin());
    }
    try {
        sessions_.push_back(copy);
    } catch (const std::bad_alloc&) {  // the next handshake is a whole one then
        SSL_SESSION_free(copy);
    }
}

SSL_SESSION* tls_session_store::take() noexcept {
    const std::lock_guard held(mutex_);
    while (!sessions_.empty()) {
        SSL_SESSION* const newest = sessions_.back();
        const bool good = is_good(newest);
        if (good && SSL_SESSION_get_protocol_version(newest) < TLS1_3_VERSION) return SSL_SESSION_dup(newest);
        sessions_.pop_back();
        if (good) return newest;
        SSL_SESSION_free(newest);
    }
    return nullptr;
}

void tls_session_store::count(bool was_resumed) noexcept {
    handshakes_.fetch_add(1, std::memory_order_relaxed);
    if (was_resumed) resumed_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace lido::net

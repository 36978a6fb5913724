// Lido: TLS sessions to resume.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

struct ssl_session_st;

namespace lido::net {

/// The TLS sessions that one identity may resume, so that its next handshakes need no certificates and, in TLS 1.2, a
/// round trip less. Whoever shares a store says that its connections are interchangeable: same peer, same settings,
/// same client certificate. There is no such thing as a store for all.
///
/// It holds at most `capacity` sessions, the newest ones, each for a day at most. One of TLS 1.3 is handed out once
/// (RFC 8446, appendix C.4); one of TLS 1.2 again and again. A session whose certificate has expired meanwhile is not
/// handed out. Never is data sent before the handshake has ended (0-RTT): it could be replayed. In memory only.
///
/// Thread-safe.
class tls_session_store {
public:
    static constexpr std::size_t capacity = 8;

    tls_session_store() = default;
    tls_session_store(const tls_session_store&) = delete;
    tls_session_store& operator=(const tls_session_store&) = delete;
    ~tls_session_store();

    [[nodiscard]] std::size_t size() const;
    void clear() noexcept;

    /// Handshakes of clients that ended well, and how many of them resumed a session.
    [[nodiscard]] std::uint64_t handshakes() const noexcept { return handshakes_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t resumed() const noexcept { return resumed_.load(std::memory_order_relaxed); }

private:
    friend class tls_session;
    /// A copy of `offered` is kept, if it can be resumed at all.
    void put(const ssl_session_st* offered) noexcept;
    /// The newest session that is still good, owned by the caller; null: none.
    [[nodiscard]] ssl_session_st* take() noexcept;
    void count(bool was_resumed) noexcept;

    mutable std::mutex mutex_;
    std::vector<ssl_session_st*> sessions_;  // the newest last
    std::atomic<std::uint64_t> handshakes_{0};
    std::atomic<std::uint64_t> resumed_{0};
};

}  // namespace lido::net

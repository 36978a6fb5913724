// Lido: the one error vocabulary of all pools and clients.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace lido {

/// What can go wrong, whatever the kind of connection. Each value's message names the usual cause and the remedy.
enum class errc {
    acquire_timeout = 1,  ///< no connection became free before the deadline
    queue_full,           ///< as many callers as allowed were waiting already
    pool_exhausted,       ///< all connections in use and the pool was told not to wait
    pool_closed,          ///< the pool is closed or draining
    pool_paused,          ///< the pool is paused, and the deadline came before it was resumed
    would_deadlock,       ///< every lease is held by a caller that waits for another lease of the same pool
    connect_failed,       ///< a new connection could not be opened
    connect_timeout,      ///< a new connection was not ready in time
    resolve_failed,       ///< the host name has no address, or no name server answered
    tls_failed,           ///< the TLS handshake failed, or the peer's certificate was not accepted
    read_timeout,         ///< the peer sent nothing for too long
    write_timeout,        ///< the peer took nothing for too long
    timeout,              ///< the deadline over the whole operation came
    connection_closed,    ///< the peer closed the connection, or the network broke it
    maybe_executed,    ///< no proper answer came after the request was sent: the peer may have acted on it; see `cause`
    protocol_error,    ///< the peer broke the protocol
    limit_exceeded,    ///< something was larger than its limit: header, body, number of headers …
    cancelled,         ///< the caller cancelled
    invalid_argument,  ///< an argument or setting is out of range or malformed
    check_failed,      ///< a health check found the connection unusable
    reset_failed,      ///< a connection could not be brought back to a clean state
    circuit_open,      ///< a circuit breaker refuses
    rate_limited,      ///< a rate limit refuses
};

/// The category of `errc`; its name is "lido".
[[nodiscard]] const std::error_category& error_category() noexcept;
[[nodiscard]] std::error_code make_error_code(errc value) noexcept;

/// "connect_failed": the name of the value as it stands in this header; stable, for metrics and reports.
[[nodiscard]] std::string_view name_of(errc value) noexcept;

}  // namespace lido

template <>
struct std::is_error_code_enum<lido::errc> : std::true_type {};

namespace lido {

/// The numbers of a pool at the moment at which it refused.
struct pool_numbers {
    std::size_t max = 0;
    std::size_t idle = 0;
    std::size_t leased = 0;
    std::size_t connecting = 0;
    std::size_t waiting = 0;
};

/// An error as a value: a code, what happened to what, what to do, and, where a pool refused, its numbers then.
///
/// Copying is cheap (one reference count), moving cheaper; distinct objects may be used from different threads. No
/// secret is ever put into one: whoever makes an error leaves out passwords, tokens and query strings.
class error {
public:
    /// `what` says in one clause what happened to what ("connect to 127.0.0.1:80: refused").
    error(errc code, std::string what, std::string remedy = {});
    error(std::error_code code, std::string what, std::string remedy = {});

    [[nodiscard]] std::error_code code() const noexcept { return code_; }
    /// What happened to what; empty only when moved from.
    [[nodiscard]] const std::string& what() const noexcept;
    /// What the caller can do about it.
    [[nodiscard]] std::string remedy() const;
    /// The error that led to this one: a time-out of `acquire` carries the last failed connect.
    [[nodiscard]] const error* cause() const noexcept;
    /// The pool's numbers, when a pool refused.
    [[nodiscard]] const std::optional<pool_numbers>& numbers() const noexcept;

    [[nodiscard]] error with_cause(error cause) &&;
    [[nodiscard]] error with_numbers(const pool_numbers& numbers) &&;
    /// Puts `context` and ": " before `what`.
    [[nodiscard]] error with_context(std::string_view context) &&;

    /// One line: "what (code's message); cause: …; remedy: …; pool: max 10, …".
    [[nodiscard]] std::string message() const;

    /// Same code; the texts may differ.
    [[nodiscard]] friend bool operator==(const error& left, errc right) noexcept {
        return left.code_ == make_error_code(right);
    }

private:
    struct details;
    [[nodiscard]] details& own();

    std::error_code code_;
    std::shared_ptr<const details> details_;
};

/// What `result::value()` throws.
class exception : public std::runtime_error {
public:
    explicit exception(lido::error error) : std::runtime_error(error.message()), error_(std::move(error)) {}
    [[nodiscard]] const lido::error& error() const noexcept { return error_; }

private:
    lido::error error_;
};

}  // namespace lido

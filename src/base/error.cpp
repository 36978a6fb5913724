#include "lido/base/error.hpp"

#include <fmt/format.h>

#include <array>

namespace lido {
namespace {

struct vocabulary_entry {
    errc code;
    std::string_view name;
    std::string_view message;
    std::string_view remedy;
};

constexpr std::array vocabulary{
    vocabulary_entry{errc::acquire_timeout, "acquire_timeout", "no connection became free in time",
                     "return leases sooner, raise max_size, or allow a longer acquire time-out"},
    vocabulary_entry{errc::queue_full, "queue_full", "too many callers are waiting for a connection",
                     "raise max_size or max_waiters, or send less at once"},
    vocabulary_entry{errc::pool_exhausted, "pool_exhausted", "all connections are in use",
                     "raise max_size, or let callers wait (when_full = wait)"},
    vocabulary_entry{errc::pool_closed, "pool_closed", "the pool is closed", "open a new pool"},
    vocabulary_entry{errc::pool_paused, "pool_paused", "the pool is paused", "resume the pool"},
    vocabulary_entry{errc::would_deadlock, "would_deadlock",
                     "every lease is held by a caller that waits for another lease of this pool",
                     "take one lease at a time, or raise max_size to callers x (leases each - 1) + 1"},
    vocabulary_entry{errc::connect_failed, "connect_failed", "the connection could not be opened",
                     "check that the server runs and that address and port are right"},
    vocabulary_entry{errc::connect_timeout, "connect_timeout", "the connection was not ready in time",
                     "check network and firewall, or raise the connect time-out"},
    vocabulary_entry{errc::resolve_failed, "resolve_failed", "the host name could not be resolved",
                     "check the spelling of the host name and the name server"},
    vocabulary_entry{errc::tls_failed, "tls_failed", "the TLS handshake failed",
                     "check the certificate's name, date and issuer, or name the CA that signed it"},
    vocabulary_entry{errc::read_timeout, "read_timeout", "the peer sent nothing for too long",
                     "check the server's load, or raise the read time-out"},
    vocabulary_entry{errc::write_timeout, "write_timeout", "the peer accepted nothing for too long",
                     "check the server's load, or raise the write time-out"},
    vocabulary_entry{errc::timeout, "timeout", "the operation took longer than allowed",
                     "check the server's load, or raise the time-out"},
    vocabulary_entry{errc::connection_closed, "connection_closed", "the connection was closed", "try again"},
    vocabulary_entry{errc::maybe_executed, "maybe_executed",
                     "no proper answer came after the request was sent; the peer may have acted on it",
                     "find out whether it was done before sending it again"},
    vocabulary_entry{errc::protocol_error, "protocol_error", "the peer broke the protocol",
                     "check that the address belongs to a server of this kind"},
    vocabulary_entry{errc::limit_exceeded, "limit_exceeded", "a limit was exceeded",
                     "raise the limit if the size is legitimate"},
    vocabulary_entry{errc::cancelled, "cancelled", "the operation was cancelled", "none needed"},
    vocabulary_entry{errc::invalid_argument, "invalid_argument", "an argument is not valid", "correct the argument"},
    vocabulary_entry{errc::check_failed, "check_failed", "the health check failed", "none needed: it was replaced"},
    vocabulary_entry{errc::reset_failed, "reset_failed", "the connection could not be reset",
                     "none needed: it was closed"},
    vocabulary_entry{errc::circuit_open, "circuit_open", "the circuit breaker is open",
                     "wait until the service has recovered"},
    vocabulary_entry{errc::rate_limited, "rate_limited", "the rate limit refuses", "send less often"},
};

const vocabulary_entry* find(int value) noexcept {
    for (const vocabulary_entry& entry : vocabulary) {
        if (static_cast<int>(entry.code) == value) return &entry;
    }
    return nullptr;
}

class lido_category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "lido"; }
    [[nodiscard]] std::string message(int value) const override {
        const vocabulary_entry* entry = find(value);
        return entry != nullptr ? std::string(entry->message) : fmt::format("unknown error {}", value);
    }
};

/// A message ends up in logs and on terminals, and may hold what somebody else has sent: control bytes become visible,
/// so that nothing in it begins a line of its own.
std::string one_line(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7F) {
            shown += c;
        } else if (c == '\n') {
            shown += "\\n";
        } else {
            shown += fmt::format("\\x{:02x}", byte);
        }
    }
    return shown;
}

}  // namespace

const std::error_category& error_category() noexcept {
    static const lido_category category;
    return category;
}

std::error_code make_error_code(errc value) noexcept {
    return {static_cast<int>(value), error_category()};
}

std::string_view name_of(errc value) noexcept {
    const vocabulary_entry* entry = find(static_cast<int>(value));
    return entry != nullptr ? entry->name : std::string_view("unknown");
}

struct error::details {
    std::string what;
    std::string remedy;
    std::optional<error> cause;
    std::optional<pool_numbers> numbers;
};

error::error(errc code, std::string what, std::string remedy)
    : error(make_error_code(code), std::move(what), std::move(remedy)) {}

error::error(std::error_code code, std::string what, std::string remedy)
    : code_(code), details_(std::make_shared<details>(details{std::move(what), std::move(remedy), {}, {}})) {}

const std::string& error::what() const noexcept {
    static const std::string none;
    return details_ ? details_->what : none;
}

std::string error::remedy() const {
    if (details_ && !details_->remedy.empty()) return details_->remedy;
    if (code_.category() == error_category()) {
        if (const vocabulary_entry* entry = find(code_.value())) return std::string(entry->remedy);
    }
    return {};
}

const error* error::cause() const noexcept {
    return details_ && details_->cause ? &*details_->cause : nullptr;
}

const std::optional<pool_numbers>& error::numbers() const noexcept {
    static const std::optional<pool_numbers> none;
    return details_ ? details_->numbers : none;
}

/// The details as this object's alone, so that a change is not seen through a copy.
error::details& error::own() {
    auto copy = details_ ? std::make_shared<details>(*details_) : std::make_shared<details>();
    details& mine = *copy;
    details_ = std::move(copy);
    return mine;
}

error error::with_cause(error cause) && {
    own().cause = std::move(cause);
    return std::move(*this);
}

error error::with_numbers(const pool_numbers& numbers) && {
    own().numbers = numbers;
    return std::move(*this);
}

error error::with_context(std::string_view context) && {
    details& mine = own();
    mine.what = fmt::format("{}: {}", context, mine.what);
    return std::move(*this);
}

std::string error::message() const {
    std::string text = what().empty() ? code_.message() : fmt::format("{} ({})", what(), code_.message());
    if (const error* reason = cause()) text += fmt::format("; cause: {}", reason->what());
    if (const std::string help = remedy(); !help.empty()) text += fmt::format("; remedy: {}", help);
    if (const auto& pool = numbers()) {
        text += fmt::format("; pool: max {}, idle {}, leased {}, connecting {}, waiting {}", pool->max, pool->idle,
                            pool->leased, pool->connecting, pool->waiting);
    }
    return one_line(text);
}

}  // namespace lido

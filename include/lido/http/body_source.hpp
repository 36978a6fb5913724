// Lido: the content of a request that is not held in memory.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/task.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace lido::http {

/// Gives the content of a request piece by piece, see `request::body`. Write your own, or let `body_from` make one of a
/// function.
///
/// It is asked for the next piece when the peer has taken the last one, never twice at once, on the I/O thread of the
/// connection, which need not be the same one for a second sending. Whoever sends it shares it until the exchange has
/// ended. A task that it returned may be destroyed where it is suspended; nothing is asked for after that but `rewind`.
class body_source {
public:
    body_source() noexcept = default;
    body_source(const body_source&) = delete;
    body_source& operator=(const body_source&) = delete;
    virtual ~body_source() = default;

    /// How many bytes it gives in all, if that is known: then they are announced by Content-Length, and giving more or
    /// fewer breaks the request off. Otherwise HTTP/1.1 sends them in chunks. Always the same answer.
    [[nodiscard]] virtual std::optional<std::uint64_t> size() const noexcept { return std::nullopt; }

    /// Puts the next bytes at the front of `space`, which is not empty, and says how many; 0 is the end, and may be
    /// said again. An error breaks the request off and is what its sender gets. `space` is valid until the task has
    /// ended or was destroyed.
    [[nodiscard]] virtual task<result<std::size_t>> read(std::span<char> space) = 0;

    /// Can it begin again? One that cannot is sent at most once: no retry after its first piece was asked for, and no
    /// redirect that keeps the body. Always the same answer.
    [[nodiscard]] virtual bool can_rewind() const noexcept { return false; }

    /// For senders: called before each sending, the first one included. Errors: `invalid_argument` when it was begun
    /// before and cannot be rewound; what `rewind` says.
    [[nodiscard]] result<void> begin();
    /// For senders: may it be sent (again)?
    [[nodiscard]] bool may_begin() const noexcept { return !begun_.load(std::memory_order_acquire) || can_rewind(); }

protected:
    /// Goes back to the first byte. Called only where `can_rewind`.
    [[nodiscard]] virtual result<void> rewind() { return {}; }

private:
    std::atomic<bool> begun_{false};
};

/// What `body_from` calls, see `body_source::read`.
using body_reader = std::function<task<result<std::size_t>>(std::span<char> space)>;

/// A source that calls `read` for each piece, and `rewind`, if there is one, before it is sent a second time.
[[nodiscard]] std::shared_ptr<body_source> body_from(body_reader read, std::optional<std::uint64_t> size = std::nullopt,
                                                     std::function<result<void>()> rewind = {});

}  // namespace lido::http

// Lido: asking a body source while something else is waited for as well.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/http/body_source.hpp"

#include <coroutine>
#include <exception>
#include <optional>
#include <span>
#include <utility>

namespace lido::http {

/// A read from a body source that goes on by itself, so that its owner can wait for the peer meanwhile. Belongs to one
/// scheduler; destroying it gives up the read.
class source_reading {
public:
    source_reading() noexcept = default;
    source_reading(const source_reading&) = delete;
    source_reading& operator=(const source_reading&) = delete;
    ~source_reading() {
        if (driver_) driver_.destroy();
    }

    /// Asks for a piece into `space`; not while one is asked for. It may be there at once.
    void start(body_source& from, std::span<char> space) {
        lido::detail::detached made = drive(this, from.read(space));
        driver_ = made.handle;
        made.handle.resume();
    }
    [[nodiscard]] bool is_running() const noexcept { return driver_ != nullptr; }
    [[nodiscard]] bool has_ended() const noexcept { return piece_.has_value() || thrown_ != nullptr; }

    /// What the source said, once it has ended; or rethrows what it threw.
    [[nodiscard]] result<std::size_t> take() {
        if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
        result<std::size_t> piece = std::move(*piece_);
        piece_.reset();
        return piece;
    }

    /// Who goes on when the read ends; null: nobody.
    void set_waiter(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }

private:
    static lido::detail::detached drive(source_reading* self, task<result<std::size_t>> body) {
        try {
            self->piece_.emplace(co_await std::move(body));
        } catch (...) {
            self->thrown_ = std::current_exception();
        }
        // Awaiting a task leaves its frame with it.
        body.reset();  // NOLINT(bugprone-use-after-move)
        self->driver_ = nullptr;
        // Last of all: who goes on may destroy the owner.
        if (self->waiter_) std::exchange(self->waiter_, nullptr).resume();
    }

    std::coroutine_handle<> driver_;
    std::coroutine_handle<> waiter_;
    std::optional<result<std::size_t>> piece_;
    std::exception_ptr thrown_;
};

}  // namespace lido::http

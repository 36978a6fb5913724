// Lido: asking a pool for a connection.
#pragma once

#include "lido/pool/detail/pool_state.hpp"

#include <utility>

namespace lido::pool {

/// The lazy operation that `pool::acquire` returns; an `operation<lease>` that costs no coroutine frame when awaited on
/// a scheduler, and no hop to an I/O thread when waited for by a plain thread.
template <connector Connector>
class [[nodiscard]] acquire_operation {
public:
    using value_type = lease<Connector>;
    using owner_type = detail::pool_state<Connector>;

    acquire_operation(owner_type& owner, const acquire_options& options) noexcept : owner_(&owner), options_(options) {}

    /// Blocks until granted or refused. On an I/O thread it returns `would_deadlock` instead.
    [[nodiscard]] result<value_type> wait() const {
        if (scheduler::current() != nullptr) {
            return error(errc::would_deadlock, "wait() called on an I/O thread",
                         "co_await the operation there, or call wait() from another thread");
        }
        return owner_type::wrap(owner_, owner_->acquire_blocking(options_));
    }

    /// See `operation::start`.
    template <std::invocable<result<value_type>> Function>
    void start(Function function, std::stop_token stop = {}) && {
        std::move(*this).as_operation().start(std::move(function), std::move(stop));
    }

    class awaiter {
    public:
        awaiter(owner_type& owner, const acquire_options& options) noexcept
            : owner_(owner), options_(options), inner_(owner.acquire(options)) {}
        awaiter(awaiter&&) = delete;
        [[nodiscard]] bool await_ready() { return scheduler::current() != nullptr && inner_.await_ready(); }
        [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter) {
            if (scheduler::current() != nullptr) {
                inner_.await_suspend(waiter);
                return true;
            }
            return remote_.emplace(&owner_.group(), body(owner_, options_)).await_suspend(waiter);
        }
        [[nodiscard]] result<value_type> await_resume() {
            if (remote_) return remote_->await_resume();
            return owner_type::wrap(&owner_, inner_.await_resume());
        }

    private:
        owner_type& owner_;
        acquire_options options_;
        core::acquire_awaiter inner_;
        std::optional<typename operation<value_type>::awaiter> remote_;
    };
    [[nodiscard]] awaiter operator co_await() const noexcept { return {*owner_, options_}; }

    [[nodiscard]] operation<value_type> as_operation() && { return {owner_->group(), body(*owner_, options_)}; }

private:
    static task<result<value_type>> body(owner_type& owner, acquire_options options) {
        result<core::granted> outcome = co_await owner.acquire(options);
        co_return owner_type::wrap(&owner, std::move(outcome));
    }

    owner_type* owner_;
    acquire_options options_;
};

}  // namespace lido::pool

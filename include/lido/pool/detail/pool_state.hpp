// Lido: a pool's core with its connector.
#pragma once

#include "lido/pool/connector.hpp"
#include "lido/pool/lease.hpp"

#include <exception>
#include <utility>

namespace lido::pool::detail {

/// Binds a kind of connection to the core: a task for each operation, which turns what the connector throws into an
/// error and tells the core the outcome.
template <connector Connector>
class pool_state final : public core {
public:
    using connection = typename Connector::connection;

    pool_state(scheduler_group& group, const settings& initial, Connector kind, observer* watcher)
        : core(group, initial, watcher, roaming<Connector>), kind_(std::move(kind)) {}

    [[nodiscard]] Connector& kind() noexcept { return kind_; }

    /// `owner` is touched only when something was granted: the pool may be gone when a refusal is read.
    [[nodiscard]] static result<lease<Connector>> wrap(pool_state* owner, result<granted> outcome) {
        if (!outcome) return std::move(outcome).error();
        return lease<Connector>(*owner, owner->kind_, *outcome);
    }

private:
    task<void> open_task(slot_id slot, scheduler& where, time_point deadline) override {
        const open_request request{where, deadline, connection_events(*this, slot)};
        std::unique_ptr<connection> made;
        std::uint32_t capacity = 0;
        error reason(errc::connect_failed, "the connector made no connection");
        try {
            auto outcome = co_await kind_.open(request);
            if (outcome) {
                made = std::move(*outcome);
                if (made != nullptr) capacity = kind_.capacity(*made);
            } else {
                reason = std::move(outcome).error();
            }
        } catch (const std::exception& thrown) {
            made.reset();
            reason = error(errc::connect_failed, thrown.what());
        } catch (...) {
            made.reset();
            reason = error(errc::connect_failed, "the connector threw what is no std::exception");
        }
        if (made == nullptr) {
            finish_open_failed(slot, reason);
        } else {
            finish_open(slot, made.release(), capacity);
        }
    }

    task<void> check_task(slot_id slot, void* which, time_point deadline) override {
        bool works = false;
        try {
            const auto outcome = co_await kind_.check(*static_cast<connection*>(which), deadline);
            works = outcome.has_value();
        } catch (...) {
            works = false;
        }
        finish_check(slot, works);
    }

    task<void> reset_task(slot_id slot, void* which, time_point deadline) override {
        bool clean = false;
        if constexpr (requires(connection& each) { kind_.reset(each, deadline); }) {
            try {
                const auto outcome = co_await kind_.reset(*static_cast<connection*>(which), deadline);
                clean = outcome.has_value();
            } catch (...) {
                clean = false;
            }
        } else {
            static_cast<void>(which);
            static_cast<void>(deadline);
        }
        finish_reset(slot, clean);
        co_return;
    }

    task<void> close_task(slot_id slot, void* which, time_point deadline) override {
        const slot_id closing = slot;
        try {
            co_await kind_.close(*static_cast<connection*>(which), deadline);
        } catch (...) {
            // It is destroyed in any case.
        }
        finish_close(closing);
    }

    void cut(void* which) noexcept override {
        if constexpr (requires(connection& each) { kind_.cut(each); }) kind_.cut(*static_cast<connection*>(which));
    }

    void destroy(void* which) noexcept override { delete static_cast<connection*>(which); }

    Connector kind_;
};

}  // namespace lido::pool::detail

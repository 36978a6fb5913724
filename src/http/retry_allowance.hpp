// Lido: how many retries the requests to one origin may have.
#pragma once

#include "lido/base/time.hpp"
#include "lido/resilience/retry_budget.hpp"

#include <mutex>
#include <optional>

namespace lido::http {

/// A retry budget for the requests of all threads; without settings there is no end of it.
class retry_allowance {
public:
    explicit retry_allowance(const std::optional<resilience::retry_budget_settings>& settings) {
        if (settings) budget_.emplace(*settings);
    }

    /// A request is sent for the first time.
    void note_request(time_point now) {
        if (!budget_) return;
        const std::lock_guard held(mutex_);
        budget_->note_request(now);
    }
    /// May a retry be sent? Then it has been counted.
    [[nodiscard]] bool try_spend(time_point now) {
        if (!budget_) return true;
        const std::lock_guard held(mutex_);
        return budget_->try_spend(now);
    }

private:
    std::mutex mutex_;
    std::optional<resilience::retry_budget> budget_;  // whether there is one never changes
};

}  // namespace lido::http

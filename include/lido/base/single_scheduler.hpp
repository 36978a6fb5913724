// Lido: one scheduler as a group.
#pragma once

#include "lido/base/scheduler.hpp"

namespace lido {

/// One scheduler as a group of its own, so that an operation can be sent to exactly that one. Lives as long as the
/// operation is awaited.
class single_scheduler final : public scheduler_group {
public:
    explicit single_scheduler(scheduler& only) noexcept : only_(only) {}
    [[nodiscard]] std::uint32_t size() const noexcept override { return 1; }
    [[nodiscard]] scheduler& at(std::uint32_t) noexcept override { return only_; }
    [[nodiscard]] scheduler& pick() noexcept override { return only_; }

private:
    scheduler& only_;
};

}  // namespace lido

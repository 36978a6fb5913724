// Lido: the clients and services that live, for `client::close_all`.
#pragma once

#include "lido/base/operation.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace lido::http {

/// What can be closed by somebody who does not own it. Thread-safe.
class closable {
public:
    closable() = default;
    closable(const closable&) = delete;
    closable& operator=(const closable&) = delete;
    virtual ~closable() = default;

    /// As `client::close`; idempotent. The operation keeps this alive.
    [[nodiscard]] virtual operation<std::size_t> close_for_all(duration timeout) = 0;
};

/// From now on `all_living` knows it, for as long as it lives.
void enter_living(const std::shared_ptr<closable>& made);
[[nodiscard]] std::vector<std::shared_ptr<closable>> all_living();

}  // namespace lido::http

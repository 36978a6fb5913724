// Lido: a kind of connection that costs nothing, so that only the pool is measured.
#pragma once

#include "lido/pool/pool.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace lido::bench {

class null_connector {
public:
    struct connection {
        int number = 0;
    };
    [[nodiscard]] task<result<std::unique_ptr<connection>>> open(const pool::open_request&) {
        auto made = std::make_unique<connection>();
        co_return std::move(made);
    }
    [[nodiscard]] task<result<void>> check(connection&, time_point) {
        const result<void> works;
        co_return works;
    }
    [[nodiscard]] task<void> close(connection&, time_point) { co_return; }
    [[nodiscard]] std::uint32_t capacity(const connection&) const noexcept { return 1; }
    [[nodiscard]] pool::verdict usable(const connection&) const noexcept { return pool::verdict::clean; }
};

using null_pool = pool::pool<null_connector>;

}  // namespace lido::bench

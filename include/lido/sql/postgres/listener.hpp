// Lido: LISTEN and NOTIFY.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/sql/basic_lease.hpp"
#include "lido/sql/postgres/connector.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lido::postgres {

/// A connection that hears what NOTIFY sends. When it breaks, `next` fails, and what was sent until another one listens
/// is lost: look into the table that the notifications speak of. Not thread-safe; movable; one operation at a time.
class [[nodiscard]] listener {
public:
    using held = sql::detail::sql_held<connector>;
    explicit listener(std::shared_ptr<held> of) noexcept : held_(std::move(of)) {}

    /// Listens on a further channel, 1 … 63 bytes.
    [[nodiscard]] operation<void> listen(std::string channel);
    /// What has come since; waits for at least one until `timeout`, and brings none then. At most 10,000 are kept.
    [[nodiscard]] operation<std::vector<notification>> next(duration timeout);

private:
    std::shared_ptr<held> held_;
};

}  // namespace lido::postgres

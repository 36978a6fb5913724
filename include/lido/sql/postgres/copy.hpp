// Lido: COPY, in and out.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/sql/basic_lease.hpp"
#include "lido/sql/postgres/connector.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace lido::postgres {

/// Rows on their way into a table. Dropped before `finish` nothing of it is stored, and its connection is closed. Not
/// thread-safe; movable; one operation at a time.
class [[nodiscard]] copy_writer {
public:
    using held = sql::detail::sql_held<connector>;
    explicit copy_writer(std::shared_ptr<held> of) noexcept : held_(std::move(of)) {}

    /// Sends a piece of the data, which need not end with a row; waits until the system has taken it.
    [[nodiscard]] operation<void> write(std::string data);
    /// Makes it last; the number of rows. `maybe_executed` when the connection broke before the answer came.
    [[nodiscard]] operation<std::uint64_t> finish();

private:
    std::shared_ptr<held> held_;
};

/// Rows on their way out. Dropped before the end its connection is closed. Not thread-safe; movable.
class [[nodiscard]] copy_reader {
public:
    using held = sql::detail::sql_held<connector>;
    explicit copy_reader(std::shared_ptr<held> of) noexcept : held_(std::move(of)) {}

    /// Some whole rows, as the server wrote them, about 64 KiB; an empty text is the end. Nothing more is taken from
    /// the server until it is called again.
    [[nodiscard]] operation<std::string> next();

private:
    static task<result<std::string>> next_of(copy_reader* self);
    std::shared_ptr<held> held_;  // null after the end
};

}  // namespace lido::postgres

// Lido: several statements that go to the database together.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/statement.hpp"
#include "lido/sql/value.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace lido::sql {

/// Statements, each with its parameters, that are run in their order, all or none: PostgreSQL gets them at once and
/// answers them one behind the other (one round trip for all of them), MySQL and SQLite run them one after the other.
/// The first that fails ends the batch; those behind it are not executed.
///
/// Outside of a transaction a batch is one of its own: when one statement fails, nothing of it has happened. (Not with
/// what commits by itself, such as DDL in MySQL.) Within a transaction that is the transaction's matter: PostgreSQL
/// lets nothing but a rollback follow, with the others what was executed before the failure stands until there is one.
/// A batch that is given up, or runs out of time, or whose results are too large, is cancelled; outside of a
/// transaction all of it or none has happened then. Which of the two a `timeout` leaves open with PostgreSQL; with
/// MySQL and SQLite it means that none has, and a COMMIT that was not answered in time is `maybe_executed`.
///
/// A plain value. Its constructor is user-provided, so it is safe inside a `co_await` expression.
class batch {
public:
    /// Statements in a batch, which are the most that are under way on a connection at once.
    static constexpr std::size_t most = 1000;

    struct item {
        item(statement text, parameters values) : what(std::move(text)), with(std::move(values)) {}
        statement what;
        parameters with;
    };

    batch() noexcept {}  // NOLINT(modernize-use-equals-default): user-provided, see above

    /// Adds a statement; `values` are bound to its placeholders.
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    batch& add(statement what, Values&&... values) {
        return add_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    batch& add_with(statement what, parameters with) {
        items_.emplace_back(std::move(what), std::move(with));
        return *this;
    }

    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
    [[nodiscard]] const std::vector<item>& items() const noexcept { return items_; }

    /// `limit_exceeded` for more than `most` statements, `invalid_argument` for one that begins or ends a transaction.
    [[nodiscard]] result<void> validate() const;

private:
    std::vector<item> items_;
};

/// "statement 2 of 5", for errors.
[[nodiscard]] std::string place_in(const batch& of, std::size_t number);

}  // namespace lido::sql

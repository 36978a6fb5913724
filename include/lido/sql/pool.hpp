// Lido: a pool of connections to whatever database a URL names.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/pool/settings.hpp"
#include "lido/pool/statistics.hpp"
#include "lido/sql/batch.hpp"
#include "lido/sql/database_url.hpp"
#include "lido/sql/pool_settings.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/server_report.hpp"
#include "lido/sql/statement.hpp"
#include "lido/sql/transact.hpp"
#include "lido/sql/transaction_options.hpp"
#include "lido/sql/value.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lido::sql {

namespace detail {

struct any_transaction;
struct any_row_stream;
struct any_pool;

}  // namespace detail

/// A result that is fetched piece by piece; see `basic_row_stream`.
class [[nodiscard]] row_stream {
public:
    explicit row_stream(std::unique_ptr<detail::any_row_stream> held) noexcept;
    row_stream(row_stream&&) noexcept;
    row_stream& operator=(row_stream&&) noexcept;
    ~row_stream();
    [[nodiscard]] operation<rows> next();

private:
    std::unique_ptr<detail::any_row_stream> held_;
};

/// A transaction of any database; see `basic_transaction`. Dropped without `commit` it is rolled back.
class [[nodiscard]] transaction {
public:
    explicit transaction(std::unique_ptr<detail::any_transaction> held) noexcept;
    transaction(transaction&&) noexcept;
    transaction& operator=(transaction&&) noexcept;
    ~transaction();

    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<rows> query(statement what, Values&&... values) {
        return query_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<rows> query_with(statement what, parameters with);
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<row_stream> stream(statement what, Values&&... values) {
        return stream_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<row_stream> stream_with(statement what, parameters with);
    [[nodiscard]] operation<std::vector<rows>> run_batch(batch what);
    [[nodiscard]] operation<unsigned> savepoint();
    [[nodiscard]] operation<rows> rollback_to(unsigned point);
    [[nodiscard]] operation<void> commit();
    [[nodiscard]] operation<void> rollback();

private:
    std::unique_ptr<detail::any_transaction> held_;
};

/// One face for all databases: what they can do alike. What only one of them can is in its own pool (`postgres::pool`,
/// `mysql::pool`, `sqlite::pool`); placeholders and dialect are the database's own. It costs one allocation per
/// operation more than those.
///
/// Thread-safe; movable. The runtime must outlive it.
class pool {
public:
    /// A pool for `url`, see `database_url`; which options it may have is said at `postgres::settings::url`,
    /// `mysql::pool_settings::url` and `sqlite::pool_settings::from`. It opens nothing yet. Errors: `invalid_argument`
    /// naming what is wrong with the URL or the settings, never the password.
    [[nodiscard]] static result<pool> open(scheduler_group& group, std::string_view url,
                                           const pool_settings& settings = {});
    pool(pool&&) noexcept;
    pool& operator=(pool&&) = delete;
    ~pool();

    /// See `basic_pool::query` and the others there. A write that ends with `timeout` may have taken effect, unless the
    /// text says that nothing was sent: it was cancelled, and the cancel may have come too late. Lido never makes it
    /// again. docs/guide/sql.md says how to know.
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<rows> query(statement what, Values&&... values) {
        return query_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<rows> query_with(statement what, parameters with);
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<row_stream> stream(statement what, Values&&... values) {
        return stream_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<row_stream> stream_with(statement what, parameters with);
    [[nodiscard]] operation<rows> execute_many(statement what, std::vector<parameters> with);
    [[nodiscard]] operation<std::vector<rows>> run_batch(batch what);
    [[nodiscard]] operation<transaction> begin(const transaction_options& options = {});
    /// See `basic_pool::transact`; `work` is a coroutine function (transaction&) -> task<result<T>>.
    template <class Work>
    [[nodiscard]] auto transact(Work work, const transaction_options& options = {},
                                const transaction_retry& retry = {}) {
        using brought = detail::brought_by<Work, transaction>;
        return operation<brought>(group(), detail::transact_on<brought>(face(held_), std::move(work), options, retry));
    }

    /// Asks the database what it is.
    [[nodiscard]] operation<server_report> report();
    [[nodiscard]] database_kind kind() const noexcept;
    /// Of each pool of connections that there is underneath: one for each role of the database.
    [[nodiscard]] std::vector<lido::pool::statistics> statistics() const;
    [[nodiscard]] operation<std::size_t> close(duration timeout = std::chrono::seconds(10));

private:
    /// What `transact` needs, owned by its operation.
    class face {
    public:
        explicit face(std::shared_ptr<detail::any_pool> of) noexcept : of_(std::move(of)) {}
        [[nodiscard]] operation<transaction> begin(const transaction_options& options) const;
        [[nodiscard]] duration back_off(const back_off_settings& how, unsigned failures) const;

    private:
        std::shared_ptr<detail::any_pool> of_;
    };
    explicit pool(std::shared_ptr<detail::any_pool> held) noexcept;
    [[nodiscard]] scheduler_group& group() const noexcept;
    std::shared_ptr<detail::any_pool> held_;
};

}  // namespace lido::sql

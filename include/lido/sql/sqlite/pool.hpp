// Lido: a pool of connections to a SQLite database.
#pragma once

#include "lido/sql/basic_pool.hpp"
#include "lido/sql/server_report.hpp"
#include "lido/sql/sqlite/connector.hpp"
#include "lido/sql/sqlite/pool_settings.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace lido::sqlite {

/// One writer and many readers of a database file, or of one in memory (docs/design/sql_sqlite.md).
///
/// SQLite lets one connection write at a time, and in its WAL mode that disturbs no reader. So there are two pools: one
/// connection for all that writes, for which callers queue first come, first served, instead of waiting for SQLite's
/// lock; and up to `common.connections.max_size` that can only read. Worker threads run it, but for statements that
/// read and were short lately: those run on the I/O thread that asks, for as long as `pool_settings::longest_on_loop`
/// lets them, and may wait there for a page of the disk.
///
/// Thread-safe. The runtime must outlive it. It cannot be used in a forked child. Its last connection to close writes
/// the log back into the file: destroy it on a plain thread, not on an I/O thread.
class pool {
public:
    using lease = sql::basic_lease<connector>;
    using transaction = sql::basic_transaction<connector>;
    using row_stream = sql::basic_row_stream<connector>;
    using connections_of = sql::basic_pool<connector>;

    /// Throws `lido::exception` (`invalid_argument`, naming the setting). Opens nothing yet.
    pool(scheduler_group& group, const pool_settings& settings);
    pool(pool&&) noexcept = default;
    pool& operator=(pool&&) = delete;
    ~pool();

    /// See `sql::basic_pool::query`. What begins with SELECT, VALUES, WITH or EXPLAIN goes to a reader, unless SQLite
    /// finds there that it writes (`WITH … INSERT`); everything else goes to the writer.
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<sql::rows> query(sql::statement what, Values&&... values) {
        return query_with(std::move(what), sql::make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<sql::rows> query_with(sql::statement what, sql::parameters with);
    /// A large result, piece by piece, from where `query` would go. As long as it is read, its snapshot keeps the log
    /// from being written back.
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<row_stream> stream(sql::statement what, Values&&... values) {
        return stream_with(std::move(what), sql::make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<row_stream> stream_with(sql::statement what, sql::parameters with);
    /// The writer's connection, or a reader's when the file is opened read-only. See `readers` for the others.
    [[nodiscard]] operation<lease> acquire(const lido::pool::acquire_options& options = {}) {
        return first().acquire(options);
    }
    /// A transaction on the writer (BEGIN IMMEDIATE), or with `access_mode::read_only` on a reader: what is read there
    /// is one state of the database.
    [[nodiscard]] operation<transaction> begin(const sql::transaction_options& options = {}) {
        return side_of(options).begin(options);
    }
    /// See `sql::basic_pool::transact`.
    template <class Work>
    [[nodiscard]] auto transact(Work work, const sql::transaction_options& options = {},
                                const sql::transaction_retry& retry = {}) {
        return side_of(options).transact(std::move(work), options, retry);
    }
    /// See `sql::basic_pool::execute_many`; a single visit to the writer's thread.
    [[nodiscard]] operation<sql::rows> execute_many(sql::statement what, std::vector<sql::parameters> with) {
        return first().execute_many(std::move(what), std::move(with));
    }

    /// See `sql::basic_pool::run_batch`; on the writer's connection.
    [[nodiscard]] operation<std::vector<sql::rows>> run_batch(sql::batch what) {
        return first().run_batch(std::move(what));
    }

    [[nodiscard]] connections_of& readers() noexcept { return *readers_; }
    /// Null when the file is opened read-only.
    [[nodiscard]] connections_of* writer() noexcept { return writer_.get(); }
    /// SQLite's version, and whether this pool may write.
    [[nodiscard]] operation<sql::server_report> report();
    /// The readers' numbers, then the writer's if there is one.
    [[nodiscard]] std::vector<lido::pool::statistics> statistics() const;
    [[nodiscard]] duration back_off(const back_off_settings& how, unsigned failures) const {
        return readers_->back_off(how, failures);
    }
    [[nodiscard]] const pool_settings& settings() const noexcept { return settings_; }
    /// Both; the result is how many leases were still out.
    [[nodiscard]] operation<std::size_t> close(duration timeout = std::chrono::seconds(10));

private:
    [[nodiscard]] connections_of& first() noexcept { return writer_ ? *writer_ : *readers_; }
    [[nodiscard]] connections_of& side_of(const sql::transaction_options& options) noexcept {
        return options.access == sql::access_mode::read_only ? *readers_ : first();
    }

    scheduler_group* group_;
    pool_settings settings_;
    std::shared_ptr<connections_of> writer_;
    std::shared_ptr<connections_of> readers_;
};

}  // namespace lido::sqlite

// Lido: pools of every kind behind one interface.
#pragma once

#include "lido/sql/pool.hpp"
#include "lido/sql/replication_state.hpp"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::sql::detail {

/// A pool for a URL, as `pool::open` makes it.
[[nodiscard]] result<std::shared_ptr<any_pool>> open_any(scheduler_group& group, std::string_view url,
                                                         const pool_settings& settings);

struct any_transaction {
    any_transaction() = default;
    any_transaction(const any_transaction&) = delete;
    any_transaction& operator=(const any_transaction&) = delete;
    virtual ~any_transaction() = default;
    [[nodiscard]] virtual operation<rows> query_with(statement what, parameters with) = 0;
    [[nodiscard]] virtual operation<row_stream> stream_with(statement what, parameters with) = 0;
    [[nodiscard]] virtual operation<std::vector<rows>> run_batch(batch what) = 0;
    [[nodiscard]] virtual operation<unsigned> savepoint() = 0;
    [[nodiscard]] virtual operation<rows> rollback_to(unsigned point) = 0;
    [[nodiscard]] virtual operation<void> commit() = 0;
    [[nodiscard]] virtual operation<void> rollback() = 0;
};

struct any_row_stream {
    any_row_stream() = default;
    any_row_stream(const any_row_stream&) = delete;
    any_row_stream& operator=(const any_row_stream&) = delete;
    virtual ~any_row_stream() = default;
    [[nodiscard]] virtual operation<rows> next() = 0;
};

struct any_pool {
    any_pool() = default;
    any_pool(const any_pool&) = delete;
    any_pool& operator=(const any_pool&) = delete;
    virtual ~any_pool() = default;
    [[nodiscard]] virtual scheduler_group& group() const noexcept = 0;
    [[nodiscard]] virtual database_kind kind() const noexcept = 0;
    [[nodiscard]] virtual operation<rows> query_with(statement what, parameters with) = 0;
    [[nodiscard]] virtual operation<row_stream> stream_with(statement what, parameters with) = 0;
    [[nodiscard]] virtual operation<rows> execute_many(statement what, std::vector<parameters> with) = 0;
    [[nodiscard]] virtual operation<std::vector<rows>> run_batch(batch what) = 0;
    [[nodiscard]] virtual operation<transaction> begin(const transaction_options& options) = 0;
    [[nodiscard]] virtual operation<server_report> report() = 0;
    /// Its server's part in replication; `invalid_argument` where there is no such thing.
    [[nodiscard]] virtual operation<replication_state> replication() = 0;
    /// Its server's role has changed: nothing new runs on the connections of now.
    virtual void retire_all() = 0;
    [[nodiscard]] virtual std::vector<lido::pool::statistics> statistics() const = 0;
    [[nodiscard]] virtual duration back_off(const back_off_settings& how, unsigned failures) const = 0;
    [[nodiscard]] virtual operation<std::size_t> close(duration timeout) = 0;
};

template <class RowStream>
struct held_row_stream final : any_row_stream {
    explicit held_row_stream(RowStream of) : inner(std::move(of)) {}
    operation<rows> next() override { return inner.next(); }
    RowStream inner;
};

template <class RowStream>
task<result<row_stream>> wrap_stream(operation<RowStream> of) {
    result<RowStream> given = co_await std::move(of);
    if (!given) co_return std::move(given).error();
    co_return row_stream(std::make_unique<held_row_stream<RowStream>>(std::move(*given)));
}

template <class Transaction>
struct held_transaction final : any_transaction {
    explicit held_transaction(Transaction of) : inner(std::move(of)) {}
    operation<rows> query_with(statement what, parameters with) override {
        return inner.query_with(std::move(what), std::move(with));
    }
    operation<row_stream> stream_with(statement what, parameters with) override {
        auto begun = inner.stream_with(std::move(what), std::move(with));
        scheduler_group& group = begun.group();
        return {group, wrap_stream(std::move(begun))};
    }
    operation<std::vector<rows>> run_batch(batch what) override { return inner.run_batch(std::move(what)); }
    operation<unsigned> savepoint() override { return inner.savepoint(); }
    operation<rows> rollback_to(unsigned point) override { return inner.rollback_to(point); }
    operation<void> commit() override { return inner.commit(); }
    operation<void> rollback() override { return inner.rollback(); }
    Transaction inner;
};

/// A pool of one kind. Besides what `basic_pool` has, `Pool` has `back_off`, `report` and `statistics`.
template <class Pool, database_kind Kind>
struct held_pool final : any_pool {
    template <class Settings>
    held_pool(scheduler_group& of, const Settings& settings) : schedulers(of), inner(of, settings) {}

    scheduler_group& group() const noexcept override { return schedulers; }
    database_kind kind() const noexcept override { return Kind; }
    operation<rows> query_with(statement what, parameters with) override {
        return inner.query_with(std::move(what), std::move(with));
    }
    operation<row_stream> stream_with(statement what, parameters with) override {
        return {schedulers, wrap_stream(inner.stream_with(std::move(what), std::move(with)))};
    }
    operation<rows> execute_many(statement what, std::vector<parameters> with) override {
        return inner.execute_many(std::move(what), std::move(with));
    }
    operation<std::vector<rows>> run_batch(batch what) override { return inner.run_batch(std::move(what)); }
    operation<transaction> begin(const transaction_options& options) override {
        return {schedulers, wrap_transaction(inner.begin(options))};
    }
    operation<server_report> report() override { return inner.report(); }
    operation<replication_state> replication() override {
        if constexpr (requires { inner.replication(); }) {
            return inner.replication();
        } else {
            return {schedulers, no_replication()};
        }
    }
    void retire_all() override {
        if constexpr (requires { inner.retire_all(); }) {
            inner.retire_all();
        }
    }
    std::vector<lido::pool::statistics> statistics() const override { return inner.statistics(); }
    duration back_off(const back_off_settings& how, unsigned failures) const override {
        return inner.back_off(how, failures);
    }
    operation<std::size_t> close(duration timeout) override { return inner.close(timeout); }

    static task<result<transaction>> wrap_transaction(operation<typename Pool::transaction> of) {
        result<typename Pool::transaction> given = co_await std::move(of);
        if (!given) co_return std::move(given).error();
        co_return transaction(std::make_unique<held_transaction<typename Pool::transaction>>(std::move(*given)));
    }

    static task<result<replication_state>> no_replication() {
        co_return error(lido::errc::invalid_argument, "this kind of database has no replicas", "use sql::pool");
    }

    scheduler_group& schedulers;
    Pool inner;
};

}  // namespace lido::sql::detail

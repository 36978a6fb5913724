#include "lido/sql/pool.hpp"

#include "lido/sql/mysql/pool.hpp"
#include "lido/sql/postgres/pool.hpp"
#include "lido/sql/sqlite/pool.hpp"
#include "sql/any_pool.hpp"

#include <utility>

namespace lido::sql {
namespace {

using opened = result<std::shared_ptr<detail::any_pool>>;

template <class Pool, database_kind Kind, class Settings>
opened open_as(scheduler_group& group, const result<Settings>& settings) {
    if (!settings) return settings.error();
    return std::shared_ptr<detail::any_pool>(std::make_shared<detail::held_pool<Pool, Kind>>(group, *settings));
}

/// A new kind of database has its line here. Each kind says what a URL means to it, and checks its options.
opened open_kind(scheduler_group& group, std::string_view text, const database_url& url, const pool_settings& common) {
    switch (url.kind) {
        case database_kind::postgres:
            return open_as<postgres::pool, database_kind::postgres>(group, postgres::settings::from(text, common));
        case database_kind::mysql:
            return open_as<mysql::pool, database_kind::mysql>(group, mysql::pool_settings::from(text, common));
        case database_kind::sqlite:
            break;
    }
    return open_as<sqlite::pool, database_kind::sqlite>(group, sqlite::pool_settings::from(url, common));
}

}  // namespace

// ---- transaction ----------------------------------------------------------------------------------------------------

transaction::transaction(std::unique_ptr<detail::any_transaction> held) noexcept : held_(std::move(held)) {}
transaction::transaction(transaction&&) noexcept = default;
transaction& transaction::operator=(transaction&&) noexcept = default;
transaction::~transaction() = default;

operation<rows> transaction::query_with(statement what, parameters with) {
    return held_->query_with(std::move(what), std::move(with));
}
operation<row_stream> transaction::stream_with(statement what, parameters with) {
    return held_->stream_with(std::move(what), std::move(with));
}
operation<std::vector<rows>> transaction::run_batch(batch what) {
    return held_->run_batch(std::move(what));
}
operation<unsigned> transaction::savepoint() {
    return held_->savepoint();
}
operation<rows> transaction::rollback_to(unsigned point) {
    return held_->rollback_to(point);
}
operation<void> transaction::commit() {
    return held_->commit();
}
operation<void> transaction::rollback() {
    return held_->rollback();
}

// ---- row_stream -----------------------------------------------------------------------------------------------------

row_stream::row_stream(std::unique_ptr<detail::any_row_stream> held) noexcept : held_(std::move(held)) {}
row_stream::row_stream(row_stream&&) noexcept = default;
row_stream& row_stream::operator=(row_stream&&) noexcept = default;
row_stream::~row_stream() = default;

operation<rows> row_stream::next() {
    return held_->next();
}

// ---- pool -----------------------------------------------------------------------------------------------------------

result<std::shared_ptr<detail::any_pool>> detail::open_any(scheduler_group& group, std::string_view url,
                                                           const pool_settings& settings) {
    if (auto valid = settings.validate(); !valid) return std::move(valid).error();
    auto parsed = database_url::parse(url);
    if (!parsed) return std::move(parsed).error();
    return open_kind(group, url, *parsed, settings);
}

result<pool> pool::open(scheduler_group& group, std::string_view url, const pool_settings& settings) {
    auto made = detail::open_any(group, url, settings);
    if (!made) return std::move(made).error();
    return pool(std::move(*made));
}

pool::pool(std::shared_ptr<detail::any_pool> held) noexcept : held_(std::move(held)) {}
pool::pool(pool&&) noexcept = default;
pool::~pool() = default;

operation<rows> pool::query_with(statement what, parameters with) {
    return held_->query_with(std::move(what), std::move(with));
}
operation<row_stream> pool::stream_with(statement what, parameters with) {
    return held_->stream_with(std::move(what), std::move(with));
}
operation<rows> pool::execute_many(statement what, std::vector<parameters> with) {
    return held_->execute_many(std::move(what), std::move(with));
}
operation<std::vector<rows>> pool::run_batch(batch what) {
    return held_->run_batch(std::move(what));
}
operation<transaction> pool::begin(const transaction_options& options) {
    return held_->begin(options);
}
operation<server_report> pool::report() {
    return held_->report();
}
database_kind pool::kind() const noexcept {
    return held_->kind();
}
std::vector<lido::pool::statistics> pool::statistics() const {
    return held_->statistics();
}
operation<std::size_t> pool::close(duration timeout) {
    return held_->close(timeout);
}
scheduler_group& pool::group() const noexcept {
    return held_->group();
}
operation<transaction> pool::face::begin(const transaction_options& options) const {
    return of_->begin(options);
}
duration pool::face::back_off(const back_off_settings& how, unsigned failures) const {
    return of_->back_off(how, failures);
}

}  // namespace lido::sql

#include "lido/sql/pool.hpp"

#include "lido/sql/sqlite/pool.hpp"
#include "sql/any_pool.hpp"

#include <fmt/format.h>

#include <utility>

namespace lido::sql {
namespace {

using opened = result<std::shared_ptr<detail::any_pool>>;

/// `Settings::from(url, common)` says what the URL means to its kind.
template <class Pool, class Settings, database_kind Kind>
opened open_as(scheduler_group& group, const database_url& url, const pool_settings& common) {
    result<Settings> settings = Settings::from(url, common);
    if (!settings) return std::move(settings).error();
    return std::shared_ptr<detail::any_pool>(std::make_shared<detail::held_pool<Pool, Kind>>(group, *settings));
}

/// A new kind of database has its line here.
opened open_kind(scheduler_group& group, const database_url& url, const pool_settings& common) {
    switch (url.kind) {
        case database_kind::sqlite:
            return open_as<sqlite::pool, sqlite::pool_settings, database_kind::sqlite>(group, url, common);
        case database_kind::postgres:
        case database_kind::mysql:
            break;
    }
    return error(lido::errc::invalid_argument, fmt::format("database URL: {}: not in this build", url.to_text()),
                 "use sqlite:file.db");
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

result<pool> pool::open(scheduler_group& group, std::string_view url, const pool_settings& settings) {
    if (auto valid = settings.validate(); !valid) return std::move(valid).error();
    auto parsed = database_url::parse(url);
    if (!parsed) return std::move(parsed).error();
    auto made = open_kind(group, *parsed, settings);
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

#include "lido/sql/sqlite/pool.hpp"

#include "lido/base/worker_threads.hpp"
#include "lido/sql/error.hpp"
#include "sql/sqlite/database.hpp"
#include "sql/sqlite/keyword.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace lido::sqlite {
namespace {

using connections = sql::basic_pool<connector>;

const pool_settings& checked(const pool_settings& settings) {
    settings.validate().value();
    return settings;
}

/// Each connection has one call under way at most, and one that closes it.
std::shared_ptr<worker_threads> threads_of(std::string name, std::uint32_t count) {
    worker_threads_settings made;
    made.name = std::move(name);
    made.threads = count;
    made.max_queued = 1 << 20;
    return std::make_shared<worker_threads>(std::move(made));
}

sql::pool_settings writers(const pool_settings& settings) {
    sql::pool_settings made = settings.common;
    made.connections.name += " writer";
    made.connections.max_size = 1;
    made.connections.min_size = std::min<std::size_t>(made.connections.min_size, 1);
    made.connections.on_full = lido::pool::when_full::wait;
    made.connections.sizing = lido::pool::fixed_sizing{};
    made.connections.budget = nullptr;
    return made;
}

bool goes_elsewhere(const result<sql::rows>& given) {
    return !given && given.error() == sql::errc::read_only;
}

/// The second one owns what it asks: the operation may outlive the pool's object.
task<result<sql::rows>> query_both(std::shared_ptr<connections> readers, std::shared_ptr<connections> writer,
                                   sql::statement what, sql::parameters with) {
    if (looks_like_reading(what.text())) {
        result<sql::rows> read = co_await readers->query_in_place(what, with);
        if (!goes_elsewhere(read)) co_return std::move(read);
    }
    result<sql::rows> written = co_await writer->query_in_place(what, with);
    co_return std::move(written);
}

task<result<pool::row_stream>> stream_both(std::shared_ptr<connections> readers, std::shared_ptr<connections> writer,
                                           sql::statement what, sql::parameters with) {
    if (looks_like_reading(what.text())) {
        operation<pool::row_stream> reading = readers->stream_with(what, with);
        result<pool::row_stream> read = co_await std::move(reading);
        if (read || !(read.error() == sql::errc::read_only)) co_return std::move(read);
    }
    operation<pool::row_stream> writing = writer->stream_with(std::move(what), std::move(with));
    result<pool::row_stream> written = co_await std::move(writing);
    co_return std::move(written);
}

task<result<std::size_t>> close_both(std::shared_ptr<connections> readers, std::shared_ptr<connections> writer,
                                     duration timeout) {
    operation<std::size_t> reading = readers->close(timeout);
    result<std::size_t> read = co_await std::move(reading);
    if (!read || writer == nullptr) co_return std::move(read);
    operation<std::size_t> writing = writer->close(timeout);
    result<std::size_t> written = co_await std::move(writing);
    if (!written) co_return std::move(written);
    co_return *read + *written;
}

/// Asks through the connection that matters: if there may be no writer, a reader.
task<result<sql::server_report>> report_of(std::shared_ptr<connections> asked, bool writes) {
    operation<sql::rows> asking = asked->query("SELECT 'SQLite ' || sqlite_version()");
    result<sql::rows> answer = co_await std::move(asking);
    if (!answer) co_return std::move(answer).error();
    sql::server_report made;
    made.kind = sql::database_kind::sqlite;
    made.version = (*answer)[0][0].to_text();
    made.role = writes ? "writer" : "read-only";
    made.tls = "not a network";
    co_return made;
}

}  // namespace

pool::pool(scheduler_group& group, const pool_settings& settings) : group_(&group), settings_(checked(settings)) {
    const auto shared = std::make_shared<database>(settings);
    readers_ = std::make_shared<connections>(
        group, settings.common,
        connector(shared, threads_of("lido-sqlite-r", settings.reader_threads), false, settings.common));
    if (settings.mode == open_mode::read_only) return;
    writer_ = std::make_shared<connections>(group, writers(settings),
                                            connector(shared, threads_of("lido-sqlite-w", 1), true, settings.common));
}

pool::~pool() = default;

operation<sql::rows> pool::query_with(sql::statement what, sql::parameters with) {
    if (writer_ == nullptr) return readers_->query_with(std::move(what), std::move(with));
    return {*group_, query_both(readers_, writer_, std::move(what), std::move(with))};
}

operation<pool::row_stream> pool::stream_with(sql::statement what, sql::parameters with) {
    if (writer_ == nullptr) return readers_->stream_with(std::move(what), std::move(with));
    return {*group_, stream_both(readers_, writer_, std::move(what), std::move(with))};
}

operation<sql::server_report> pool::report() {
    return {*group_, report_of(writer_ ? writer_ : readers_, writer_ != nullptr)};
}

std::vector<lido::pool::statistics> pool::statistics() const {
    std::vector<lido::pool::statistics> all;
    all.push_back(readers_->connections().statistics());
    if (writer_) all.push_back(writer_->connections().statistics());
    return all;
}

operation<std::size_t> pool::close(duration timeout) {
    return {*group_, close_both(readers_, writer_, timeout)};
}

}  // namespace lido::sqlite

// What a MySQL or MariaDB server says of itself.
#include "lido/base/run_on.hpp"
#include "lido/sql/mysql/pool.hpp"
#include "sql/mysql/gtids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace lido::mysql {
namespace {

using held = sql::detail::sql_held<connector>;

bool says_mariadb(const std::string& version) {
    return version.find("MariaDB") != std::string::npos;
}

/// "MariaDB 10.11.6" of "10.11.6-MariaDB-0+deb12u1".
std::string version_of(const std::string& said) {
    return fmt::format("{} {}", says_mariadb(said) ? "MariaDB" : "MySQL", said.substr(0, said.find('-')));
}

task<result<sql::server_report>> ask_there(std::shared_ptr<held> of, time_point deadline) {
    const held::turn mine(*of);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *of->lease;
    const sql::parameters none;
    sql::server_report made;
    made.kind = sql::database_kind::mysql;
    made.version = version_of(on.server_version());
    made.tls = on.protection();

    const sql::statement settings = "select @@global.read_only, @@global.max_connections";
    const result<sql::rows> set = co_await on.run(settings, none, deadline);
    if (!set) co_return set.error();
    if (set->empty()) co_return error(lido::errc::protocol_error, "the server said nothing about itself");
    const auto takes_no_writes = (*set)[0][0].as<bool>();
    if (!takes_no_writes) co_return takes_no_writes.error();
    made.role = *takes_no_writes ? "read-only" : "primary";

    const sql::statement threads = "show global status like 'Threads_connected'";
    const result<sql::rows> connected = co_await on.run(threads, none, deadline);
    if (!connected) co_return connected.error();
    const auto most = (*set)[0][1].as<std::int64_t>();
    if (most && !connected->empty()) {
        const auto count = (*connected)[0][1].as<std::int64_t>();
        if (count) made.remaining_connections = std::max<std::int64_t>(0, *most - *count);
    }

    const sql::statement following = "show replica status";
    const result<sql::rows> followed = co_await on.run(following, none, deadline);
    if (followed && !followed->empty()) made.role = "replica";
    const bool refused = !followed && on.state() == sql::session_state::idle;
    if (!followed && !refused) co_return followed.error();
    co_return made;
}

task<result<sql::server_report>> report_of(operation<pool::lease> acquiring) {
    result<pool::lease> borrowed = co_await std::move(acquiring);
    if (!borrowed) co_return std::move(borrowed).error();
    std::shared_ptr<held> of = borrowed->shared();
    scheduler& where = of->where();
    const time_point deadline = of->deadline();
    result<sql::server_report> made = co_await run_on(where, ask_there(std::move(of), deadline));
    co_return std::move(made);
}

/// MariaDB says the last number of each domain; MySQL has sets, because numbers may be missing.
result<sql::replication_state> read_replication(const sql::rows& answer, bool is_mariadb) {
    if (answer.empty()) return error(lido::errc::protocol_error, "the server said nothing about its replication");
    const auto takes_no_writes = answer[0][0].as<bool>();
    const auto text = answer[0][1].as<std::string>();
    if (!takes_no_writes) return takes_no_writes.error();
    if (!text) return text.error();
    result<sql::log_position> position = is_mariadb ? read_gtids(*text) : read_gtid_set(*text);
    if (!position) return std::move(position).error();
    sql::replication_state made;
    made.takes_writes = !*takes_no_writes;
    made.position = std::move(*position);
    return made;
}

task<result<sql::replication_state>> ask_replication_there(std::shared_ptr<held> of, time_point deadline) {
    const held::turn mine(*of);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *of->lease;
    const bool is_mariadb = says_mariadb(on.server_version());
    sql::statement question = "select @@global.read_only, @@global.gtid_executed";
    if (is_mariadb) question = "select @@global.read_only, @@global.gtid_current_pos";
    const sql::parameters none;
    const result<sql::rows> told = co_await on.run(question, none, deadline);
    if (!told) of->owner->note(told.error(), on);
    if (!told) co_return told.error();
    co_return read_replication(*told, is_mariadb);
}

task<result<sql::replication_state>> replication_of(operation<pool::lease> acquiring) {
    result<pool::lease> borrowed = co_await std::move(acquiring);
    if (!borrowed) co_return std::move(borrowed).error();
    std::shared_ptr<held> of = borrowed->shared();
    scheduler& where = of->where();
    const time_point deadline = of->deadline();
    result<sql::replication_state> made = co_await run_on(where, ask_replication_there(std::move(of), deadline));
    co_return std::move(made);
}

}  // namespace

operation<sql::replication_state> pool::replication() {
    operation<lease> acquiring = acquire();
    scheduler_group& group = acquiring.group();
    return {group, replication_of(std::move(acquiring))};
}

operation<sql::server_report> pool::report() {
    operation<lease> acquiring = acquire();
    scheduler_group& group = acquiring.group();
    return {group, report_of(std::move(acquiring))};
}

}  // namespace lido::mysql

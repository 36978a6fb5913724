// What a PostgreSQL server says of itself.
#include "lido/base/run_on.hpp"
#include "lido/sql/postgres/pool.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace lido::postgres {
namespace {

using held = sql::detail::sql_held<connector>;

/// Everybody may ask all of it. What is left is the least of what the server, the database and the role allow.
constexpr sql::statement question =
    "select current_setting('server_version'), pg_is_in_recovery(),"
    " current_setting('default_transaction_read_only') = 'on',"
    " greatest(0, least("
    "current_setting('max_connections')::bigint"
    " - case when r.rolsuper then 0 else current_setting('superuser_reserved_connections')::bigint end"
    " - (select sum(numbackends) from pg_stat_database),"
    "case when d.datconnlimit >= 0 and not r.rolsuper"
    " then d.datconnlimit - pg_stat_get_db_numbackends(d.oid) end,"
    "case when r.rolconnlimit >= 0 and not r.rolsuper"
    " then r.rolconnlimit - (select count(*) from pg_stat_activity where usesysid = r.oid) end))::bigint"
    " from pg_database d, pg_roles r where d.datname = current_database() and r.rolname = current_user";

/// A CASE asks only what may be asked of this kind of server. The timeline is the beginning of a log file's name.
constexpr sql::statement replication_question =
    "select not pg_is_in_recovery() and current_setting('default_transaction_read_only') = 'off',"
    " (case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0')"
    " else pg_current_wal_lsn() end - '0/0'::pg_lsn)::bigint,"
    " case when pg_is_in_recovery() then 0"
    " else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end";

std::string_view role_of(bool is_replica, bool takes_no_writes) noexcept {
    if (is_replica) return "replica";
    return takes_no_writes ? "read-only" : "primary";
}

result<sql::server_report> read_answer(const sql::rows& answer, std::string protection) {
    if (answer.empty()) return error(lido::errc::protocol_error, "PostgreSQL said nothing about itself");
    const sql::row only = answer[0];
    const auto version = only[0].as<std::string>();
    const auto is_replica = only[1].as<bool>();
    const auto takes_no_writes = only[2].as<bool>();
    const auto remaining = only[3].as<std::int64_t>();
    if (!version) return version.error();
    if (!is_replica) return is_replica.error();
    if (!takes_no_writes) return takes_no_writes.error();
    if (!remaining) return remaining.error();
    sql::server_report made;
    made.kind = sql::database_kind::postgres;
    made.version = fmt::format("PostgreSQL {}", version->substr(0, version->find(' ')));
    made.role = role_of(*is_replica, *takes_no_writes);
    made.tls = std::move(protection);
    made.remaining_connections = *remaining;
    return made;
}

task<result<sql::server_report>> ask_there(std::shared_ptr<held> of, time_point deadline) {
    const held::turn mine(*of);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *of->lease;
    const sql::statement what = question;
    const sql::parameters none;
    result<sql::rows> told = co_await on.run(what, none, deadline);
    if (!told) co_return std::move(told).error();
    co_return read_answer(*told, on.protection());
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

result<sql::replication_state> read_replication(const sql::rows& answer) {
    if (answer.empty()) return error(lido::errc::protocol_error, "PostgreSQL said nothing about its replication");
    const sql::row only = answer[0];
    const auto takes_writes = only[0].as<bool>();
    const auto position = only[1].as<std::uint64_t>();
    const auto epoch = only[2].as<std::uint64_t>();
    if (!takes_writes) return takes_writes.error();
    if (!position) return position.error();
    if (!epoch) return epoch.error();
    sql::replication_state made;
    made.takes_writes = *takes_writes;
    made.position.emplace(0, *position);
    made.epoch = *epoch;
    return made;
}

task<result<sql::replication_state>> replication_of(operation<sql::rows> asking) {
    const result<sql::rows> told = co_await std::move(asking);
    if (!told) co_return told.error();
    co_return read_replication(*told);
}

}  // namespace

operation<sql::replication_state> pool::replication() {
    operation<sql::rows> asking = query_with(replication_question, sql::parameters());
    scheduler_group& group = asking.group();
    return {group, replication_of(std::move(asking))};
}

operation<sql::server_report> pool::report() {
    operation<lease> acquiring = acquire();
    scheduler_group& group = acquiring.group();
    return {group, report_of(std::move(acquiring))};
}

}  // namespace lido::postgres

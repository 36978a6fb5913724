// Lido: a pool of PostgreSQL connections.
#pragma once

#include "lido/net/address_watch.hpp"
#include "lido/sql/basic_pool.hpp"
#include "lido/sql/postgres/connector.hpp"
#include "lido/sql/postgres/copy.hpp"
#include "lido/sql/postgres/listener.hpp"
#include "lido/sql/postgres/settings.hpp"
#include "lido/sql/replication_state.hpp"
#include "lido/sql/server_report.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lido::postgres {

/// A pool of connections to one PostgreSQL database: `sql::basic_pool`, with what only PostgreSQL has. Placeholders are
/// $1, $2 … Thread-safe.
///
///     lido::postgres::pool shop(io, {.url = "postgresql:///shop"});
///     auto found = shop.query("select name from outfit where size = $1", 38).wait();
class pool : public sql::basic_pool<connector> {
public:
    /// Throws `lido::exception` (`invalid_argument`, naming the setting) when `of` is not valid.
    pool(scheduler_group& group, const postgres::settings& of);

    /// As in `sql::basic_pool`. With `shared_connections` set, a statement that leaves nothing behind (it begins with
    /// SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES or TABLE, and is no SELECT … INTO) is sent behind those of
    /// others on one of the shared connections, without waiting for their answers: many times the statements for each
    /// connection and system call. Each stands alone: its own implicit transaction, its own error. What such a
    /// statement must not do is change the session by a function (set_config, pg_advisory_lock): take a lease for that.
    /// Where no shared connection has room within `shared_patience`, because what runs on them is slow, it takes an
    /// exclusive one; both waits together end by `acquire_timeout`, and then the error is that of the exclusive ones.
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<sql::rows> query(sql::statement what, Values&&... values) {
        return query_with(std::move(what), sql::make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<sql::rows> query_with(sql::statement what, sql::parameters with);

    /// COPY … FROM STDIN: many rows at once, in PostgreSQL's own text or CSV form.
    [[nodiscard]] operation<copy_writer> copy_in(sql::statement what);
    /// COPY … TO STDOUT.
    [[nodiscard]] operation<copy_reader> copy_out(sql::statement what);
    /// LISTEN on a connection that is lent to nobody else meanwhile. What was sent before it began is not heard.
    [[nodiscard]] operation<listener> listen(std::string channel);

    /// Version, role, protection, and how many connections the server still takes from this user, as far as it says.
    [[nodiscard]] operation<sql::server_report> report();
    /// Its part in replication: does it take writes, where is its log, on which timeline.
    [[nodiscard]] operation<sql::replication_state> replication();
    /// Nothing new runs on the connections of now.
    void retire_all();
    /// Of the pool of leases, then of that of shared connections if there is one.
    [[nodiscard]] std::vector<lido::pool::statistics> statistics() const;
    /// The pool of shared connections, if there is one; its leases are single statements.
    [[nodiscard]] connection_pool* shared_connections() noexcept { return shared_ ? &shared_->connections() : nullptr; }
    /// See `sql::basic_pool`; the shared connections are closed too.
    [[nodiscard]] operation<std::size_t> close(duration timeout = std::chrono::seconds(10));

private:
    using plain = sql::basic_pool<connector>;
    static task<result<std::size_t>> close_of(operation<std::size_t> first, operation<std::size_t> second);

    void follow_names(scheduler_group& group, const postgres::settings& of);

    /// Of shared connections.
    struct shared_pool : plain {
        using plain::plain;
        using plain::shared;
    };
    std::optional<shared_pool> shared_;
    std::unique_ptr<net::address_watch> names_;  // goes first: it calls the pools
};

}  // namespace lido::postgres

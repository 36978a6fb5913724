#include "lido/sql/postgres/connector.hpp"

#include "lido/net/event_loop.hpp"
#include "lido/net/resolver.hpp"
#include "lido/sql/basic_lease.hpp"
#include "sql/fence_pause.hpp"
#include "sql/postgres/connect_parameters.hpp"
#include "sql/postgres/session_implementation.hpp"
#include "sql/readable_files.hpp"

#include <fmt/format.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

namespace lido::postgres {

namespace {

session_options options_of(const settings& of, server_role role, sharing how) {
    session_options made;
    made.limits = {of.pool.max_result_bytes, of.pool.stream_rows, of.pool.stream_bytes};
    made.statement_cache = of.transaction_pooling ? 0 : of.pool.statement_cache;
    made.pipelined = how == sharing::pipelined;
    made.depth = made.pipelined ? of.pipeline_depth : 1;
    made.patience = of.shared_patience;
    made.cancel_abandoned = of.pool.cancel_abandoned;
    made.transaction_pooling = of.transaction_pooling;
    made.role = role;
    return made;
}

std::string name_of(const sql::server_place& place) {
    const std::string host = place.host.empty() ? std::string("the default host") : place.host;
    return place.port == 0 ? host : fmt::format("{}:{}", host, place.port);
}

/// A share of the time that is left, for the next of so many.
time_point share_of(time_point now, time_point deadline, std::size_t left) noexcept {
    return deadline_after(now, (deadline - now) / static_cast<duration::rep>(left));
}

}  // namespace

struct connector::shared_state {
    shared_state(const settings& from, sharing how_used)
        : of((from.validate().value(), with_url_options(from).value())),
          to(read_target(from).value()),
          how(how_used),
          options(options_of(of, to.role, how_used)) {
        for (std::size_t i = 0; i < to.places.size(); ++i) cancels.push_back(std::make_shared<cancel_lane>());
    }

    /// What was found while the hosts were tried.
    struct search {
        /// All of them are told: the last as the error, those before as its causes.
        void failed(error latest) {
            if (failure) latest = std::move(latest).with_cause(std::move(*failure));
            failure = std::move(latest);
        }
        std::optional<error> failure;
        std::unique_ptr<session> second_choice;  // that takes no writes
    };
    /// Numeric ones; of a UNIX socket an empty one.
    [[nodiscard]] task<result<std::vector<std::string>>> addresses_of(const sql::server_place& place,
                                                                      time_point deadline);
    /// A host's addresses, one after the other; null: none of them will do.
    [[nodiscard]] task<std::unique_ptr<session>> try_place(std::size_t number, bool is_last,
                                                           const pool::open_request& request, time_point deadline,
                                                           search& so_far);
    [[nodiscard]] task<result<std::unique_ptr<session>>> try_one(std::size_t number, const std::string& address,
                                                                 const pool::open_request& request,
                                                                 time_point deadline);
    /// May another host be better?
    [[nodiscard]] bool is_second_choice(const session& one) const noexcept {
        return to.role == server_role::primary && one.inside().is_read_only_by_default();
    }
    /// libpq goes on without a client's certificate that is not there.
    [[nodiscard]] result<void> check_files() const {
        if (to.tls == tls_mode::disable) return {};
        return sql::check_readable(
            {{"sslrootcert", to.ca_file}, {"sslcert", to.certificate_file}, {"sslkey", to.key_file}});
    }
    [[nodiscard]] bool suits(const session::implementation& one) const noexcept {
        if (to.role == server_role::any) return true;
        return one.is_replica() == (to.role == server_role::replica);
    }

    const settings of;
    const target to;
    const sharing how;
    const session_options options;
    std::vector<std::shared_ptr<cancel_lane>> cancels;  // of each place
    std::atomic<std::size_t> last_good{0};              // the place that was connected to last
    std::shared_ptr<sql::fence_pause> pause = std::make_shared<sql::fence_pause>();
    std::weak_ptr<pool_state> twin;  // is fenced together with this one
};

task<result<std::vector<std::string>>> connector::shared_state::addresses_of(const sql::server_place& place,
                                                                             time_point deadline) {
    std::vector<std::string> all;
    if (is_unix_socket(place)) {
        all.emplace_back();
        co_return std::move(all);
    }
    net::resolver& names = of.pool.names != nullptr ? *of.pool.names : net::default_resolver();
    task<result<std::vector<net::address>>> asked = names.resolve(place.host, place.port, deadline);
    result<std::vector<net::address>> found = co_await std::move(asked);
    if (!found) co_return std::move(found).error();
    for (const net::address& each : *found) all.push_back(each.host_text());
    co_return std::move(all);
}

task<result<std::unique_ptr<session>>> connector::shared_state::try_one(std::size_t number, const std::string& address,
                                                                        const pool::open_request& request,
                                                                        time_point deadline) {
    auto& loop = static_cast<net::event_loop&>(request.where);
    const sql::server_place& place = to.places[number];
    if (auto readable = check_files(); !readable) co_return std::move(readable).error();
    auto made = std::make_unique<session::implementation>(loop, options, cancels[number], request.events);
    const connect_parameters with(to, place, address);
    result<void> connected = co_await made->connect(with, deadline);
    if (!connected) {
        error failure = std::move(connected).error().with_context(fmt::format("connect to {}", name_of(place)));
        co_return std::move(failure);
    }
    if (!suits(*made)) {
        const std::string_view is = made->is_replica() ? "a replica" : "the primary";
        co_return error(sql::errc::read_only, fmt::format("connect to {}: it is {}", name_of(place), is),
                        "name all hosts of the cluster in the URL, or choose another role");
    }
    co_return std::make_unique<session>(std::move(made));
}

/// Its name is looked up only now, and within the host's time: the name of another one, of which nobody answers, is
/// nothing that this one has to wait for.
task<std::unique_ptr<session>> connector::shared_state::try_place(std::size_t number, bool is_last,
                                                                  const pool::open_request& request,
                                                                  time_point deadline, search& so_far) {
    result<std::vector<std::string>> addresses = co_await addresses_of(to.places[number], deadline);
    if (!addresses) {
        so_far.failed(std::move(addresses).error());
        co_return nullptr;
    }
    for (std::size_t i = 0; i < addresses->size(); ++i) {
        const time_point until = share_of(request.where.now(), deadline, addresses->size() - i);
        result<std::unique_ptr<session>> made = co_await try_one(number, (*addresses)[i], request, until);
        if (!made) {
            so_far.failed(std::move(made).error());
            continue;
        }
        const bool is_the_last = is_last && i + 1 == addresses->size();
        if (!is_second_choice(**made) || is_the_last) co_return std::move(*made);
        if (so_far.second_choice == nullptr) so_far.second_choice = std::move(*made);
    }
    co_return nullptr;
}

connector::connector(const settings& of, sharing how) : state_(std::make_shared<shared_state>(of, how)) {}

task<result<std::unique_ptr<session>>> connector::open(const pool::open_request& request) {
    const std::shared_ptr<shared_state> self = state_;
    const std::size_t count = self->to.places.size();
    const std::size_t first = self->last_good.load(std::memory_order_relaxed);
    shared_state::search so_far;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t number = (first + i) % count;
        const time_point until = share_of(request.where.now(), request.deadline, count - i);
        std::unique_ptr<session> made = co_await self->try_place(number, i + 1 == count, request, until, so_far);
        if (made == nullptr) continue;
        self->last_good.store(number, std::memory_order_relaxed);
        co_return std::move(made);
    }
    if (so_far.second_choice != nullptr) co_return std::move(so_far.second_choice);
    co_return std::move(*so_far.failure);
}

task<result<void>> connector::check(connection& which, time_point deadline) {
    return which.inside().check(deadline);
}

task<void> connector::close(connection& which, time_point deadline) {
    // libpq takes its leave, without waiting, in the destructor.
    static_cast<void>(which);
    static_cast<void>(deadline);
    co_return;
}

task<result<void>> connector::reset(connection& which, time_point deadline) {
    return which.inside().reset(state_->of.pool.reset, deadline);
}

void connector::cut(connection& which) noexcept {
    which.inside().cut();
}

std::uint32_t connector::capacity(const connection&) const noexcept {
    return state_->options.depth;
}

pool::verdict connector::usable(const connection& which) const noexcept {
    const sql::session_state now = which.state();
    if (state_->how == sharing::pipelined) {
        const bool works = now == sql::session_state::idle || now == sql::session_state::busy;
        // There is no reset: one that listens, by a function's doing, ends with what is under way.
        return works && !which.inside().is_listening() ? pool::verdict::clean : pool::verdict::broken;
    }
    const sql::reset_policy policy = state_->of.pool.reset;
    switch (now) {
        case sql::session_state::idle:
            if (which.inside().is_listening() || which.inside().cancel_is_on_its_way()) {
                return pool::verdict::needs_reset;
            }
            return policy == sql::reset_policy::full ? pool::verdict::needs_reset : pool::verdict::clean;
        case sql::session_state::open:
        case sql::session_state::failed:
            return policy == sql::reset_policy::none ? pool::verdict::broken : pool::verdict::needs_reset;
        case sql::session_state::busy:
            return state_->of.pool.cancel_abandoned ? pool::verdict::needs_reset : pool::verdict::broken;
        case sql::session_state::broken:
            break;
    }
    return pool::verdict::broken;
}

result<sql::statement> connector::begin_statement(const sql::transaction_options& options) const {
    std::string text = "BEGIN";
    switch (options.isolation) {
        case sql::isolation::server_default:
            break;
        case sql::isolation::read_uncommitted:
            text += " ISOLATION LEVEL READ UNCOMMITTED";
            break;
        case sql::isolation::read_committed:
            text += " ISOLATION LEVEL READ COMMITTED";
            break;
        case sql::isolation::repeatable_read:
            text += " ISOLATION LEVEL REPEATABLE READ";
            break;
        case sql::isolation::serializable:
            text += " ISOLATION LEVEL SERIALIZABLE";
            break;
    }
    if (options.access == sql::access_mode::read_only) text += " READ ONLY";
    if (options.access == sql::access_mode::read_write) text += " READ WRITE";
    if (options.deferrable) text += " DEFERRABLE";
    return sql::statement(sql::trusted_sql(std::move(text)));
}

bool connector::ends_generation(const error& failure, const connection& where) const noexcept {
    if (failure != sql::errc::read_only || state_->to.role == server_role::replica) return false;
    const session::implementation& inside = where.inside();
    if (inside.in_read_only_transaction()) return false;
    if (inside.is_replica()) return false;  // it was one when it was connected to: nothing has changed
    // PostgreSQL 14 and later say it: then it is the session that was made read-only, not the server.
    const bool says_writable = inside.on().parameter("in_hot_standby") == "off";
    if (says_writable && !inside.is_read_only_by_default()) return false;
    if (!state_->pause->ends(coarse_now())) return false;
    if (const std::shared_ptr<pool_state> twin = state_->twin.lock()) twin->connections.retire_all();
    return true;
}

void connector::fence_together(const std::shared_ptr<pool_state>& one, const std::shared_ptr<pool_state>& other) {
    shared_state& first = *one->connections.kind().state_;
    shared_state& second = *other->connections.kind().state_;
    first.twin = other;
    second.twin = one;
    second.pause = first.pause;
}

duration connector::patience() const noexcept {
    return state_->options.patience;
}

}  // namespace lido::postgres

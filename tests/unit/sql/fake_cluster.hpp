// Lido: servers of one database that are made up, of which one takes writes and the others follow it.
#pragma once

#include "lido/sql/basic_pool.hpp"
#include "lido/sql/database_url.hpp"
#include "lido/sql/error.hpp"
#include "lido/sql/replication_state.hpp"
#include "sql/any_pool.hpp"
#include "support/work.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lido::test {

struct fake_server {
    enum class condition : std::uint8_t {
        serves,
        gone,    ///< refuses connections, and has broken those that were
        silent,  ///< takes connections and questions, and never answers
        mute,    ///< the same, and yet does what it was asked to
    };
    std::string name;
    condition is = condition::serves;
    bool takes_writes = false;
    bool follows = true;  ///< applies what the primary writes
    std::uint64_t position = 0;
    std::uint64_t epoch = 0;
    std::vector<std::int64_t> written;
    int opened = 0;
    int last_written_on = 0;           ///< which of the connections that were opened
    std::function<void()> on_retired;  ///< called when the connections of a pool to it have been retired
};

/// By name, which is the host in a URL. Who follows has at once what the newest primary has, while both serve.
class fake_cluster {
public:
    [[nodiscard]] fake_server& at(const std::string& name) {
        fake_server& found = servers_[name];
        found.name = name;
        return found;
    }
    void write(fake_server& at, std::int64_t number) {
        at.written.push_back(number);
        ++at.position;
        stream();
    }
    void stream() {
        const fake_server* newest = nullptr;
        const auto is_newer = [](const fake_server& one, const fake_server& other) {
            return std::pair(one.epoch, one.position) > std::pair(other.epoch, other.position);
        };
        for (const auto& [name, each] : servers_) {
            if (each.takes_writes && (newest == nullptr || is_newer(each, *newest))) newest = &each;
        }
        if (newest == nullptr || newest->is != fake_server::condition::serves) return;
        for (auto& [name, each] : servers_) {
            const bool hears = each.is == fake_server::condition::serves && each.follows && !each.takes_writes;
            if (hears) each.position = newest->position;
        }
    }
    /// How often each number was written, wherever.
    [[nodiscard]] std::map<std::int64_t, int> written() const {
        std::map<std::int64_t, int> times;
        for (const auto& [name, each] : servers_) {
            for (const std::int64_t number : each.written) ++times[number];
        }
        return times;
    }

private:
    std::map<std::string, fake_server> servers_;
};

/// A connection to one of them. It knows "who", which brings the server's name, "write" of a number, "replication", and
/// what begins and ends transactions.
class fake_server_session {
public:
    fake_server_session(fake_cluster& all, fake_server& to) : cluster_(all), server_(to), number_(++to.opened) {}

    [[nodiscard]] task<result<sql::rows>> run(const sql::statement& what, const sql::parameters& with,
                                              time_point deadline) {
        const sql::session_state before = std::exchange(state_, sql::session_state::busy);
        if (server_.is == fake_server::condition::mute) static_cast<void>(answer(what.text(), with));
        if (server_.is == fake_server::condition::silent || server_.is == fake_server::condition::mute) {
            co_await delay(deadline - scheduler::current()->now());
            co_return error(lido::errc::timeout, server_.name + " did not answer in time");
        }
        if (server_.is == fake_server::condition::gone) {
            state_ = sql::session_state::broken;
            co_return error(lido::errc::connection_closed, server_.name + " is gone");
        }
        state_ = before;
        co_return answer(what.text(), with);
    }
    [[nodiscard]] task<result<void>> start(const sql::statement& what, const sql::parameters& with,
                                           time_point deadline) {
        result<sql::rows> given = co_await run(what, with, deadline);
        if (!given) co_return std::move(given).error();
        streamed_ = std::move(*given);
        state_ = sql::session_state::busy;
        co_return result<void>();
    }
    [[nodiscard]] task<result<bool>> fetch(sql::rows& into, time_point) {
        into = std::exchange(streamed_, sql::rows());
        state_ = sql::session_state::idle;
        co_return false;
    }
    [[nodiscard]] sql::session_state state() const noexcept { return state_; }

private:
    result<sql::rows> answer(std::string_view text, const sql::parameters& with) {
        sql::rows given;
        if (text == "replication") {
            cluster_.stream();
            given.add_column("takes_writes");
            given.add_column("position");
            given.add_column("epoch");
            given.add(server_.takes_writes);
            given.add(static_cast<std::int64_t>(server_.position));
            given.add(static_cast<std::int64_t>(server_.epoch));
        } else if (text == "who") {
            given.add_column("name");
            given.add_text(server_.name);
        } else if (text == "write") {
            if (!server_.takes_writes) return error(sql::errc::read_only, server_.name + " takes no writes");
            server_.last_written_on = number_;
            cluster_.write(server_, std::get<std::int64_t>(with.front().get()));
        } else if (text == "BEGIN") {
            state_ = sql::session_state::open;
        } else if (text == "COMMIT" || text == "ROLLBACK") {
            state_ = sql::session_state::idle;
        }
        return given;
    }

    fake_cluster& cluster_;
    fake_server& server_;
    const int number_;  // of the connections that were opened to it
    sql::rows streamed_;
    sql::session_state state_ = sql::session_state::idle;
};

class fake_server_connector {
public:
    using connection = fake_server_session;
    fake_server_connector(fake_cluster& all, fake_server& to) : cluster_(&all), server_(&to) {}

    [[nodiscard]] task<result<std::unique_ptr<connection>>> open(const pool::open_request&) {
        if (server_->is == fake_server::condition::gone) {
            co_return error(lido::errc::connect_failed, server_->name + " refuses connections");
        }
        co_return std::make_unique<connection>(*cluster_, *server_);
    }
    [[nodiscard]] task<result<void>> check(connection& which, time_point deadline) {
        const sql::statement who = "who";
        const sql::parameters none;
        const result<sql::rows> given = co_await which.run(who, none, deadline);
        if (!given) co_return given.error();
        co_return result<void>();
    }
    [[nodiscard]] task<void> close(connection&, time_point) { co_return; }
    [[nodiscard]] std::uint32_t capacity(const connection&) const noexcept { return 1; }
    [[nodiscard]] pool::verdict usable(const connection& which) const noexcept {
        return which.state() == sql::session_state::idle ? pool::verdict::clean : pool::verdict::broken;
    }
    [[nodiscard]] result<sql::statement> begin_statement(const sql::transaction_options&) const {
        return sql::statement("BEGIN");
    }
    [[nodiscard]] bool ends_generation(const error& failure, const connection&) const noexcept {
        return failure == sql::errc::read_only;
    }

private:
    fake_cluster* cluster_;
    fake_server* server_;
};

/// What `sql::detail::held_pool` makes a pool of.
struct fake_server_settings {
    fake_cluster& all;
    fake_server& to;
    sql::pool_settings pool;
};

class fake_server_pool : public sql::basic_pool<fake_server_connector> {
public:
    fake_server_pool(scheduler_group& group, const fake_server_settings& with)
        : basic_pool(group, with.pool, fake_server_connector(with.all, with.to)), group_(group), to_(with.to) {}

    [[nodiscard]] operation<sql::server_report> report() { return {group_, nothing()}; }
    [[nodiscard]] operation<sql::replication_state> replication() { return {group_, asked(query("replication"))}; }
    void retire_all() {
        connections().retire_all();
        if (to_.on_retired) to_.on_retired();
    }

private:
    static task<result<sql::server_report>> nothing() { co_return sql::server_report(); }
    static task<result<sql::replication_state>> asked(operation<sql::rows> asking) {
        const result<sql::rows> told = co_await std::move(asking);
        if (!told) co_return told.error();
        sql::replication_state made;
        made.takes_writes = (*told)[0][0].as<bool>().value();
        made.position.emplace(0, (*told)[0][1].as<std::uint64_t>().value());
        made.epoch = (*told)[0][2].as<std::uint64_t>().value();
        co_return made;
    }

    scheduler_group& group_;
    fake_server& to_;
};

/// A pool for a URL, as `replicated_opener` wants it: the host is the server's name.
[[nodiscard]] inline std::shared_ptr<sql::detail::any_pool> open_fake(fake_cluster& all, scheduler_group& group,
                                                                      std::string_view url,
                                                                      const sql::pool_settings& settings) {
    fake_server& to = all.at(sql::database_url::parse(url).value().places.front().host);
    using held = sql::detail::held_pool<fake_server_pool, sql::database_kind::postgres>;
    return std::make_shared<held>(group, fake_server_settings{all, to, settings});
}

}  // namespace lido::test

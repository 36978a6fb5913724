#include "lido/base/sleep.hpp"
#include "lido/sql/pool.hpp"
#include "simulate/database_load.hpp"
#include "simulate/figures.hpp"
#include "simulate/target.hpp"
#include "sql/settle.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace lido::cli::simulate {
namespace {

using namespace std::chrono_literals;

/// For servers to end what was given up.
constexpr duration cancelling = 2s;

/// The choices of a user.
enum choice : unsigned { reads, writes };

/// A statement that every user runs. Whoever runs the command writes its text; values have placeholders.
struct shared_statement {
    explicit shared_statement(const loaded_statement& from)
        : text(lido::sql::trusted_sql(from.text)), values(from.values) {}
    lido::sql::statement text;
    std::vector<drawn_value> values;

    [[nodiscard]] lido::sql::parameters draw(random_source& random) const {
        lido::sql::parameters made;
        made.reserve(values.size());
        for (const drawn_value& each : values) made.push_back(each.draw(random));
        return made;
    }
};

class sql_target final : public target {
public:
    sql_target(scheduler_group& group, const options& asked, way how, bool first, line_log log)
        : group_(group),
          reading_(asked.database->reading),
          writing_(asked.database->writing),
          write_ratio_(asked.database->write_ratio),
          connect_timeout_(asked.connect_timeout),
          log_(std::move(log)),
          db_(lido::sql::pool::open(group, asked.database->url, pool_settings_for(asked, how)).value()) {
        if (first) setup_ = asked.database->setup;
    }

    std::size_t actions() const noexcept override { return 1; }

    task<result<answer>> act(simulated_user& who, std::size_t) override {
        who.choice = write_ratio_ > 0.0 && who.random.unit() < write_ratio_ ? writes : reads;
        const shared_statement& chosen = who.choice == writes ? writing_ : reading_;
        const time_point begun = log_ ? clock::now() : time_point{};
        auto asking = db_.query_with(chosen.text, chosen.draw(who.random));
        const result<lido::sql::rows> came = co_await std::move(asking);
        if (log_) log_(line_of(name_of_action(who, 0), came, clock::now() - begun));
        if (!came) co_return came.error();
        answer made;
        made.wrote = who.choice == writes;
        made.rows = came->size();
        made.changed = came->affected();
        co_return made;
    }
    std::string name_of_action(const simulated_user& who, std::size_t) const override {
        return who.choice == writes ? "write statement" : "statement";
    }

    operation<std::size_t> prepare(std::size_t connections) override { return {group_, prepare_on(this, connections)}; }
    operation<std::size_t> close(duration patience) override { return {group_, close_on(this, patience)}; }
    void describe(pool_report& into) const override {
        ++into.pools;
        for (const pool::statistics& each : db_.statistics()) into.add(each);
    }

private:
    static std::string line_of(const std::string& what, const result<lido::sql::rows>& came, duration took) {
        const std::string end =
            came ? fmt::format("{} rows, {} changed", came->size(), came->affected()) : came.error().what();
        return fmt::format("{}: {} in {}", what, end, in_milliseconds(took));
    }

    static task<result<std::size_t>> prepare_on(sql_target* self, std::size_t connections) {
        for (std::string& each : self->setup_) {
            auto running = self->db_.query_with(lido::sql::trusted_sql(std::move(each)), {});
            const result<lido::sql::rows> done = co_await std::move(running);
            if (!done) co_return error(done.error()).with_context("--setup");
        }
        auto asking = self->db_.report();
        const result<lido::sql::server_report> found = co_await std::move(asking);
        if (!found) co_return found.error();
        // The pool opens its smallest number by itself; nothing tells when it has.
        const time_point latest = deadline_after(scheduler::current()->now(), self->connect_timeout_);
        std::size_t open = self->open_connections();
        while (open < connections && scheduler::current()->now() < latest) {
            sleep_until next_look(scheduler::current()->now() + 5ms);
            co_await next_look;
            open = self->open_connections();
        }
        co_return open;
    }
    /// Statements that were given up are cancelled at the server first: it would go on with them for nobody.
    static task<result<std::size_t>> close_on(sql_target* self, duration patience) {
        const time_point latest = deadline_after(scheduler::current()->now(), cancelling);
        while (cli::sql::is_busy(self->db_) && scheduler::current()->now() < latest) {
            sleep_until next_look(scheduler::current()->now() + 5ms);
            co_await next_look;
        }
        auto closing = self->db_.close(patience);
        result<std::size_t> closed = co_await std::move(closing);
        co_return std::move(closed);
    }
    [[nodiscard]] std::size_t open_connections() const {
        std::size_t open = 0;
        for (const pool::statistics& each : db_.statistics()) open += each.idle + each.in_use;
        return open;
    }

    scheduler_group& group_;
    shared_statement reading_;
    shared_statement writing_;
    double write_ratio_;
    duration connect_timeout_;
    line_log log_;
    std::vector<std::string> setup_;
    lido::sql::pool db_;
};

}  // namespace

std::unique_ptr<target> make_sql_target(scheduler_group& group, const options& asked, way how, bool first,
                                        line_log log) {
    return std::make_unique<sql_target>(group, asked, how, first, std::move(log));
}

}  // namespace lido::cli::simulate

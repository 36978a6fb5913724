#include "lido/http/client.hpp"
#include "lido/http/service.hpp"
#include "simulate/figures.hpp"
#include "simulate/policies.hpp"
#include "simulate/target.hpp"
#include "simulate/user.hpp"

#include <fmt/format.h>

#include <utility>

namespace lido::cli::simulate {
namespace {

std::string line_of(const http::attempt_report& attempt) {
    std::string line =
        fmt::format("{} {}{} attempt {}: ", attempt.method, attempt.origin, attempt.path, attempt.attempt);
    line += attempt.failure != nullptr ? attempt.failure->what() : fmt::format("{}", attempt.status);
    line += fmt::format(" in {}, {}", in_milliseconds(attempt.elapsed), attempt.reused ? "reused" : "new connection");
    if (attempt.slow) line += ", slow";
    if (attempt.retry_in >= duration::zero()) line += fmt::format(", again in {}", in_milliseconds(attempt.retry_in));
    return line;
}

answer answer_of(const http::response& came) {
    answer made;
    made.status = came.status();
    made.bytes = came.body().size();
    return made;
}

/// What a client and a service have in common: users that follow a script of requests.
template <class Sender>
class http_target : public target {
public:
    template <class Settings>
    http_target(scheduler_group& group, const options& asked, Settings settings)
        : group_(group), actions_(asked), sender_(group, std::move(settings)) {}

    std::size_t actions() const noexcept override { return actions_.actions(); }
    task<result<answer>> act(simulated_user& who, std::size_t index) override {
        auto sending = sender_.send(actions_.action(index, who.random, who.choice));
        const result<http::response> came = co_await std::move(sending);
        if (!came) co_return came.error();
        co_return answer_of(*came);
    }
    std::string name_of_action(const simulated_user& who, std::size_t index) const override {
        return actions_.name_of_action(index, who.choice);
    }
    operation<std::size_t> close(duration patience) override { return sender_.close(patience); }

protected:
    scheduler_group& group_;
    script actions_;
    Sender sender_;
};

class client_target final : public http_target<http::client> {
public:
    using http_target::http_target;
    operation<std::size_t> prepare(std::size_t connections) override {
        return sender_.warm_up(connections == 0 ? 1 : connections);
    }
    void describe(pool_report& into) const override { into.add(sender_.statistics()); }
};

/// The first region that can be reached counts; the error is the first region's.
task<result<std::size_t>> reach_one(scheduler_group& group, http::service_settings settings) {
    std::optional<error> first_failure;
    for (const http::region& each : settings.regions) {
        http::client_settings one = settings.client;
        one.base_url = each.base_url;
        http::client probe(group, std::move(one));
        auto opened = co_await probe.warm_up(1);
        static_cast<void>(co_await probe.close(duration::zero()));
        if (opened) co_return opened;
        if (!first_failure) first_failure = std::move(opened).error();
    }
    co_return *std::move(first_failure);
}

class service_target final : public http_target<http::service> {
public:
    using http_target::http_target;
    operation<std::size_t> prepare(std::size_t connections) override {
        if (connections == 0) return {group_, reach_one(group_, sender_.settings())};
        return sender_.warm_up(connections);
    }
    void describe(pool_report& into) const override {
        const http::service_statistics now = sender_.statistics();
        for (const http::region_statistics& each : now.regions) into.add(each.client);
        into.retries += now.report.retries;
    }
    std::optional<upstream::health_report> health() const override { return sender_.statistics().report; }
};

}  // namespace

std::unique_ptr<target> make_http_target(scheduler_group& group, const options& asked, const std::string& origin,
                                         way how, line_log log) {
    http::client_settings settings = client_settings_for(asked, origin, how);
    if (log) settings.on_attempt = [log = std::move(log)](const http::attempt_report& each) { log(line_of(each)); };
    if (!asked.policies.any()) return std::make_unique<client_target>(group, asked, std::move(settings));
    auto service = service_settings_for(asked, origin, std::move(settings));
    return std::make_unique<service_target>(group, asked, std::move(service));
}

std::unique_ptr<target> make_target(scheduler_group& group, const options& asked, const std::string& origin, way how,
                                    bool first, line_log log) {
    if (asked.database) return make_sql_target(group, asked, how, first, std::move(log));
    return make_http_target(group, asked, origin, how, std::move(log));
}

}  // namespace lido::cli::simulate

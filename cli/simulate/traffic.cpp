#include "simulate/traffic.hpp"

#include <utility>

namespace lido::cli::simulate {
namespace {

class client_traffic final : public traffic {
public:
    client_traffic(scheduler_group& group, http::client_settings settings) : client_(group, std::move(settings)) {}

    operation<http::response> send(http::request what) override { return client_.send(std::move(what)); }
    operation<std::size_t> reach() override { return client_.warm_up(1); }
    operation<std::size_t> warm_up(std::size_t count) override { return client_.warm_up(count); }
    operation<std::size_t> close(duration patience) override { return client_.close(patience); }
    void describe(pool_report& into) const override { into.add(client_.statistics()); }
    std::optional<upstream::health_report> health() const override { return std::nullopt; }

private:
    http::client client_;
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

class service_traffic final : public traffic {
public:
    service_traffic(scheduler_group& group, http::service_settings settings)
        : group_(group), service_(group, std::move(settings)) {}

    operation<http::response> send(http::request what) override { return service_.send(std::move(what)); }
    operation<std::size_t> reach() override { return {group_, reach_one(group_, service_.settings())}; }
    operation<std::size_t> warm_up(std::size_t count) override { return service_.warm_up(count); }
    operation<std::size_t> close(duration patience) override { return service_.close(patience); }
    void describe(pool_report& into) const override {
        const http::service_statistics now = service_.statistics();
        for (const http::region_statistics& each : now.regions) into.add(each.client);
        into.retries += now.report.retries;
    }
    std::optional<upstream::health_report> health() const override { return service_.statistics().report; }

private:
    scheduler_group& group_;
    http::service service_;
};

}  // namespace

std::unique_ptr<traffic> to_client(scheduler_group& group, http::client_settings settings) {
    return std::make_unique<client_traffic>(group, std::move(settings));
}

std::unique_ptr<traffic> to_service(scheduler_group& group, http::service_settings settings) {
    return std::make_unique<service_traffic>(group, std::move(settings));
}

}  // namespace lido::cli::simulate

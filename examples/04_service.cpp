// A service in two regions: requests go to the first one, and when it dies, to the other. Nobody has to wait for that.
#include "shop_server.hpp"
#include <lido/http/service.hpp>
#include <lido/net/runtime.hpp>

#include <chrono>
#include <iostream>
#include <optional>
#include <string>

using namespace std::chrono_literals;

int main() {
    lido::runtime io;
    std::optional<shop_server> near(std::in_place, io);
    const shop_server far(io);

    lido::http::service_settings settings;
    settings.regions = {{.base_url = near->url()}, {.base_url = far.url(), .backup = true}};
    settings.policies.timeout = 5s;                                // over everything
    settings.policies.attempt_timeout = 1s;                        // what a silent region costs
    settings.policies.bulkhead.emplace().max_concurrent = 20;      // requests at once
    settings.policies.bulkhead->max_waiting = 100;                 // and in the queue
    settings.policies.rate_limiter.emplace().per_second = 10'000;  // never more than agreed
    settings.policies.hedge.emplace();                             // asks a second time when an answer is late
    // When no region answers: a fixed page for those who read, an error at once for those who write.
    settings.fallbacks.push_back(lido::http::fallback_to(lido::http::response(), "empty page"));
    settings.fallbacks.push_back(
        lido::http::fallback_to(lido::error(lido::errc::circuit_open, "the shop is closed for today"), "closed"));
    lido::http::service shop(io, settings);

    std::size_t answered = 0;
    for (int page = 0; page < 100; ++page) {
        if (page == 50) near.reset();  // the first region dies under load
        const auto got = shop.get("/outfits/" + std::to_string(page)).wait();
        if (got && got->is_success()) ++answered;
    }
    std::cout << answered << " of 100 requests were answered\n";

    const lido::http::service_statistics seen = shop.statistics();
    for (const lido::upstream::endpoint_report& region : seen.report.endpoints) {
        std::cout << region.settings.name << ": " << static_cast<int>(region.share * 100.0) << " % of the attempts, "
                  << name_of(region.health) << '\n';
    }
    std::cout << seen.report.failovers << " went to the other region because the first could not be reached\n";
    return answered == 100 && shop.close().wait().value_or(1) == 0 ? 0 : 1;
}

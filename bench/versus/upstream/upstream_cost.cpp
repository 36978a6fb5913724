// What the policies cost: the same GETs through http::client and through http::service with every policy on, in turns,
// in one process.
//
//   upstream_cost BASE_URL USERS ROUNDS MILLISECONDS
//
// Prints, for each, the median CPU microseconds per request over the rounds, and their ratio: the median of the
// rounds'.
#include "lido/http/service.hpp"
#include "lido/net/runtime.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace {

using namespace std::chrono_literals;

template <class Sender>
struct round_of {
    Sender& sender;
    lido::time_point end;
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
    std::atomic<int> running;
};

template <class Sender>
lido::task<void> user(round_of<Sender>& shared) {
    while (lido::scheduler::current()->now() < shared.end) {
        lido::http::request what(lido::http::method::get, "/");
        const auto response = co_await shared.sender.send(std::move(what));
        ++shared.requests;
        if (!response || response->status() != 200) ++shared.failures;
    }
    shared.running.fetch_sub(1);
    shared.running.notify_all();
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& value) {
        return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// CPU microseconds for each request.
template <class Sender>
double measure(lido::runtime& io, Sender& sender, int users, lido::duration length, std::uint64_t& failures) {
    round_of<Sender> shared{sender, lido::clock::now() + length, 0, 0, users};
    const double before = cpu_seconds();
    for (int i = 0; i < users; ++i) io.spawn(user(shared), 0);
    for (int left = shared.running.load(); left > 0; left = shared.running.load()) shared.running.wait(left);
    failures += shared.failures;
    return (cpu_seconds() - before) / static_cast<double>(shared.requests) * 1e6;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 5) {
        std::fprintf(stderr, "usage: upstream_cost BASE_URL USERS ROUNDS MILLISECONDS\n");
        return 2;
    }
    const int users = std::atoi(arguments[2]);
    const int rounds = std::atoi(arguments[3]);
    const lido::duration length = std::chrono::milliseconds(std::atoi(arguments[4]));
    lido::runtime io;
    lido::http::client_settings plain;
    plain.base_url = arguments[1];
    plain.max_connections_per_origin = static_cast<std::size_t>(users);
    lido::http::client client(io, plain);

    // Every policy; limits and hedges so that they look at each request and hardly ever act.
    lido::http::service_settings all;
    all.client.max_connections_per_origin = static_cast<std::size_t>(users);
    lido::http::region backup;
    backup.base_url = arguments[1] + std::string("/");
    backup.backup = true;
    lido::http::region primary;
    primary.base_url = arguments[1];
    all.regions = {primary, backup};
    all.policies.attempt_timeout = 5s;
    all.policies.rate_limiter.emplace().per_second = 1'000'000;
    all.policies.bulkhead.emplace().max_concurrent = 1000;
    all.policies.hedge.emplace().percentile = 0.9999;
    all.policies.hedge->minimum_delay = 1s;
    lido::http::service service(io, all);

    std::uint64_t failures = 0;
    measure(io, client, users, length / 2, failures);
    measure(io, service, users, length / 2, failures);
    std::vector<double> of_client;
    std::vector<double> of_service;
    std::vector<double> ratios;
    for (int i = 0; i < rounds; ++i) {
        // Each goes first as often as the other.
        double first = 0;
        double second = 0;
        if (i % 2 == 0) {
            first = measure(io, client, users, length, failures);
            second = measure(io, service, users, length, failures);
        } else {
            second = measure(io, service, users, length, failures);
            first = measure(io, client, users, length, failures);
        }
        of_client.push_back(first);
        of_service.push_back(second);
        ratios.push_back(second / first);
    }
    std::printf(
        "%2d users: client %.2f us/request, service with all policies %.2f us/request, ratio %.3f, failures %llu\n",
        users, median(of_client), median(of_service), median(ratios), static_cast<unsigned long long>(failures));
    return failures == 0 ? 0 : 1;
}

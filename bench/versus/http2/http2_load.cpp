// The load of the comparison with h2load: N coroutines, each sends one GET after another through the public
// http::client.
//
//   http2_load BASE_URL PATH CONNECTIONS STREAMS SECONDS [CA_FILE]
//
// Prints one line: requests/s, CPU microseconds per request (user, system), p50 and p99 in microseconds.
#include "lido/base/histogram.hpp"
#include "lido/http/client.hpp"
#include "lido/net/runtime.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <sys/resource.h>

namespace {

struct load {
    lido::http::client& client;
    std::string path;
    lido::time_point measured_from;
    lido::time_point end;
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
    lido::histogram latency;
};

lido::task<void> user(load& shared) {
    lido::time_point begun = lido::clock::now();
    while (begun < shared.end) {
        lido::http::request what(lido::http::method::get, shared.path);
        const auto response = co_await shared.client.send(std::move(what));
        const lido::time_point ended = lido::clock::now();
        const lido::time_point since = std::exchange(begun, ended);
        if (since < shared.measured_from) continue;
        shared.latency.record(ended - since);
        ++shared.requests;
        if (!response || response->status() != 200) ++shared.failures;
    }
}

lido::task<void> all_users(load& shared, int count, std::atomic<int>& running, lido::runtime& io) {
    const int users = count;
    for (int i = 0; i < users; ++i) {
        struct body {
            static lido::task<void> run(load& of, std::atomic<int>& left) {
                std::atomic<int>& counter = left;
                co_await user(of);
                counter.fetch_sub(1);
                counter.notify_all();
            }
        };
        io.spawn(body::run(shared, running), 0);
    }
    co_return;
}

double seconds(const timeval& value) {
    return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) * 1e-6;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 6) {
        std::fprintf(stderr, "usage: http2_load BASE_URL PATH CONNECTIONS STREAMS SECONDS [CA_FILE]\n");
        return 2;
    }
    const int connections = std::atoi(arguments[3]);
    const int streams = std::atoi(arguments[4]);
    const int users = connections * streams;
    const double length = std::atof(arguments[5]);
    lido::runtime io;
    lido::http::client_settings settings;
    settings.base_url = arguments[1];
    settings.max_connections_per_origin = static_cast<std::size_t>(connections);
    settings.max_waiters_per_origin = static_cast<std::size_t>(users);
    settings.http_version = lido::http::http_versions::http2;
    settings.http2.max_concurrent_streams = static_cast<std::uint32_t>(streams);
    if (count > 6) settings.tls.ca_file = arguments[6];
    lido::http::client client(io, settings);
    const lido::time_point now = lido::clock::now();
    const lido::duration warm = std::chrono::milliseconds(300);
    const auto measured = std::chrono::duration_cast<lido::duration>(std::chrono::duration<double>(length));
    load shared{client, arguments[2], now + warm, now + warm + measured, 0, 0, {}};
    std::atomic<int> running{users};
    rusage before{};
    io.run(all_users(shared, users, running, io));
    // CPU is taken over the whole process but for its start, as the peers' is.
    while (lido::clock::now() < shared.measured_from) {
        timespec pause{0, 1'000'000};
        nanosleep(&pause, nullptr);
    }
    getrusage(RUSAGE_SELF, &before);
    const lido::time_point begun = lido::clock::now();
    for (int left = running.load(); left > 0; left = running.load()) running.wait(left);
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    const double elapsed = std::chrono::duration<double>(lido::clock::now() - begun).count();
    const auto requests = static_cast<double>(shared.requests);
    const double user_time = seconds(after.ru_utime) - seconds(before.ru_utime);
    const double system_time = seconds(after.ru_stime) - seconds(before.ru_stime);
    std::printf(
        "%.0f requests/s, cpu %.2f us/request (user %.2f, system %.2f), p50 %.0f us, p99 %.0f us, failures %llu, "
        "created %llu\n",
        requests / elapsed, (user_time + system_time) / requests * 1e6, user_time / requests * 1e6,
        system_time / requests * 1e6, std::chrono::duration<double, std::micro>(shared.latency.quantile(0.5)).count(),
        std::chrono::duration<double, std::micro>(shared.latency.quantile(0.99)).count(),
        static_cast<unsigned long long>(shared.failures),
        static_cast<unsigned long long>(client.statistics().connections_created));
    return shared.failures == 0 ? 0 : 1;
}

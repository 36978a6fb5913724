#include "simulate/report.hpp"

#include "simulate/figures.hpp"

namespace lido::cli::simulate {

double pool_report::reuse_ratio() const noexcept {
    return per(static_cast<double>(reused), static_cast<double>(requests));
}

void pool_report::add(const http::client_statistics& one) {
    pools += one.pools_created;
    requests += one.attempts;
    created += one.connections_created;
    reused += one.connections_reused;
    closed += one.connections_closed;
    connect_failed += one.connections_failed;
    retries += one.retries;
    resends += one.resends;
    for (const http::origin_statistics& each : one.origins) {
        idle += each.pool.idle;
        in_use += each.pool.in_use;
        waiting += each.pool.waiting;
        peak_in_use += each.pool.peak_in_use;
        wanted_size += each.pool.wanted_size;
        grown += each.pool.grown;
        shrunk += each.pool.shrunk;
        wait.merge(each.pool.wait);
        connect.merge(each.pool.connect);
    }
}

double leg_report::requests_per_second() const noexcept {
    return per(static_cast<double>(counts.requests()), seconds_of(elapsed));
}

double leg_report::cpu_microseconds_per_request() const noexcept {
    return per(seconds_of(cpu) * 1e6, static_cast<double>(counts.requests()));
}

}  // namespace lido::cli::simulate

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
    http1 += one.http1;
    http2 += one.http2;
    for (const http::origin_statistics& each : one.origins) {
        add_state(each.pool);
        for (const http::connection_statistics& open : each.connections) {
            if (open.version != http::version::http_2) continue;
            ++http2_open;
            http2_streams += open.running;
        }
    }
}

void pool_report::add(const lido::pool::statistics& one) {
    requests += one.served;
    created += one.created;
    reused += one.served_reused;
    closed += one.closed;
    connect_failed += one.connect_failed;
    add_state(one);
}

void pool_report::add_state(const lido::pool::statistics& one) {
    idle += one.idle;
    in_use += one.in_use;
    waiting += one.waiting;
    peak_in_use += one.peak_in_use;
    wanted_size += one.wanted_size;
    grown += one.grown;
    shrunk += one.shrunk;
    wait.merge(one.wait);
    connect.merge(one.connect);
}

double leg_report::requests_per_second() const noexcept {
    return per(static_cast<double>(counts.requests()), seconds_of(elapsed));
}

double leg_report::cpu_microseconds_per_request() const noexcept {
    return per(seconds_of(cpu) * 1e6, static_cast<double>(counts.requests()));
}

}  // namespace lido::cli::simulate

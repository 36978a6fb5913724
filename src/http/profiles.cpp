#include "lido/http/profiles.hpp"

#include <chrono>

namespace lido::http::profiles {

using namespace std::chrono_literals;

client_settings high_throughput() {
    client_settings made;
    made.max_connections_per_origin = 100;
    made.max_idle_per_origin = 50;
    made.max_connections = 1000;
    made.max_waiters_per_origin = 10'000;
    made.connect_timeout = 2s;
    made.read_timeout = 30s;
    made.sizing = pool::adaptive_sizing::by_load();
    return made;
}

client_settings low_latency() {
    client_settings made;
    made.max_connections_per_origin = 30;
    made.max_connections = 100;
    made.max_waiters_per_origin = 100;
    made.acquire_timeout = 1s;
    made.connect_timeout = 1s;
    made.read_timeout = 5s;
    made.timeout = 5s;
    made.retry.max_retries = 1;
    made.retry.backoff_factor = 0.05;
    return made;
}

client_settings batch() {
    client_settings made;
    made.max_connections_per_origin = 10;
    made.max_connections = 50;
    made.max_waiters_per_origin = 100'000;
    made.acquire_timeout = 10min;
    made.connect_timeout = 5s;
    made.read_timeout = 2min;
    made.timeout = 15min;
    made.idle_timeout = 30s;
    made.retry.max_retries = 10;
    made.retry.backoff_factor = 1.0;
    return made;
}

}  // namespace lido::http::profiles

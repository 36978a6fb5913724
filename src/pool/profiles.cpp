#include "lido/pool/profiles.hpp"

#include <chrono>

namespace lido::pool::profiles {

using namespace std::chrono_literals;

settings high_throughput() {
    settings made;
    made.max_size = 100;
    made.max_idle = 50;
    made.max_waiters = 10'000;
    made.connect_timeout = 2s;
    made.max_concurrent_connects = 16;
    made.sizing = adaptive_sizing::by_load();
    return made;
}

settings low_latency() {
    settings made;
    made.max_size = 30;
    made.min_size = 10;
    made.max_waiters = 100;
    made.acquire_timeout = 1s;
    made.connect_timeout = 1s;
    made.down_fail_fast = 100ms;
    made.keep_alive = 30s;
    made.check_timeout = 1s;
    return made;
}

settings batch() {
    settings made;
    made.max_size = 10;
    made.max_waiters = 100'000;
    made.acquire_timeout = 10min;
    made.connect_timeout = 5s;
    made.down_fail_fast = 30s;
    made.idle_timeout = 30s;
    return made;
}

}  // namespace lido::pool::profiles

// Goal: the promise for overload: asked for twice what a server can do, a service with limits gets nearly all that the
// server can do, those whom it accepts do not wait long, and afterwards all is as before. Method: a real nginx whose
// back end has so many workers, each busy with a request for a fixed time; users who come at random, whether or not
// others have been served.
#include "lido/base/sleep.hpp"
#include "lido/http/service.hpp"
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"
#include "support/scripted_server.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::service;
using http::service_settings;

constexpr std::size_t workers = 40;
constexpr duration work_time = 100ms;
constexpr double capacity = 400.0;  // requests per second: workers / work_time

/// Other programs may take the machine for some milliseconds. Where a wake-up came later than this for one in a hundred
/// requests, the times of that phase are theirs, not the service's, and it is measured again.
constexpr duration tolerated_lateness = work_time / 5;
/// So many seconds may be theirs while it is waited for what was before.
constexpr std::size_t most_of_others = 10;

/// Each request takes a worker for `work_time`; while none is free it waits, and others behind it. One whose client has
/// gone away is worked on all the same, as by most servers.
server_script busy_workers() {
    const time_point before = time_point::min();
    return {.on_request = [free_at = std::vector<time_point>(workers, before)](const arrival&) mutable {
        const time_point now = clock::now();
        time_point& next = *std::min_element(free_at.begin(), free_at.end());
        next = std::max(next, now) + work_time;
        return reaction{.bytes = response_text("done"),
                        .delay = std::chrono::duration_cast<std::chrono::milliseconds>(next - now)};
    }};
}

nginx_configuration before(const scripted_server& back_end) {
    nginx_configuration made;
    made.http = fmt::format("upstream workers {{ server 127.0.0.1:{}; keepalive 1000; keepalive_requests 1000000; }}",
                            back_end.port());
    made.server =
        R"(location / { proxy_pass http://workers; proxy_http_version 1.1; proxy_set_header Connection ""; })";
    return made;
}

/// One request, from the moment at which it should have been sent.
struct one {
    time_point begun;
    time_point sent;
    time_point ended{};
    bool good = false;
};

/// What came of the requests of some time.
struct figures {
    double sent = 0;
    double good = 0;
    double goodput = 0;   // good ones per second, by when they ended
    duration median{};    // of the good ones
    duration p99{};       // the same
    duration lateness{};  // p99 of how late the sender of this test itself was

    [[nodiscard]] double share() const { return good / sent; }
    [[nodiscard]] std::string text() const {
        return fmt::format("{} of {} good, median {} ms, p99 {} ms, sent up to {} ms late", good, sent, median / 1ms,
                           p99 / 1ms, lateness / 1ms);
    }
};

class overload_test : public testing::Test {
protected:
    [[nodiscard]] service_settings settings() const {
        service_settings made;
        made.regions.push_back({.base_url = front_.url()});
        made.client.max_connections_per_origin = 1000;  // the policies limit, not this
        made.policies.timeout = 1s;
        return made;
    }

    /// Open loop: whoever comes is sent, at random times, on average so many per second.
    static task<std::size_t> come(service& shop, std::deque<one>& all, double per_second, duration length) {
        random_source random(7);
        time_point next = scheduler::current()->now();
        const time_point end = next + length;
        std::size_t count = 0;
        while (true) {
            const double gap = -std::log(1.0 - random.unit()) / per_second;
            next += std::chrono::duration_cast<duration>(std::chrono::duration<double>(gap));
            if (next > end) co_return count;
            co_await sleep_until(next);  // this is when the next user comes
            one& mine = all.emplace_back();
            mine.begun = next;
            mine.sent = clock::now();
            ++count;
            shop.get("/work").start([&mine](const result<http::response>& got) {
                mine.good = got && got->status() == 200;
                mine.ended = scheduler::current()->now();
            });
        }
    }
    /// Sends for `length`, and waits for the end of what was sent.
    static task<std::size_t> come_and_end(service& shop, std::deque<one>& all, double per_second, duration length) {
        const std::size_t sent = co_await come(shop, all, per_second, length);
        while (!std::all_of(all.begin(), all.end(), [](const one& each) { return each.ended != time_point{}; })) {
            const time_point soon = scheduler::current()->now() + 10ms;
            co_await sleep_until(soon);  // polls: the last of many has no event of its own
        }
        co_return sent;
    }
    [[nodiscard]] static duration p99_of(std::vector<duration>& times) {
        std::sort(times.begin(), times.end());
        return times.empty() ? duration::zero() : times[times.size() * 99 / 100];
    }
    [[nodiscard]] figures measure(service& shop, double per_second, duration length) {
        std::deque<one> all;
        static_cast<void>(io_.run(come_and_end(shop, all, per_second, length)));
        figures made;
        made.sent = static_cast<double>(all.size());
        std::vector<duration> times;
        std::vector<duration> late;
        for (const one& each : all) {
            late.push_back(each.sent - each.begun);
            if (!each.good) continue;
            times.push_back(each.ended - each.begun);
            if (each.ended <= all.front().begun + length)
                made.goodput += 1.0 / std::chrono::duration<double>(length).count();
        }
        made.good = static_cast<double>(times.size());
        made.lateness = p99_of(late);
        made.p99 = p99_of(times);
        if (!times.empty()) made.median = times[times.size() / 2];
        return made;
    }
    /// The same on a machine that had time for it; at most three times.
    [[nodiscard]] figures phase(service& shop, double per_second, duration length) {
        figures made;
        for (int attempt = 0; attempt < 3; ++attempt) {
            made = measure(shop, per_second, length);
            if (made.lateness <= tolerated_lateness) return made;
        }
        return made;
    }

    void endures(const service_settings& limits) {
        service shop(io_, limits);
        ASSERT_TRUE(shop.get("/work").wait().has_value());
        const figures normal = phase(shop, 0.5 * capacity, 3s);
        const figures twice = phase(shop, 2.0 * capacity, 4s);
        // In how many seconds is it as before? Those for which the machine had no time do not count.
        std::size_t seconds = 0;
        std::size_t of_others = 0;
        figures after;
        do {
            after = measure(shop, 0.5 * capacity, 1s);
            ++(after.lateness <= tolerated_lateness ? seconds : of_others);
        } while (seconds <= 5 && of_others <= most_of_others &&
                 (after.share() < 0.99 || after.p99 > normal.p99 * 5 / 4));
        EXPECT_GE(normal.share(), 0.99) << normal.text();
        EXPECT_GE(twice.goodput, 0.9 * capacity) << twice.text();
        EXPECT_LE(twice.p99, 2 * normal.p99) << twice.text() << "; normal: " << normal.text();
        EXPECT_LE(seconds, 5U) << after.text() << "; normal: " << normal.text();
        EXPECT_LE(of_others, most_of_others) << "the machine has no time for this test: " << after.text();
        RecordProperty("normal", normal.text());
        RecordProperty("at_twice_the_capacity", twice.text());
        RecordProperty("goodput_of_capacity", std::to_string(twice.goodput / capacity));
        RecordProperty("as_before_after_seconds", std::to_string(seconds));
    }

    scripted_server back_end_{busy_workers()};
    nginx_server front_{before(back_end_)};
    runtime io_;
};

TEST_F(overload_test, a_bulkhead_keeps_goodput_and_times_at_twice_the_capacity) {
    service_settings limits = settings();
    limits.policies.bulkhead.emplace().max_concurrent = 44;
    limits.policies.bulkhead->max_waiting = 16;
    endures(limits);
}

TEST_F(overload_test, a_rate_limit_keeps_goodput_and_times_at_twice_the_capacity) {
    service_settings limits = settings();
    limits.policies.rate_limiter.emplace().per_second = 0.98 * capacity;
    limits.policies.rate_limiter->burst_per_second = 20;
    limits.policies.rate_limiter->max_wait = 30ms;
    endures(limits);
}

TEST_F(overload_test, a_short_queue_of_the_pool_keeps_goodput_and_times_at_twice_the_capacity) {
    service_settings limits = settings();
    limits.client.max_connections_per_origin = 44;
    limits.client.max_waiters_per_origin = 16;
    endures(limits);
}

TEST_F(overload_test, without_limits_everybody_waits_for_everybody) {
    service shop(io_, settings());
    const figures normal = phase(shop, 0.5 * capacity, 2s);
    const figures twice = phase(shop, 2.0 * capacity, 4s);
    EXPECT_GT(twice.p99, 5 * normal.p99) << "this test measures nothing: " << twice.text();
    EXPECT_LT(twice.goodput, 0.9 * capacity) << "this test measures nothing: " << twice.text();
}

}  // namespace
}  // namespace lido::test

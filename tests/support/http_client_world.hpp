// Lido: what tests of the HTTP client share.
#pragma once

#include "lido/http/client.hpp"
#include "lido/net/runtime.hpp"
#include "support/on_tasks.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace lido::test {

/// Settings without retries, so that a test sees each failure itself.
[[nodiscard]] inline http::client_settings plain_settings(std::string base_url) {
    http::client_settings settings;
    settings.base_url = std::move(base_url);
    settings.retry.max_retries = 0;
    return settings;
}

/// With retries that come at once.
[[nodiscard]] inline http::client_settings eager_settings(std::string base_url, unsigned retries = 3) {
    http::client_settings settings = plain_settings(std::move(base_url));
    settings.retry.max_retries = retries;
    settings.retry.backoff_factor = 0;
    return settings;
}

/// A request with a nonce, which the servers of these tests send back.
[[nodiscard]] inline http::request nonce_request(http::method method, std::string_view nonce,
                                                 std::string target = "/nonce") {
    http::request made(method, std::move(target));
    made.header("X-Nonce", nonce);
    if (method == http::method::post || method == http::method::put) made.body("payload", "text/plain");
    return made;
}

/// Runs `body` on each of `count` threads at once, and waits for all.
template <class Body>
void on_threads(std::size_t count, Body body) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
    for (std::thread& each : threads) each.join();
}

/// A user who sends `count` requests one after the other, alternately GET and POST unless `only` says otherwise, and
/// counts those that were answered with their nonce.
[[nodiscard]] inline task<void> ask_all(http::client& by, std::size_t user, std::size_t count,
                                        std::atomic<std::size_t>& right, std::optional<http::method> only = {}) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::string nonce = fmt::format("{}-{}", user, i);
        const http::method alternately = i % 2 == 0 ? http::method::get : http::method::post;
        const result<http::response> got = co_await by.send(nonce_request(only.value_or(alternately), nonce));
        EXPECT_TRUE(got.has_value()) << got.error().message();
        if (got && got->body() == nonce) ++right;
    }
}

/// Waits until `condition()` holds, of which nothing tells: it is asked again and again. False after twenty seconds.
template <class Condition>
[[nodiscard]] bool comes_true(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        // What is asked has no event of its own, and asking without a pause would take the machine from the server.
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

/// The connections that a client has open now, those being opened and closed included.
[[nodiscard]] inline std::size_t open_connections(const http::client& of) {
    std::size_t sum = 0;
    for (const http::origin_statistics& each : of.statistics().origins) {
        sum += each.pool.idle + each.pool.in_use + each.pool.connecting + each.pool.checking + each.pool.closing;
    }
    return sum;
}

}  // namespace lido::test

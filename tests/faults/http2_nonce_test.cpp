// The nonce test over HTTP/2: nothing of one request reaches another, while connections that carry many break at random
// bytes and one request in ten is cancelled at a random moment.
#include "lido/base/random.hpp"
#include "support/cancelling.hpp"
#include "support/cutting_proxy.hpp"
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"
#include "support/sanitized.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;

constexpr std::size_t users = 100;
constexpr std::size_t max_connections = 3;

/// LIDO_NONCE_PAIRS asks for a longer run.
std::size_t pairs_wanted() {
    const char* const asked = std::getenv("LIDO_NONCE_PAIRS");
    if (asked != nullptr) return std::strtoull(asked, nullptr, 10);
    return sanitized ? 10'000 : 50'000;
}

struct tally {
    const std::size_t wanted = pairs_wanted();
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> matched{0};
    std::atomic<std::size_t> mismatched{0};
    std::atomic<std::size_t> cancelled{0};
    std::atomic<std::size_t> broken{0};
    std::atomic<std::size_t> unexpected{0};
};

void count(tally& counts, const result<http::response>& outcome, const std::string& nonce) {
    if (outcome) {
        ++(outcome->body() == nonce ? counts.matched : counts.mismatched);
        if (outcome->body() != nonce) ADD_FAILURE() << nonce << " was answered with " << outcome->body();
    } else if (outcome.error() == errc::cancelled) {
        ++counts.cancelled;
    } else if (outcome.error() == errc::connection_closed || outcome.error() == errc::maybe_executed ||
               outcome.error() == errc::connect_failed) {
        ++counts.broken;
    } else {
        ++counts.unexpected;
        ADD_FAILURE() << outcome.error().message();
    }
}

task<void> use(client& by, std::uint64_t seed, std::size_t number, tally& counts) {
    random_source dice(seed);
    while (counts.matched.load() < counts.wanted && counts.unexpected.load() == 0) {
        const std::string nonce = fmt::format("{}-{}", number, ++counts.begun);
        const bool posts = dice.unit() < 0.5;
        operation<http::response> asked = by.send(nonce_request(posts ? method::post : method::get, nonce));
        if (dice.unit() < 0.1) {
            const auto turns = static_cast<unsigned>(dice.unit() * 12);
            const result<http::response> outcome = co_await cancelled_after(std::move(asked), turns);
            count(counts, outcome, nonce);
        } else {
            const result<http::response> outcome = co_await std::move(asked);
            count(counts, outcome, nonce);
        }
    }
}

void run_nonce_test(std::uint32_t io_threads) {
    const std::uint64_t seed = random_source::entropy_seed();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    fmt::print("seed {}\n", seed);
    nginx_server server({.server = R"(location / { return 200 "$http_x_nonce"; }
                             http2_max_concurrent_streams 40;
                             keepalive_requests 1000000;)",
                         .http2 = true});
    cutting_proxy way(server.port(), seed, [](random_source& dice) { return 1 + dice.below(200'000); });
    tally counts;
    {
        runtime io({.threads = io_threads});
        http::client_settings settings = plain_settings(fmt::format("http://127.0.0.1:{}", way.port()));
        settings.http_version = http::http_versions::http2;
        settings.max_connections_per_origin = max_connections;
        // Cuts are many here, and each may look like a server that is down.
        settings.connect_back_off.initial = 1ms;
        settings.connect_back_off.maximum = 5ms;
        client shop(io, settings);
        on_tasks(io, users, [&](std::size_t i) { return use(shop, seed + i + 1, i, counts); });
        const http::client_statistics after = shop.statistics();
        EXPECT_LE(open_connections(shop), max_connections);
        EXPECT_EQ(after.origins.at(0).pool.leases, 0U);
        EXPECT_EQ(after.origins.at(0).pool.waiting, 0U);
        EXPECT_GT(after.connections_reused, counts.wanted / 2);
    }
    EXPECT_EQ(counts.mismatched, 0U);
    EXPECT_GE(counts.matched, counts.wanted);
    EXPECT_GT(counts.cancelled, counts.wanted / 50);
    EXPECT_GT(counts.broken, 0U);
    EXPECT_GT(way.cut(), 0U);
    EXPECT_LE(way.peak(), max_connections + 1) << "one may be going while the next comes";
    fmt::print("{} matched, {} cancelled, {} broken, {} connections, {} cut\n", counts.matched.load(),
               counts.cancelled.load(), counts.broken.load(), way.accepted(), way.cut());
}

TEST(http2_nonces, come_back_to_whoever_sent_them_on_one_loop) {
    run_nonce_test(1);
}

TEST(http2_nonces, come_back_to_whoever_sent_them_when_leases_cross_loops) {
    run_nonce_test(2);
}

}  // namespace
}  // namespace lido::test

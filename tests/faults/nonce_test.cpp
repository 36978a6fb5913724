// Nothing of one request reaches another: every request carries a nonce, which the server sends back, while connections
// break at random bytes and one request in ten is cancelled at a random moment.
#include "lido/base/random.hpp"
#include "support/cancelling.hpp"
#include "support/http_client_world.hpp"
#include "support/sanitized.hpp"
#include "support/scripted_server.hpp"
#include "support/test_sockets.hpp"

#include <fmt/format.h>

#include <atomic>
#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;

constexpr std::size_t pairs_wanted = sanitized ? 20'000 : 100'000;
constexpr std::size_t users = 40;
constexpr std::size_t max_connections = 10;

/// A server that sends the nonce back, and out of ten thousand answers cuts 100 at a random byte, delays 30, and
/// doubles 30.
server_script breaking_script(std::uint64_t seed) {
    auto dice = std::make_shared<random_source>(seed);
    return {.on_request = [dice](const arrival& what) {
        reaction answer{.bytes = response_text(what.nonce)};
        const double draw = dice->unit();
        if (draw < 0.01) {
            answer.cut_at = static_cast<std::size_t>(dice->unit() * static_cast<double>(answer.bytes.size()));
            answer.then = dice->unit() < 0.5 ? afterwards::fin : afterwards::rst;
        } else if (draw < 0.013) {
            answer.delay = 2ms;
        } else if (draw < 0.016) {
            answer.bytes += response_text("of nobody");
        }
        return answer;
    }};
}

struct tally {
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
    } else if (outcome.error() == errc::connection_closed || outcome.error() == errc::maybe_executed) {
        ++counts.broken;
    } else {
        ++counts.unexpected;
        ADD_FAILURE() << outcome.error().message();
    }
}

task<void> use(client& by, std::uint64_t seed, std::size_t number, tally& counts) {
    random_source dice(seed);
    while (counts.matched.load() < pairs_wanted && counts.unexpected.load() == 0) {
        std::string nonce = fmt::format("{}-{}", number, ++counts.begun);
        const bool posts = dice.unit() < 0.5;
        if (posts) nonce.insert(0, "post-");
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
    const std::size_t descriptors_before = open_descriptors();
    scripted_server server(breaking_script(seed));
    tally counts;
    {
        runtime io({.threads = io_threads});
        {
            http::client_settings settings = plain_settings(server.url());
            settings.max_connections_per_origin = max_connections;
            client shop(io, settings);
            on_tasks(io, users, [&](std::size_t i) { return use(shop, seed + i + 1, i, counts); });

            const http::client_statistics after = shop.statistics();
            EXPECT_LE(open_connections(shop), max_connections);
            EXPECT_EQ(after.origins.at(0).pool.leases, 0U);
            EXPECT_EQ(after.origins.at(0).pool.waiting, 0U);
            EXPECT_GT(after.connections_reused, pairs_wanted / 2);
        }
        EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
    }
    EXPECT_EQ(counts.mismatched, 0U);
    EXPECT_GE(counts.matched, pairs_wanted);
    EXPECT_GT(counts.cancelled, pairs_wanted / 50);
    EXPECT_GT(counts.broken, 0U);
    EXPECT_LE(server.peak(), max_connections);
    // Without a policy that says otherwise a POST comes once at most; a GET again while no byte of an answer came.
    for (const auto& [nonce, times] : server.nonces()) {
        EXPECT_LE(times, nonce.starts_with("post-") ? 1U : 4U) << nonce;
    }
    fmt::print("{} matched, {} cancelled, {} broken, {} connections\n", counts.matched.load(), counts.cancelled.load(),
               counts.broken.load(), server.accepted());
    // The server has three descriptors and the name resolver none: everything else has to be gone.
    EXPECT_LE(open_descriptors(), descriptors_before + 3);
}

TEST(nonces, come_back_to_whoever_sent_them_on_one_loop) {
    run_nonce_test(1);
}

TEST(nonces, come_back_to_whoever_sent_them_when_leases_cross_loops) {
    run_nonce_test(2);
}

}  // namespace
}  // namespace lido::test

// Nothing of one request reaches another: every request carries a nonce, which the server sends back, while connections
// break at random bytes and one request in ten is cancelled at a random moment. LIDO_NONCE_PAIRS=5000000 asks for a
// longer run.
#include "lido/base/random.hpp"
#include "support/cutting_proxy.hpp"
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"
#include "support/nonce_load.hpp"
#include "support/sanitized.hpp"
#include "support/scripted_server.hpp"
#include "support/test_sockets.hpp"

#include <fmt/format.h>

#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::http_versions;

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

std::uint64_t shown_seed() {
    const std::uint64_t seed = random_source::entropy_seed();
    fmt::print("seed {}\n", seed);
    return seed;
}

class nonces : public testing::TestWithParam<std::uint32_t> {};

TEST_P(nonces, come_back_to_whoever_sent_them_from_a_server_that_cuts_delays_and_doubles) {
    const std::uint64_t seed = shown_seed();
    const std::size_t descriptors_before = open_descriptors();
    scripted_server server(breaking_script(seed));
    // All that came is remembered there.
    nonce_tally counts(std::min<std::size_t>(nonce_pairs(sanitized ? 20'000 : 100'000), 1'000'000));
    {
        runtime io({.threads = GetParam()});
        client shop(io, plain_settings(server.url()));
        run_nonce_load(io, shop, 40, seed, counts);
    }
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
    expect_nonces_kept(counts);
    EXPECT_LE(server.peak(), 10U);
    // Without a policy that says otherwise a POST comes once at most; a GET again while no byte of an answer came.
    for (const auto& [nonce, times] : server.nonces()) {
        EXPECT_LE(times, nonce.starts_with("post-") ? 1U : 4U) << nonce;
    }
    // The server has three descriptors and the name resolver none: everything else has to be gone.
    EXPECT_LE(open_descriptors(), descriptors_before + 3);
}

INSTANTIATE_TEST_SUITE_P(on, nonces, testing::Values(1U, 2U),
                         [](const auto& one) { return fmt::format("{}_loops", one.param); });

struct way_to_cut {
    http_versions version;
    std::uint32_t loops;
    std::size_t users;
    std::size_t connections;
    std::size_t longest;  ///< bytes of answers that a connection has at most
};

class nonces_by_a_way_that_is_cut : public testing::TestWithParam<way_to_cut> {};

TEST_P(nonces_by_a_way_that_is_cut, come_back_to_whoever_sent_them) {
    const std::uint64_t seed = shown_seed();
    const bool multiplexed = GetParam().version == http_versions::http2;
    nginx_server server({.server = fmt::format(R"(location / {{ return 200 "$http_x_nonce"; }}
                             keepalive_requests 1000000; {})",
                                               multiplexed ? "http2_max_concurrent_streams 40;" : ""),
                         .http2 = multiplexed});
    const auto allowance = [](random_source& dice) { return 1 + dice.below(GetParam().longest); };
    cutting_proxy way(server.port(), seed, allowance);
    nonce_tally counts(nonce_pairs(sanitized ? 10'000 : 50'000));
    {
        runtime io({.threads = GetParam().loops});
        http::client_settings settings = plain_settings(fmt::format("http://127.0.0.1:{}", way.port()));
        settings.http_version = GetParam().version;
        settings.max_connections_per_origin = GetParam().connections;
        // Cuts are many here, and each may look like a server that is down.
        settings.connect_back_off.initial = 1ms;
        settings.connect_back_off.maximum = 5ms;
        // A long run may be stopped for minutes, and go on: that is no failure.
        settings.timeout = 24h;
        settings.acquire_timeout = settings.read_timeout = 1h;
        settings.connect_timeout = 10min;
        client shop(io, settings);
        run_nonce_load(io, shop, GetParam().users, seed, counts);
    }
    expect_nonces_kept(counts);
    EXPECT_GT(way.cut(), 0U);
    if (multiplexed) {
        EXPECT_LE(way.peak(), GetParam().connections + 1) << "one may be going while the next comes";
    } else {
        EXPECT_GT(way.accepted(), way.cut() + counts.cancelled / 50) << "some were cancelled while they ran";
    }
    fmt::print("{} connections, {} cut\n", way.accepted(), way.cut());
}

INSTANTIATE_TEST_SUITE_P(of, nonces_by_a_way_that_is_cut,
                         testing::Values(way_to_cut{http_versions::http1, 1, 40, 10, 50'000},
                                         way_to_cut{http_versions::http1, 2, 40, 10, 50'000},
                                         way_to_cut{http_versions::http2, 1, 100, 3, 200'000},
                                         way_to_cut{http_versions::http2, 2, 100, 3, 200'000}),
                         [](const auto& one) {
                             const bool multiplexed = one.param.version == http_versions::http2;
                             return fmt::format("{}_on_{}_loops", multiplexed ? "http2" : "http1", one.param.loops);
                         });

}  // namespace
}  // namespace lido::test

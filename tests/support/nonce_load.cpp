#include "support/nonce_load.hpp"

#include "lido/base/random.hpp"
#include "support/cancelling.hpp"
#include "support/http_client_world.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string>

namespace lido::test {
namespace {

using http::method;

/// A little more than a tenth, for some have their answer before.
constexpr double share_to_cancel = 0.13;
constexpr unsigned most_turns = 12;

void count(nonce_tally& counts, const result<http::response>& outcome, const std::string& nonce) {
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

/// Of the loop that runs on this thread.
passing_ends& ends_here() {
    thread_local passing_ends counted;
    return counted;
}

/// Some within the first turns, while they begin; most anywhere in their life, which is about as long as one request of
/// each user of this loop takes.
task<result<http::response>> cancelled_somewhere(operation<http::response> asked, std::size_t users_here,
                                                 random_source& dice) {
    if (dice.below(4) == 0) {
        co_return co_await cancelled_after(std::move(asked), static_cast<unsigned>(dice.below(most_turns)));
    }
    co_return co_await cancelled_amid(std::move(asked), ends_here(), dice.below(users_here));
}

task<void> use(http::client& by, std::uint64_t seed, std::size_t number, std::size_t users_here, nonce_tally& counts) {
    random_source dice(seed);
    while (counts.matched.load() < counts.wanted && counts.unexpected.load() == 0) {
        std::string nonce = fmt::format("{}-{}", number, ++counts.begun);
        const bool posts = dice.unit() < 0.5;
        if (posts) nonce.insert(0, "post-");
        operation<http::response> asked = by.send(nonce_request(posts ? method::post : method::get, nonce));
        if (dice.unit() < share_to_cancel) {
            ++counts.to_be_cancelled;
            const result<http::response> outcome = co_await cancelled_somewhere(std::move(asked), users_here, dice);
            count(counts, outcome, nonce);
        } else {
            const result<http::response> outcome = co_await std::move(asked);
            count(counts, outcome, nonce);
        }
        ends_here().one_more();
    }
}

}  // namespace

std::size_t nonce_pairs(std::size_t usual) {
    const char* const asked = std::getenv("LIDO_NONCE_PAIRS");
    return asked != nullptr ? std::strtoull(asked, nullptr, 10) : usual;
}

void run_nonce_load(runtime& io, http::client& by, std::size_t users, std::uint64_t seed, nonce_tally& counts) {
    on_tasks(io, users, [&](std::size_t i) { return use(by, seed + i + 1, i, users / io.size(), counts); });
    // Who is cancelled while an exchange runs on another loop is told at once; that loop returns the lease later.
    EXPECT_TRUE(comes_true([&] { return by.statistics().origins.at(0).pool.leases == 0; }));
    const http::client_statistics after = by.statistics();
    EXPECT_LE(open_connections(by), by.settings().max_connections_per_origin);
    EXPECT_EQ(after.origins.at(0).pool.waiting, 0U);
    EXPECT_GT(after.connections_reused, counts.wanted / 2);
}

void expect_nonces_kept(const nonce_tally& counts) {
    EXPECT_EQ(counts.mismatched, 0U);
    EXPECT_GE(counts.matched, counts.wanted);
    EXPECT_GT(counts.cancelled, counts.begun / 12) << "about a tenth";
    EXPECT_GT(counts.broken, 0U);
    fmt::print("{} requests: {} matched, {} wrong, {} cancelled of {} to be, {} broken\n", counts.begun.load(),
               counts.matched.load(), counts.mismatched.load(), counts.cancelled.load(), counts.to_be_cancelled.load(),
               counts.broken.load());
}

}  // namespace lido::test

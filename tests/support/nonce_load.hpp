// Lido: requests of which each can be told from all others, while connections break and callers give up.
#pragma once

#include "lido/http/client.hpp"
#include "lido/net/runtime.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lido::test {

/// How many requests must come back with their nonce: what LIDO_NONCE_PAIRS says, for long runs, else `usual`.
[[nodiscard]] std::size_t nonce_pairs(std::size_t usual);

/// What came of the requests of `run_nonce_load`.
struct nonce_tally {
    explicit nonce_tally(std::size_t pairs) noexcept : wanted(pairs) {}

    const std::size_t wanted;
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> matched{0};  ///< answered with their own nonce
    std::atomic<std::size_t> mismatched{0};
    std::atomic<std::size_t> to_be_cancelled{0};
    std::atomic<std::size_t> cancelled{0};  ///< of these, before their answer came
    std::atomic<std::size_t> broken{0};     ///< with their connection
    std::atomic<std::size_t> unexpected{0};
};

/// `users` tasks send GET and POST with a nonce each, "post-…" for a POST, and ask for the end of some at random points
/// of their life, so that about one request in ten is cancelled, until `counts.wanted` have come back. An answer that
/// is another's fails the test, as does an end that neither a broken connection nor cancelling explains.
void run_nonce_load(runtime& io, http::client& by, std::size_t users, std::uint64_t seed, nonce_tally& counts);

/// What has to be true of every run, and its figures on standard output.
void expect_nonces_kept(const nonce_tally& counts);

}  // namespace lido::test

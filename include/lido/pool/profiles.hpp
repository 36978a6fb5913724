// Lido: ready-made settings for three sorts of work.
#pragma once

#include "lido/pool/settings.hpp"

namespace lido::pool::profiles {

/// Many requests at once, and none refused for a burst: up to 100 connections by load, 50 of which stay open once they
/// were needed. Trades memory, and descriptors at the server, for throughput.
[[nodiscard]] settings high_throughput();

/// An answer soon or a refusal soon: up to 30 connections, ten always open and checked before they are lent, short
/// time-outs, a short queue. Trades idle connections and refused requests for short waits.
[[nodiscard]] settings low_latency();

/// Work that nobody waits for: up to 10 connections, opened when needed and closed soon after, a long queue, long
/// time-outs. Trades waiting time for a light load on the server.
[[nodiscard]] settings batch();

}  // namespace lido::pool::profiles

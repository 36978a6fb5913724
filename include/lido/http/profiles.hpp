// Lido: ready-made settings of HTTP clients for three sorts of work.
#pragma once

#include "lido/http/client.hpp"

namespace lido::http::profiles {

/// Many requests at once: up to 100 connections for each origin by load, of which 50 may stay open, and 1000 over all.
[[nodiscard]] client_settings high_throughput();

/// An answer soon or an error soon: up to 30 connections for each origin and 100 over all, 1 s to connect, 5 s for an
/// answer, a short queue, one quick retry.
[[nodiscard]] client_settings low_latency();

/// Work that nobody waits for: up to 10 connections for each origin and 50 over all, 2 min for an answer, a long queue,
/// patient retries.
[[nodiscard]] client_settings batch();

}  // namespace lido::http::profiles

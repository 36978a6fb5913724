// Lido: the outcome of a simulation.
#pragma once

#include "lido/upstream/outcome.hpp"
#include "lido/upstream/report.hpp"
#include "simulate/options.hpp"
#include "simulate/tally.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lido::cli::simulate {

/// What the pools of a leg did, added up over all of them.
struct pool_report {
    std::size_t pools = 0;
    std::uint64_t requests = 0;  ///< sent over connections of the pools, retries included
    std::uint64_t created = 0;
    std::uint64_t reused = 0;
    std::uint64_t closed = 0;
    std::uint64_t connect_failed = 0;
    std::size_t idle = 0;
    std::size_t in_use = 0;
    std::size_t waiting = 0;
    std::size_t peak_in_use = 0;
    std::uint64_t retries = 0;
    std::uint64_t resends = 0;
    std::size_t wanted_size = 0;  ///< connections that an adaptive sizing wants now
    std::uint64_t grown = 0;      ///< how often it wanted more
    std::uint64_t shrunk = 0;     ///< and less
    histogram wait;
    histogram connect;
    /// What connections of each version of HTTP have carried; both empty for a database.
    http::protocol_statistics http1;
    http::protocol_statistics http2;
    /// Connections of HTTP/2 that are open, and the streams that run on them.
    std::size_t http2_open = 0;
    std::size_t http2_streams = 0;

    /// Of all requests, those on a connection that had served before.
    [[nodiscard]] double reuse_ratio() const noexcept;
    void add(const http::client_statistics& one);
    /// A pool of database connections; each lease served one statement.
    void add(const lido::pool::statistics& one);

private:
    /// What says how a pool stands, of which HTTP clients have no sums of their own.
    void add_state(const lido::pool::statistics& one);
};

/// One way of running the load, from beginning to end.
struct leg_report {
    way how = way::shared_pool;
    duration elapsed{};
    duration cpu{};
    tally counts;
    pool_report pool;
    /// Of the shared service, when there is one; `began` is when the breakers' changes are counted from.
    std::optional<upstream::health_report> health;
    time_point began{};

    [[nodiscard]] double requests_per_second() const noexcept;
    [[nodiscard]] double cpu_microseconds_per_request() const noexcept;
};

/// The four lines that a report begins with, and that stand above each interval's line where there is no terminal. To
/// the letter those of the program that Lido's simulator was taken over from: scripts look for them.
[[nodiscard]] std::string pool_lines(const options& asked, const pool_report& pool);

/// The report for people: the lines of the pool, then everything else; with several legs side by side.
[[nodiscard]] std::string text_report(const options& asked, const std::string& service,
                                      const std::vector<leg_report>& legs);

/// The report for programs: one object on one line. With several legs, one such object for each under its key.
[[nodiscard]] std::string json_report(const options& asked, const std::string& service,
                                      const std::vector<leg_report>& legs);

}  // namespace lido::cli::simulate

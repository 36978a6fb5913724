// Lido: what happened to the requests of a simulation.
#pragma once

#include "lido/base/histogram.hpp"
#include "lido/base/result.hpp"
#include "simulate/answer.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lido::cli::simulate {

/// Counts requests by how they ended. Each I/O thread has one of its own; they are added up when they are looked at.
class tally {
public:
    /// Statuses have three digits, and the first is 1 to 5.
    static constexpr std::size_t status_limit = 600;
    /// The first for codes from elsewhere, one for each `errc`, and from the middle on one for each `sql::errc`.
    static constexpr std::size_t error_kinds = 64;

    void record(const result<answer>& outcome, time_point begin, time_point end);
    void record_slow() noexcept { ++slow_; }
    /// A request that was cut off by the end of the run.
    void record_unfinished() noexcept { ++unfinished_; }
    void record_cycle() noexcept { ++cycles_; }
    /// The time from the beginning of one request to that of the next.
    void record_gap(duration gap) noexcept;

    void merge(const tally& other);

    /// Requests that ended: with a response, or with an error.
    [[nodiscard]] std::uint64_t requests() const noexcept { return latency_.count() + failed_; }
    /// Of these, without a response.
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }
    /// When the last of them did.
    [[nodiscard]] time_point last_end() const noexcept { return last_end_; }
    /// With a response below 400.
    [[nodiscard]] std::uint64_t succeeded() const noexcept { return succeeded_; }
    [[nodiscard]] std::uint64_t unfinished() const noexcept { return unfinished_; }
    [[nodiscard]] std::uint64_t slow() const noexcept { return slow_; }
    [[nodiscard]] std::uint64_t cycles() const noexcept { return cycles_; }
    /// The standard deviation of the gaps as a share of their mean; 1, as of arrivals at random, when there are too
    /// few.
    [[nodiscard]] double arrival_variation() const noexcept;
    /// Of all bodies received.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    /// Of a database: statements that ended well, those of them that write, and the rows that came and that changed.
    struct statements {
        std::uint64_t reading = 0;
        std::uint64_t writing = 0;
        std::uint64_t rows = 0;
        std::uint64_t changed = 0;
    };
    [[nodiscard]] const statements& of_database() const noexcept { return statements_; }
    /// From the call to the whole response, of the requests that got one: how long a refusal took says nothing about
    /// the server.
    [[nodiscard]] const histogram& latency() const noexcept { return latency_; }
    [[nodiscard]] const std::array<std::uint64_t, status_limit>& statuses() const noexcept { return statuses_; }
    [[nodiscard]] const std::array<std::uint64_t, error_kinds>& errors() const noexcept { return errors_; }

    /// "connect_failed" for the place of an error in `errors()`.
    [[nodiscard]] static std::string_view name_of_error(std::size_t kind) noexcept;
    /// Why the requests did not succeed, for the most part: "12 × connect_failed: connect to …".
    [[nodiscard]] std::string main_cause() const;

private:
    histogram latency_;
    time_point last_end_{};
    std::uint64_t failed_ = 0;
    std::uint64_t succeeded_ = 0;
    std::uint64_t unfinished_ = 0;
    std::uint64_t slow_ = 0;
    std::uint64_t cycles_ = 0;
    std::uint64_t bytes_ = 0;
    double gaps_ = 0.0;
    double gap_sum_ = 0.0;  // in seconds
    double gap_squares_ = 0.0;
    statements statements_;
    std::array<std::uint64_t, status_limit> statuses_{};
    std::array<std::uint64_t, error_kinds> errors_{};
    /// The first error of each kind, in words.
    std::array<std::string, error_kinds> examples_;
};

}  // namespace lido::cli::simulate

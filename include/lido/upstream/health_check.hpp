// Lido: when an endpoint is checked in the background, and what follows from it.
#pragma once

#include "lido/base/random.hpp"
#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace lido::upstream {

/// Settings of the checks of each endpoint.
struct health_check_settings {
    /// From the end of a check to the next while all is well. 10 ms … 24 h, or `off`.
    duration interval = std::chrono::seconds(5);
    /// The same for an endpoint in trouble: unhealthy, ejected, or with a breaker that is not closed. It bounds how
    /// late the end of an outage is noticed. 10 ms … 24 h.
    duration trouble_interval = std::chrono::milliseconds(500);
    /// Up to this share is added to or taken off each interval at random, so that many clients do not check together.
    /// 0 … 0.5.
    double jitter = 0.1;
    /// For one check, connecting included. 1 ms … 10 min.
    duration timeout = std::chrono::seconds(1);
    /// Unhealthy after so many failed checks in a row. 1 … 1000.
    std::uint32_t failures = 3;
    /// Healthy again after so many successful ones in a row. 1 … 1000.
    std::uint32_t recoveries = 2;

    /// "Not at all".
    static constexpr duration off = duration::max();

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// What checks have said about an endpoint.
enum class health_state : std::uint8_t {
    unknown,    ///< nothing yet; it gets calls
    healthy,    ///< the last word was good
    unhealthy,  ///< gets no calls while another can serve
};

/// "unhealthy": the name as it stands in this header; stable, for metrics and reports.
[[nodiscard]] std::string_view name_of(health_state state) noexcept;

/// How a check ended.
enum class check_outcome : std::uint8_t {
    passed,
    failed,
    unknown,  ///< could not be made, for reasons of our own: all connections were busy
};

/// The bookkeeping of one endpoint's checks: when the next is due, and the state they lead to.
///
/// | state              | `recoveries` good ones in a row | `failures` bad ones in a row |
/// |--------------------|---------------------------------|------------------------------|
/// | unknown            | healthy (one is enough)         | unhealthy                    |
/// | healthy            | -                               | unhealthy                    |
/// | unhealthy          | healthy                         | -                            |
///
/// A copyable value of about 100 bytes; not thread-safe; O(1).
class health_check {
public:
    /// `settings` must be valid. The first check is due within `trouble_interval`.
    health_check(const health_check_settings& settings, time_point now, random_source& random);

    /// When `begin` has something to do next; `never` when checks are off.
    [[nodiscard]] time_point next() const noexcept { return next_; }

    /// A check that is due: its number, to be given back with `end`. One whose answer never came (its time and the
    /// pause after it are over) counts as failed, and the next begins.
    [[nodiscard]] std::optional<std::uint64_t> begin(time_point now);
    /// Check `number` ended. True: the state changed. A number that is not awaited any more is ignored.
    bool end(std::uint64_t number, check_outcome how, bool in_trouble, time_point now, random_source& random);

    /// Trouble has begun: the next check comes within `trouble_interval`.
    void hurry(time_point now, random_source& random);

    [[nodiscard]] health_state state() const noexcept { return state_; }
    [[nodiscard]] time_point since() const noexcept { return since_; }
    [[nodiscard]] std::uint64_t passed() const noexcept { return passed_; }
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }
    [[nodiscard]] bool under_way() const noexcept { return under_way_; }

private:
    bool change_to(health_state next, time_point now) noexcept;
    bool count(bool good, time_point now) noexcept;
    [[nodiscard]] duration pause(bool in_trouble, random_source& random) const noexcept;

    health_check_settings settings_;
    health_state state_ = health_state::unknown;
    time_point since_;
    time_point next_;
    bool under_way_ = false;
    std::uint64_t number_ = 0;
    std::uint32_t good_in_a_row_ = 0;
    std::uint32_t bad_in_a_row_ = 0;
    std::uint64_t passed_ = 0;
    std::uint64_t failed_ = 0;
};

}  // namespace lido::upstream

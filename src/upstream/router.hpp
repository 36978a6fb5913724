// Lido: everything that a service decides.
#pragma once

#include "lido/base/random.hpp"
#include "lido/resilience/peak_ewma.hpp"
#include "lido/upstream/observer.hpp"
#include "lido/upstream/outcome.hpp"
#include "lido/upstream/report.hpp"
#include "lido/upstream/settings.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lido::upstream {

/// The right to make one attempt at an endpoint, to be given back with its outcome, exactly once. A plain value.
struct permit {
    endpoint_id endpoint;
    std::uint32_t generation = 0;  ///< of the endpoint, see `router::retire`
    time_point started{};
    bool has_breaker = false;
    resilience::breaker_permit breaker;
};

/// Why no endpoint was chosen. The first of these that holds.
enum class refusal : std::uint8_t {
    none,
    no_endpoint,  ///< there is none, or all are draining or have no weight
    read_only,    ///< the call writes, and all others are read-only
    tried,        ///< all that could be chosen were excluded by the caller
    unavailable,  ///< breakers refuse; without panic also: unhealthy or ejected
};

[[nodiscard]] std::string_view name_of(refusal why) noexcept;

/// A permit, or why not.
struct choice {
    std::optional<upstream::permit> permit;
    refusal why = refusal::none;
    /// Of a permit: when a hedge beside the attempt is due; `never`: none is.
    time_point hedge_at = never;
    /// Of `unavailable`: when asking again makes sense, as far as is known; `never` when that is not a matter of time.
    time_point next_chance = never;

    [[nodiscard]] explicit operator bool() const noexcept { return permit.has_value(); }
};

/// The endpoints that a call has tried. Most calls try one: these few take no memory of their own.
class tried_endpoints {
public:
    void push_back(endpoint_id which) {
        if (size_ < few) {
            first_[size_] = which;
        } else {
            rest_.push_back(which);
        }
        ++size_;
    }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// The last; there must be one.
    [[nodiscard]] endpoint_id back() const noexcept { return size_ <= few ? first_[size_ - 1] : rest_.back(); }
    [[nodiscard]] bool contains(endpoint_id which) const noexcept {
        for (std::size_t i = 0; i < size_; ++i) {
            if ((i < few ? first_[i] : rest_[i - few]) == which) return true;
        }
        return false;
    }

private:
    static constexpr std::size_t few = 4;

    std::array<endpoint_id, few> first_{};
    std::vector<endpoint_id> rest_;
    std::size_t size_ = 0;
};

/// Endpoints that have asked for a rest (Retry-After), each with its end. For most calls there are none.
class resting_endpoints {
public:
    void add(endpoint_id which, time_point until) { all_.emplace_back(which, until); }
    /// `time_point::min()` for one that has not asked for any.
    [[nodiscard]] time_point until(endpoint_id which) const noexcept {
        time_point latest = time_point::min();
        for (const auto& [each, end] : all_) {
            if (each == which) latest = std::max(latest, end);
        }
        return latest;
    }

private:
    std::vector<std::pair<endpoint_id, time_point>> all_;
};

/// What a call remembers between its attempts.
struct call_record {
    time_point deadline = never;
    bool repeatable = false;
    bool writes = true;
    /// Attempts after the first, hedges apart.
    unsigned retries = 0;
    unsigned hedges = 0;
    /// Bounded by the number of attempts.
    tried_endpoints tried;
    resting_endpoints resting;
};

/// What comes after an attempt that ended. Without a value the call ends with what the attempt brought.
struct repetition {
    /// Pause so long first; zero: at once, elsewhere.
    duration pause{};
    bool elsewhere = true;
    /// Elsewhere: the pause before it may be made at any of them, when the others admit nobody either. Nothing: then
    /// not at all.
    std::optional<duration> otherwise;
};

/// A check to be made.
struct due_check {
    endpoint_id endpoint;
    std::uint64_t number = 0;
    time_point deadline{};
};

/// The decisions of a service with several endpoints: which one gets the next attempt, and whether; whether a call is
/// made again, and when; which endpoint is checked, and when. docs/design/upstream.md has the order of the policies,
/// the states and the invariants.
///
/// An ordinary value: no I/O, threads or callbacks; `now` and the random source are passed in. Not thread-safe. A
/// choice takes O(n) for n endpoints and allocates nothing once the number of endpoints has settled.
class router {
public:
    /// Something that happened, to be told to an observer once the lock is given up.
    using event = std::function<void(observer& by, std::string_view service)>;

    /// `policies` and all `endpoints` must be valid, with names of their own.
    router(const settings& policies, std::span<const endpoint_settings> endpoints, time_point now,
           random_source& random);

    // Members.

    /// Adds one: with a slow start once there have been attempts. Nothing, when as many are there as may be.
    [[nodiscard]] std::optional<endpoint_id> add(const endpoint_settings& which, time_point now, random_source& random);
    /// Takes one out: it gets no attempts any more. True: it had none under way, and is gone at once; otherwise
    /// `report` says when it is.
    bool remove(endpoint_id which);
    /// Changes weight, role and `read_only`; a changed role or `read_only` fences the endpoint as `retire` does and
    /// returns true. The name stays.
    bool change(endpoint_id which, const endpoint_settings& to, time_point now);
    /// Would that change fence it?
    [[nodiscard]] bool is_fenced_by(endpoint_id which, const endpoint_settings& to) const noexcept;
    /// Fences a generation: outcomes of attempts under way will count for nothing.
    void retire(endpoint_id which, time_point now);
    /// The active endpoint of that name.
    [[nodiscard]] std::optional<endpoint_id> find(std::string_view name) const noexcept;
    [[nodiscard]] bool is_active(endpoint_id which) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }

    // Calls.

    /// A call begins: it earns its share of the retry budget.
    void begin_call(time_point now) noexcept;
    /// Chooses an endpoint for an attempt of `call`, leaving out those that it has tried when `elsewhere`.
    [[nodiscard]] choice pick(const call_record& call, bool elsewhere, time_point now, random_source& random);
    /// The attempt ended. True: the endpoint was draining, and has gone with that.
    bool report(const permit& what, outcome how, time_point now, random_source& random);
    /// Is the call made again after an attempt that ended so? Pays for it, and counts it in `call`.
    [[nodiscard]] std::optional<repetition> repeat(call_record& call, const attempt_end& last, time_point now,
                                                   random_source& random);
    /// When a further attempt beside the running ones is due, `since` the last began; `never`: none is.
    [[nodiscard]] time_point hedge_at(const call_record& call, time_point since, time_point now) noexcept;
    /// The time is over: may it be made? Pays for it, and counts it in `call`.
    [[nodiscard]] bool hedge(call_record& call, time_point now) noexcept;
    /// A hedge answered first.
    void note_hedge_won() noexcept;
    /// The call ended.
    void end_call(bool success) noexcept;

    // Checks and time.

    /// The checks to be made now, into `due`; each comes back by `check_ended`.
    void begin_checks(time_point now, std::vector<due_check>& due);
    void check_ended(const due_check& which, check_outcome how, time_point now, random_source& random);
    /// When `begin_checks` has something to do next.
    [[nodiscard]] time_point next_check() const noexcept;
    /// Has that come nearer since it was asked last? Then whoever waits for it must look again.
    [[nodiscard]] bool take_hurry() noexcept { return std::exchange(hurried_, false); }

    // For operators and reports.

    /// `closed`, `open`, `forced_open` or `disabled`. Nothing happens without a breaker.
    void set_breaker(endpoint_id which, resilience::breaker_state to, time_point now);
    [[nodiscard]] health_report describe(time_point now) const;
    /// For errors: why each endpoint was not chosen.
    [[nodiscard]] std::string explain(time_point now) const;
    [[nodiscard]] const settings& policies() const noexcept { return settings_; }
    /// Keeps what happens from now on, for `take_events`.
    void keep_events() noexcept { keeps_events_ = true; }
    [[nodiscard]] std::vector<event> take_events() noexcept { return std::exchange(events_, {}); }

private:
    static constexpr std::size_t remembered_changes = 32;

    struct member {
        endpoint_settings settings;
        endpoint_id id;
        upstream::membership membership = membership::active;
        std::uint32_t generation = 1;
        std::optional<resilience::circuit_breaker> breaker;
        resilience::breaker_state breaker_state = resilience::breaker_state::closed;
        /// While the breaker is open: asking it earlier is in vain.
        time_point closed_until = time_point::min();
        /// Checks that passed in a row while the breaker is open, and how many let probes through before its time. The
        /// second doubles with each time that the probes failed after all, for then the checks prove little.
        std::uint32_t passed_while_open = 0;
        std::uint32_t passes_needed = 1;
        health_check health;
        resilience::peak_ewma latency;
        /// The slow start counts from here; `time_point::min()`: it is over.
        time_point risen = time_point::min();
        bool was_ejected = false;
        std::uint32_t in_use = 0;
        std::uint64_t attempts = 0;
        std::array<std::uint64_t, 6> outcomes{};
        std::uint64_t late = 0;
        std::uint64_t ejections = 0;
        std::vector<breaker_change> changes;  // a ring once it is full
        std::size_t oldest_change = 0;
    };

    [[nodiscard]] member* at(endpoint_id which) noexcept;
    [[nodiscard]] const member* at(endpoint_id which) const noexcept;
    [[nodiscard]] std::size_t position_of(const member& which) const noexcept;
    [[nodiscard]] member& append(const endpoint_settings& which, time_point now, random_source& random);
    void erase(std::size_t position);
    void note_breaker(member& which, time_point now, random_source& random);
    void note_ejection(member& which, time_point now) noexcept;
    void hurry(member& which, time_point now, random_source& random) noexcept;
    void sweep(time_point now, random_source& random);
    void take_back(member& which, time_point now) noexcept;
    void remember(member& which, const breaker_change& what);
    void note_eject(member& which, time_point now, random_source& random);
    [[nodiscard]] bool is_ejected(std::size_t position, time_point now) const noexcept;
    [[nodiscard]] bool is_in_trouble(const member& which, time_point now) const noexcept;
    [[nodiscard]] double weight_of(member& which, time_point now) const noexcept;
    [[nodiscard]] double weight_now(const member& which, time_point now) const noexcept;
    [[nodiscard]] refusal fill_views(const call_record& call, bool elsewhere, bool suspicious, time_point now);
    [[nodiscard]] std::optional<std::size_t> choose_admitted(choice& into, time_point now, random_source& random);
    [[nodiscard]] permit take(std::size_t position, const resilience::breaker_admission* admission, time_point now);
    [[nodiscard]] bool knows_untried(const call_record& call, time_point now) const noexcept;
    [[nodiscard]] duration shortest_rest(const call_record& call, time_point now) const noexcept;
    [[nodiscard]] std::optional<duration> pause_before(const call_record& call, time_point now,
                                                       random_source& random) const;
    [[nodiscard]] bool serves_without(const member& which, time_point now) const noexcept;

    settings settings_;
    std::vector<member> members_;
    std::vector<std::uint32_t> free_indices_;
    std::vector<std::uint32_t> generations_;  // by the index of an endpoint_id
    std::vector<std::uint32_t> positions_;    // the same
    resilience::load_balancer balancer_;
    std::optional<resilience::outlier_ejection> ejection_;
    resilience::retry_budget budget_;
    std::optional<resilience::hedge> hedge_;
    std::vector<resilience::endpoint_view> views_;
    bool hurried_ = false;
    bool keeps_events_ = false;
    std::vector<event> events_;
    health_report totals_;
};

}  // namespace lido::upstream

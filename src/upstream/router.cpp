#include "upstream/router.hpp"

#include "lido/base/assert.hpp"

#include <algorithm>

namespace lido::upstream {

using resilience::breaker_state;
using resilience::endpoint_role;

namespace {

/// Checks that passed are believed less with each time that calls failed after all, down to this.
constexpr std::uint32_t most_passes_needed = 64;

resilience::call_outcome call_outcome_of(outcome how) noexcept {
    switch (how) {
        case outcome::success:
            return resilience::call_outcome::success;
        case outcome::failed:
        case outcome::unsure:
        case outcome::unreached:
            return resilience::call_outcome::failure;
        case outcome::refused:
        case outcome::ignored:
            break;
    }
    return resilience::call_outcome::ignored;
}

}  // namespace

std::string_view name_of(refusal why) noexcept {
    switch (why) {
        case refusal::none:
            return "none";
        case refusal::no_endpoint:
            return "no_endpoint";
        case refusal::read_only:
            return "read_only";
        case refusal::tried:
            return "tried";
        case refusal::unavailable:
            return "unavailable";
    }
    return "unknown";
}

router::router(const settings& policies, std::span<const endpoint_settings> endpoints, time_point now,
               random_source& random)
    : settings_(policies), balancer_(policies.balancer, random.below(1'000'000)), budget_(policies.retry_budget) {
    LIDO_ASSERT(policies.validate());
    if (settings_.ejection) ejection_.emplace(*settings_.ejection, 0, now);
    if (settings_.hedge) hedge_.emplace(*settings_.hedge);
    for (const endpoint_settings& each : endpoints) static_cast<void>(append(each, now, random));
    totals_.name = settings_.name;
}

// ---- members --------------------------------------------------------------------------------------------------------

router::member& router::append(const endpoint_settings& which, time_point now, random_source& random) {
    std::uint32_t index = 0;
    if (free_indices_.empty()) {
        index = static_cast<std::uint32_t>(generations_.size());
        generations_.push_back(0);
        positions_.push_back(0);
    } else {
        index = free_indices_.back();
        free_indices_.pop_back();
    }
    positions_[index] = static_cast<std::uint32_t>(members_.size());
    member made{.settings = which,
                .id = {index, ++generations_[index]},
                .breaker = std::nullopt,
                .health = health_check(settings_.health, now, random),
                .latency = resilience::peak_ewma(settings_.latency),
                .changes = {}};
    if (settings_.breaker) made.breaker.emplace(*settings_.breaker, now);
    // Before there were any, all are equally cold.
    if (totals_.attempts > 0) made.risen = now;
    members_.push_back(std::move(made));
    if (ejection_) ejection_->add();
    hurried_ = true;
    return members_.back();
}

void router::erase(std::size_t position) {
    const std::uint32_t index = members_[position].id.index;
    ++generations_[index];  // permits that are still out find nothing
    free_indices_.push_back(index);
    members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(position));
    if (ejection_) ejection_->remove(position);
    for (std::size_t i = position; i < members_.size(); ++i) {
        positions_[members_[i].id.index] = static_cast<std::uint32_t>(i);
    }
}

router::member* router::at(endpoint_id which) noexcept {
    if (which.index >= generations_.size() || generations_[which.index] != which.generation) return nullptr;
    return &members_[positions_[which.index]];
}

const router::member* router::at(endpoint_id which) const noexcept {
    if (which.index >= generations_.size() || generations_[which.index] != which.generation) return nullptr;
    return &members_[positions_[which.index]];
}

std::size_t router::position_of(const member& which) const noexcept {
    return positions_[which.id.index];
}

std::optional<endpoint_id> router::add(const endpoint_settings& which, time_point now, random_source& random) {
    LIDO_ASSERT(which.validate());
    if (members_.size() >= settings_.max_endpoints) return std::nullopt;
    return append(which, now, random).id;
}

bool router::remove(endpoint_id which) {
    member* const found = at(which);
    if (found == nullptr) return true;
    found->membership = membership::draining;
    if (found->in_use > 0) return false;
    erase(position_of(*found));
    return true;
}

bool router::is_fenced_by(endpoint_id which, const endpoint_settings& to) const noexcept {
    const member* const found = at(which);
    return found != nullptr && (found->settings.role != to.role || found->settings.read_only != to.read_only);
}

bool router::change(endpoint_id which, const endpoint_settings& to, time_point now) {
    member* const found = at(which);
    if (found == nullptr) return false;
    const bool fenced = is_fenced_by(which, to);
    found->settings.weight = to.weight;
    found->settings.role = to.role;
    found->settings.read_only = to.read_only;
    if (fenced) retire(which, now);
    return fenced;
}

void router::retire(endpoint_id which, time_point) {
    if (member* const found = at(which)) ++found->generation;
}

std::optional<endpoint_id> router::find(std::string_view name) const noexcept {
    for (const member& each : members_) {
        if (each.membership == membership::active && each.settings.name == name) return each.id;
    }
    return std::nullopt;
}

bool router::is_active(endpoint_id which) const noexcept {
    const member* const found = at(which);
    return found != nullptr && found->membership == membership::active;
}

// ---- the choice -----------------------------------------------------------------------------------------------------

bool router::is_ejected(std::size_t position, time_point now) const noexcept {
    return ejection_ && ejection_->is_ejected(position, now);
}

bool router::is_in_trouble(const member& which, time_point now) const noexcept {
    return which.health.state() == health_state::unhealthy || which.breaker_state == breaker_state::open ||
           which.breaker_state == breaker_state::half_open || is_ejected(position_of(which), now);
}

double router::weight_now(const member& which, time_point now) const noexcept {
    if (!settings_.slow_start || which.risen == time_point::min()) return which.settings.weight;
    return which.settings.weight * resilience::slow_start_share(*settings_.slow_start, now - which.risen);
}

/// As `weight_now`, and notes the end of a slow start, so that its curve is not worked out for ever.
double router::weight_of(member& which, time_point now) const noexcept {
    if (which.risen == time_point::min()) return which.settings.weight;
    if (!settings_.slow_start || now - which.risen >= settings_.slow_start->window) {
        which.risen = time_point::min();
        return which.settings.weight;
    }
    return weight_now(which, now);
}

/// Shows the balancer who may be chosen; otherwise the reason why nobody can be. With `suspicious`, health and
/// ejections do not count.
refusal router::fill_views(const call_record& call, bool elsewhere, bool suspicious, time_point now) {
    const bool by_latency = settings_.balancer.strategy == resilience::balancing::nearest;
    views_.resize(members_.size());
    bool any = false;
    bool any_for_writes = false;
    bool any_untried = false;
    bool any_left = false;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        member& each = members_[i];
        resilience::endpoint_view& view = views_[i];
        view.weight = weight_of(each, now);
        view.load = each.in_use;
        view.latency = by_latency ? each.latency.value(now) : duration::zero();
        view.role = each.settings.role;
        view.healthy = false;
        if (each.membership != membership::active || view.weight <= 0.0) continue;
        any = true;
        if (call.writes && each.settings.read_only) continue;
        any_for_writes = true;
        if (elsewhere && call.tried.contains(each.id)) continue;
        any_untried = true;
        const bool ejected = is_ejected(i, now);
        if (each.was_ejected && !ejected) note_ejection(each, now);
        if (now < each.closed_until || now < call.resting.until(each.id)) continue;
        if (!suspicious && (ejected || each.health.state() == health_state::unhealthy)) continue;
        view.healthy = true;
        any_left = true;
    }
    if (any_left) return refusal::none;
    if (!any) return refusal::no_endpoint;
    if (!any_for_writes) return refusal::read_only;
    return any_untried ? refusal::unavailable : refusal::tried;
}

permit router::take(std::size_t position, const resilience::breaker_admission* admission, time_point now) {
    member& chosen = members_[position];
    ++chosen.in_use;
    ++chosen.attempts;
    ++totals_.attempts;
    if (chosen.settings.role == endpoint_role::backup) ++totals_.backups;
    permit made{.endpoint = chosen.id, .generation = chosen.generation, .started = now, .breaker = {}};
    if (admission != nullptr) {
        made.has_breaker = true;
        made.breaker = *admission->permit;
    }
    return made;
}

/// The balancer's choice whose breaker admits. One that does not is taken out, and the balancer asked again.
std::optional<std::size_t> router::choose_admitted(choice& into, time_point now, random_source& random) {
    for (std::size_t tries = 0; tries < members_.size(); ++tries) {
        const std::optional<std::size_t> position = balancer_.choose(views_, random);
        if (!position) return std::nullopt;
        member& chosen = members_[*position];
        if (!chosen.breaker) {
            into.permit = take(*position, nullptr, now);
            return position;
        }
        const resilience::breaker_admission admission = chosen.breaker->admit(now);
        note_breaker(chosen, now, random);
        if (admission) {
            into.permit = take(*position, &admission, now);
            return position;
        }
        // While it is half open its probes may end at any time; then it is asked each time.
        if (chosen.breaker_state != breaker_state::half_open) chosen.closed_until = admission.next_chance;
        views_[*position].healthy = false;
    }
    return std::nullopt;
}

choice router::pick(const call_record& call, bool elsewhere, time_point now, random_source& random) {
    choice made;
    made.why = fill_views(call, elsewhere, false, now);
    if (made.why == refusal::none && choose_admitted(made, now, random)) return made;
    // Suspicions are set aside for want of anybody else, but not in order to ask a second one after a failure.
    const bool may_panic = settings_.panic && (!elsewhere || call.tried.empty());
    if (may_panic && (made.why == refusal::none || made.why == refusal::unavailable)) {
        made.why = fill_views(call, elsewhere, true, now);
        if (made.why == refusal::none && choose_admitted(made, now, random)) {
            ++totals_.panics;
            return made;
        }
    }
    if (call.tried.empty()) ++totals_.refused;
    if (made.why == refusal::none) made.why = refusal::unavailable;
    if (made.why != refusal::unavailable) return made;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const member& each = members_[i];
        if (each.membership != membership::active) continue;
        time_point chance = std::max(now, each.closed_until);
        if (!settings_.panic && is_ejected(i, now)) chance = std::max(chance, ejection_->returns_at(i));
        if (!settings_.panic && each.health.state() == health_state::unhealthy) {
            chance = std::max(chance, each.health.next());
        }
        made.next_chance = std::min(made.next_chance, chance);
    }
    return made;
}

// ---- outcomes -------------------------------------------------------------------------------------------------------

void router::remember(member& which, const breaker_change& what) {
    if (keeps_events_ && what.from != what.to) {
        events_.emplace_back([name = which.settings.name, what](observer& by, std::string_view service) {
            by.breaker_changed(service, name, what.from, what.to);
        });
    }
    if (which.changes.size() < remembered_changes) {
        which.changes.push_back(what);
        return;
    }
    which.changes[which.oldest_change] = what;
    which.oldest_change = (which.oldest_change + 1) % remembered_changes;
}

/// Follows the breaker into a new state.
void router::note_breaker(member& which, time_point now, random_source& random) {
    const breaker_state current = which.breaker->state(now);
    const breaker_state before = which.breaker_state;
    if (current == before) return;
    which.breaker_state = current;
    remember(which, {now, before, current});
    which.closed_until = time_point::min();
    which.passed_while_open = 0;
    if (current == breaker_state::open) {
        if (before == breaker_state::half_open) {
            which.passes_needed = std::min(which.passes_needed * 2, most_passes_needed);
        }
        hurry(which, now, random);
    } else if (current == breaker_state::closed) {
        which.passes_needed = 1;
        which.risen = now;
    }
}

/// It is ejected.
void router::note_eject(member& which, time_point now, random_source& random) {
    which.was_ejected = true;
    ++which.ejections;
    hurry(which, now, random);
    if (!keeps_events_) return;
    const duration time = ejection_->returns_at(position_of(which)) - now;
    events_.emplace_back([name = which.settings.name, time](observer& by, std::string_view service) {
        by.ejected(service, name, time);
    });
}

/// Its ejection is over.
void router::note_ejection(member& which, time_point now) noexcept {
    which.was_ejected = false;
    which.risen = now;
    if (!keeps_events_) return;
    events_.emplace_back(
        [name = which.settings.name](observer& by, std::string_view service) { by.returned(service, name); });
}

bool router::report(const permit& what, outcome how, time_point now, random_source& random) {
    member* const found = at(what.endpoint);
    if (found == nullptr) return false;
    LIDO_ASSERT(found->in_use > 0);
    --found->in_use;
    ++found->outcomes[static_cast<std::size_t>(how)];
    const bool counts = what.generation == found->generation;
    if (!counts) ++found->late;
    const resilience::call_outcome ended = counts ? call_outcome_of(how) : resilience::call_outcome::ignored;
    if (found->breaker && what.has_breaker) {
        found->breaker->report(what.breaker, ended, now);
        note_breaker(*found, now, random);
    }
    if (ended != resilience::call_outcome::ignored) {
        const bool success = ended == resilience::call_outcome::success;
        found->latency.record(now - what.started, now);
        if (success && hedge_) hedge_->record(now - what.started, now);
        if (ejection_ && ejection_->report(position_of(*found), success, now, random)) {
            note_eject(*found, now, random);
        }
    }
    sweep(now, random);
    if (found->membership != membership::draining || found->in_use > 0) return false;
    erase(position_of(*found));
    return true;
}

// ---- calls ----------------------------------------------------------------------------------------------------------

void router::begin_call(time_point now) noexcept {
    ++totals_.calls;
    ++totals_.running;
    budget_.note_request(now);
}

void router::end_call(bool success) noexcept {
    --totals_.running;
    if (success) ++totals_.succeeded;
}

/// Is there an endpoint beyond suspicion that the call has not tried?
bool router::knows_untried(const call_record& call, time_point now) const noexcept {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const member& each = members_[i];
        if (each.membership != membership::active || each.settings.weight <= 0.0) continue;
        if (call.writes && each.settings.read_only) continue;
        if (now < each.closed_until || each.health.state() == health_state::unhealthy || is_ejected(i, now)) continue;
        if (!call.tried.contains(each.id)) return true;
    }
    return false;
}

/// Until the first of those that the call may use has had the rest that it asked for.
duration router::shortest_rest(const call_record& call, time_point now) const noexcept {
    time_point first = never;
    for (const member& each : members_) {
        if (each.membership != membership::active || each.settings.weight <= 0.0) continue;
        if (call.writes && each.settings.read_only) continue;
        first = std::min(first, call.resting.until(each.id));
    }
    return first <= now || first == never ? duration::zero() : first - now;
}

/// Before an attempt at an endpoint that the call has tried. Nothing: it would come too late.
std::optional<duration> router::pause_before(const call_record& call, time_point now, random_source& random) const {
    const duration rest = shortest_rest(call, now);
    if (rest > settings_.repeat.max_retry_after) return std::nullopt;
    const duration pause = std::max(rest, back_off_delay(settings_.repeat.back_off, call.retries + 1, random));
    if (deadline_after(now, pause) >= call.deadline) return std::nullopt;
    return pause;
}

std::optional<repetition> router::repeat(call_record& call, const attempt_end& last, time_point now,
                                         random_source& random) {
    const bool unsent = last.what == outcome::unreached || last.what == outcome::refused;
    if (!unsent && !(last.what == outcome::failed && call.repeatable)) return std::nullopt;
    if (call.retries >= settings_.repeat.max_retries) return std::nullopt;
    repetition next;
    next.elsewhere = knows_untried(call, now);
    if (last.retry_after && !call.tried.empty())
        call.resting.add(call.tried.back(), deadline_after(now, *last.retry_after));
    if (!last.only_elsewhere) next.otherwise = pause_before(call, now, random);
    if (!next.elsewhere) {
        if (!next.otherwise) return std::nullopt;
        next.pause = *std::exchange(next.otherwise, std::nullopt);
    }
    if (deadline_after(now, next.pause) >= call.deadline) return std::nullopt;
    const bool moves = last.what == outcome::unreached;
    using use = resilience::retry_budget_use;
    if (!budget_.try_spend(now, moves ? use::reconnect : use::retry)) return std::nullopt;
    ++call.retries;
    ++(moves ? totals_.failovers : totals_.retries);
    if (keeps_events_) {
        const member* const tried = call.tried.empty() ? nullptr : at(call.tried.back());
        events_.emplace_back(
            [name = tried != nullptr ? tried->settings.name : std::string(), how = last.what, pause = next.pause](
                observer& by, std::string_view service) { by.repeated(service, name, how, pause); });
    }
    return next;
}

time_point router::hedge_at(const call_record& call, time_point since, time_point now) noexcept {
    if (!hedge_ || !call.repeatable) return never;
    const std::optional<duration> delay = hedge_->delay(call.hedges, now);
    return delay ? deadline_after(since, *delay) : never;
}

bool router::hedge(call_record& call, time_point now) noexcept {
    LIDO_ASSERT(hedge_.has_value());
    // Asked or not, its turn is over: a spent budget must not be asked again and again.
    ++call.hedges;
    if (!hedge_->try_hedge(budget_, now)) return false;
    ++totals_.hedges;
    if (keeps_events_) events_.emplace_back([](observer& by, std::string_view service) { by.hedged(service); });
    return true;
}

void router::note_hedge_won() noexcept {
    if (hedge_) hedge_->note_won();
}

// ---- checks and time ------------------------------------------------------------------------------------------------

void router::begin_checks(time_point now, std::vector<due_check>& due) {
    for (member& each : members_) {
        if (each.membership != membership::active) continue;
        if (const auto number = each.health.begin(now)) {
            due.push_back({each.id, *number, deadline_after(now, settings_.health.timeout)});
        }
    }
}

void router::check_ended(const due_check& which, check_outcome how, time_point now, random_source& random) {
    member* const found = at(which.endpoint);
    if (found == nullptr) return;
    if (found->breaker) note_breaker(*found, now, random);
    const bool open = found->breaker_state == breaker_state::open;
    // Where nobody else serves, a probe that fails costs no more than the refusal in its place.
    const std::uint32_t needed = serves_without(*found, now) ? found->passes_needed : 1;
    if (how == check_outcome::passed && open && ++found->passed_while_open >= needed) {
        found->breaker->let_probes_through(now);
        note_breaker(*found, now, random);
        // Its probes judge better than the time of an ejection.
        take_back(*found, now);
    } else if (how == check_outcome::failed) {
        // Checks that fail when calls do are to be believed when they succeed.
        found->passed_while_open = 0;
        found->passes_needed = 1;
    }
    const health_state before = found->health.state();
    if (!found->health.end(which.number, how, is_in_trouble(*found, now), now, random)) return;
    if (keeps_events_) {
        events_.emplace_back(
            [name = found->settings.name, before, after = found->health.state()](
                observer& by, std::string_view service) { by.health_changed(service, name, before, after); });
    }
    if (before != health_state::unhealthy) return;
    // What the checks have seen going they have seen coming back; an ejection of that time says nothing more.
    found->risen = now;
    take_back(*found, now);
}

/// Is there another endpoint beyond suspicion?
bool router::serves_without(const member& which, time_point now) const noexcept {
    return std::any_of(members_.begin(), members_.end(), [&](const member& each) {
        return &each != &which && each.membership == membership::active && each.settings.weight > 0.0 &&
               !is_in_trouble(each, now);
    });
}

void router::take_back(member& which, time_point now) noexcept {
    if (!ejection_ || !which.was_ejected) return;
    ejection_->take_back(position_of(which));
    note_ejection(which, now);
}

time_point router::next_check() const noexcept {
    time_point next = never;
    for (const member& each : members_) {
        if (each.membership == membership::active) next = std::min(next, each.health.next());
    }
    return next;
}

void router::hurry(member& which, time_point now, random_source& random) noexcept {
    which.health.hurry(now, random);
    hurried_ = true;
}

/// Compares success rates when it is time. Calls drive it: without them there is nothing to compare.
void router::sweep(time_point now, random_source& random) {
    if (!ejection_ || now < ejection_->next_sweep() || ejection_->sweep(now, random) == 0) return;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        member& each = members_[i];
        if (each.was_ejected || !ejection_->is_ejected(i, now)) continue;
        note_eject(each, now, random);
    }
}

// ---- operators ------------------------------------------------------------------------------------------------------

void router::set_breaker(endpoint_id which, breaker_state to, time_point now) {
    member* const found = at(which);
    if (found == nullptr || !found->breaker) return;
    switch (to) {
        case breaker_state::closed:
            found->breaker->close(now);
            break;
        case breaker_state::open:
        case breaker_state::half_open:
            found->breaker->open(now);
            break;
        case breaker_state::forced_open:
            found->breaker->force_open(now);
            break;
        case breaker_state::disabled:
            found->breaker->disable(now);
            break;
    }
    found->closed_until = time_point::min();
    remember(*found, {now, found->breaker_state, found->breaker->state(now)});
    found->breaker_state = found->breaker->state(now);
}

}  // namespace lido::upstream

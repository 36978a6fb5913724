#include "sim/world.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace lido::sim {
namespace {

using namespace std::chrono_literals;

void demand(bool holds, const char* what) {
    if (!holds) disagree(what);
}

/// The last few of something, for those who come back to it.
template <class Value>
void remember(std::vector<Value>& past, const Value& value) {
    if (past.size() >= 8) past.erase(past.begin());
    past.push_back(value);
}

template <class Value>
void forget(std::vector<Value>& all, std::size_t which) {
    all[which] = all.back();
    all.pop_back();
}

std::uint64_t number(time_point when) {
    return static_cast<std::uint64_t>(when.time_since_epoch().count());
}

}  // namespace

world::world(const world_config& config)
    : config_(config),
      book_(config.settings, config.schedulers, now_, random_source(config.seed)),
      model_(config.settings, now_) {
    demand(config.settings.validate().has_value(), "a world with settings that are not valid");
    wake(now_);
}

void world::apply(const choice& what) {
    if (teller_ != nullptr) std::fprintf(teller_, "%s\n", name_of(what.what));
    const draw random{what.value};
    draw time = random;
    // Times of all magnitudes are equally likely: the exact moment of a deadline must come up as well as an hour.
    const duration some_time = config_.step / static_cast<duration::rep>(1ULL << time.below(24));
    switch (what.what) {
        case event::acquire:
            return acquire(random);
        case event::cancel:
            return cancel(what.pick);
        case event::cancel_again:
            return stale_cancel(what.pick);
        case event::release:
            return release(what.pick, random);
        case event::release_again:
            return stale_release(what.pick);
        case event::answer:
            return answer(what.pick, random);
        case event::late_answer:
            return stale_answer(what.pick);
        case event::advance:
            return advance(time.one_in(4) && wake_ > now_ && wake_ != never ? wake_ - now_ : some_time);
        case event::sleep:
            return sleep(some_time * 1000);
        case event::tick:
            return spurious_tick();
        case event::lost:
            return lose(what.pick);
        case event::capacity:
            return change_capacity(what.pick, random);
        case event::pause:
            model_.begin(now_);
            book_.pause(now_);
            model_.paused(true);
            return after();
        case event::resume:
            model_.begin(now_);
            book_.resume(now_, out_);
            model_.paused(false);
            return after();
        case event::resize:
            return resize(random);
        case event::reconfigure: {
            random_source source(what.value);
            pool::settings drawn = draw_settings(source);
            if (config_.adaptive) drawn.sizing = draw_sizing(source);
            return reconfigure(drawn);
        }
        case event::retire_all:
            model_.begin(now_);
            book_.retire_all(now_, out_);
            model_.retired_all();
            return after();
        case event::warm_up: {
            const std::size_t count = time.below(book_.current_settings().max_size + 2);
            model_.begin(now_);
            model_.warming_up(count);
            book_.warm_up(now_, count, out_);
            return after();
        }
        case event::drain:
            return drain(some_time);
        case event::close_one_idle:
            return close_one_idle();
        case event::allow: {
            draw size = random;
            const std::size_t some = size.below(book_.current_settings().max_size + 2);
            return allow(size.one_in(4) ? pool::settings::unlimited : some);
        }
    }
}

// ---------------------------------------------------------------------------------------------- borrowers

void world::acquire(draw random) {
    pool::acquire_request request;
    request.priority = static_cast<std::uint8_t>(random.one_in(2) ? 1 : 1 + random.below(10));
    const duration patience = config_.patience == duration::zero()
                                  ? book_.current_settings().acquire_timeout
                                  : config_.patience / static_cast<duration::rep>(1ULL << random.below(20));
    request.deadline = random.one_in(50) ? now_ : deadline_after(now_, patience);
    request.holder = config_.holders == 0 || random.one_in(3) ? 0 : 1 + random.below(config_.holders);
    request.affinity = static_cast<std::uint32_t>(random.below(config_.schedulers));
    request.waits = !random.one_in(40);
    model_.begin(now_);
    const model::opinion wanted = model_.on_acquire(request);
    const pool::acquire_outcome outcome = book_.acquire(now_, request, out_);
    using kind = pool::acquire_outcome::kind;
    if (teller_ != nullptr) {
        std::fprintf(teller_, "  holder %u: %s, slot %u.%u, waiter %u.%u, %s\n", static_cast<unsigned>(request.holder),
                     outcome.what == kind::granted  ? "granted"
                     : outcome.what == kind::queued ? "queued"
                                                    : "refused",
                     outcome.slot.index, outcome.slot.generation, outcome.waiter.index, outcome.waiter.generation,
                     std::string(lido::name_of(outcome.reason)).c_str());
    }
    switch (wanted.what) {
        case model::answer::granted:
            demand(outcome.what == kind::granted, "not granted at once");
            break;
        case model::answer::queued:
            demand(outcome.what == kind::queued, "not queued");
            break;
        case model::answer::refused:
            demand(outcome.what == kind::refused, "not refused");
            demand(outcome.reason == wanted.reason, "refused for another reason");
            break;
        case model::answer::granted_or_not:
            break;
    }
    model_.acquired(request, outcome);
    if (outcome.what == kind::granted) held_.push_back(outcome.lease);
    if (outcome.what == kind::queued) waiting_.push_back(outcome.waiter);
    mix(static_cast<std::uint64_t>(outcome.what) + 17);
    after();
}

void world::cancel(std::uint32_t pick) {
    if (waiting_.empty()) return;
    const std::size_t which = pick % waiting_.size();
    const pool::waiter_id who = waiting_[which];
    forget(waiting_, which);
    remember(answered_, who);
    model_.begin(now_);
    demand(book_.cancel(now_, who, out_) == model_.cancelled(who), "cancelled, or not");
    after();
}

void world::release(std::uint32_t pick, draw random) {
    if (held_.empty()) return;
    const std::size_t which = pick % held_.size();
    const pool::lease_id lease = held_[which];
    pool::verdict verdict = pool::verdict::clean;
    if (config_.has(fault::returned_dirty) && random.one_in(4)) verdict = pool::verdict::needs_reset;
    if (config_.has(fault::returned_broken) && random.one_in(6)) verdict = pool::verdict::broken;
    forget(held_, which);
    remember(returned_, lease);
    model_.begin(now_);
    if (config_.has(fault::kept) && verdict == pool::verdict::clean && random.one_in(3)) {
        const time_point lent = book_.lease(lease).since;
        const time_point since = lent + (now_ - lent) / 8 * static_cast<duration::rep>(random.below(9));
        demand(book_.release_kept(now_, lease, since, out_), "a lease that was kept was not known");
        demand(model_.released(lease, verdict, std::min(now_, since)), "a lease that was kept is not out");
        return after();
    }
    const bool known = book_.release(now_, lease, verdict, out_);
    demand(known && model_.released(lease, verdict, now_), "a lease that is out was not known");
    after();
}

void world::stale_cancel(std::uint32_t pick) {
    if (answered_.empty()) return;
    model_.begin(now_);
    demand(!book_.cancel(now_, answered_[pick % answered_.size()], out_), "cancelled after the answer");
    demand(out_.empty(), "a stale cancel did something");
    after();
}

void world::stale_release(std::uint32_t pick) {
    if (returned_.empty()) return;
    model_.begin(now_);
    const pool::lease_id lease = returned_[pick % returned_.size()];
    demand(!book_.release(now_, lease, pool::verdict::broken, out_), "returned twice");
    demand(!book_.release_kept(now_, lease, now_, out_), "returned twice, once from where it was kept");
    demand(out_.empty(), "a stale return did something");
    after();
}

// ---------------------------------------------------------------------------------------------- operations

void world::answer(std::uint32_t pick, draw random) {
    if (running_.empty()) return;
    const std::size_t which = pick % running_.size();
    if (running_[which].hangs) return;
    const operation done = running_[which];
    forget(running_, which);
    finish(done, random);
}

void world::finish(const operation& done, draw random) {
    const auto fails = [&](fault which) { return !healed_ && config_.has(which) && random.one_in(3); };
    model_.begin(now_);
    bool taken = false;
    switch (done.what) {
        case work::open:
            if (fails(fault::connect_fails)) {
                taken = book_.open_failed(now_, done.slot, out_);
                model_.open_failed(done.slot);
            } else {
                auto capacity = static_cast<std::uint32_t>(1 + random.below(config_.top_capacity));
                if (fails(fault::no_capacity) && random.one_in(4)) capacity = 0;
                taken = book_.opened(now_, done.slot, capacity, out_);
                model_.opened(book_, done.slot, capacity);
            }
            break;
        case work::check: {
            const bool works = !fails(fault::check_fails);
            taken = book_.checked(now_, done.slot, works, out_);
            model_.checked(done.slot, works);
            break;
        }
        case work::reset: {
            const bool clean = !fails(fault::reset_fails);
            taken = book_.reset_done(now_, done.slot, clean, out_);
            model_.reset_done(done.slot, clean);
            break;
        }
        case work::close:
            taken = book_.closed(now_, done.slot, out_);
            model_.closed(done.slot);
            break;
    }
    demand(taken, "an answer in time was taken for a late one");
    after();
}

void world::stale_answer(std::uint32_t pick) {
    if (abandoned_.empty()) return;
    const operation late = abandoned_[pick % abandoned_.size()];
    model_.begin(now_);
    bool taken = false;
    switch (late.what) {
        case work::open:
            taken =
                (pick & 1U) != 0 ? book_.opened(now_, late.slot, 1, out_) : book_.open_failed(now_, late.slot, out_);
            break;
        case work::check:
            taken = book_.checked(now_, late.slot, true, out_);
            break;
        case work::reset:
            taken = book_.reset_done(now_, late.slot, true, out_);
            break;
        case work::close:
            return;
    }
    demand(!taken && out_.empty(), "a late answer did something");
    after();
}

// ---------------------------------------------------------------------------------------------- time

void world::advance(duration by) {
    const time_point end = now_ + by;
    // Many wakes in a row with nothing between them show nothing new.
    for (int wakes = 0; wake_ <= end; ++wakes) {
        if (wakes == 20) return;
        wake(std::max(now_, wake_));
    }
    now_ = end;
}

void world::sleep(duration by) {
    wake(now_ + by);
}

void world::wake(time_point when) {
    now_ = when;
    model_.begin(now_);
    model_.ticked();
    book_.tick(now_, out_);
    wake_ = book_.next_wake();
    after();
    demand(wake_ > now_, "a tick asks for another at the same time");
}

void world::spurious_tick() {
    model_.begin(now_);
    model_.decide_size_when_due();
    book_.tick(now_, out_);
    // Deadlines between two ticks of the wheel may be seen early by whoever looks.
    for (const pool::action& each : out_) {
        demand(each.kind == pool::action_kind::refuse || wake_ <= now_ + 1ms,
               "a tick that nobody asked for did something");
    }
    after();
}

// ---------------------------------------------------------------------------------------------- news

pool::slot_id world::some_slot(std::uint32_t pick) const {
    return slots_.empty() ? pool::slot_id{0, 0} : slots_[pick % slots_.size()];
}

void world::lose(std::uint32_t pick) {
    const pool::slot_id slot = some_slot(pick);
    model_.begin(now_);
    const bool taken = book_.lost(now_, slot, out_);
    demand(taken == model_.lost(slot, false), "lost, or not");
    after();
}

void world::change_capacity(std::uint32_t pick, draw random) {
    const pool::slot_id slot = some_slot(pick);
    const auto capacity = static_cast<std::uint32_t>(random.one_in(4) ? 0 : 1 + random.below(config_.top_capacity));
    model_.begin(now_);
    const bool taken = book_.capacity_changed(now_, slot, capacity, out_);
    demand(taken == model_.capacity_changed(slot, capacity), "a capacity changed, or not");
    after();
}

// ---------------------------------------------------------------------------------------------- the operator

void world::reconfigure(const pool::settings& settings) {
    model_.begin(now_);
    book_.reconfigure(now_, settings, out_);
    model_.reconfigured(book_, settings);
    after();
}

void world::resize(draw random) {
    pool::settings settings = book_.current_settings();
    settings.max_size = 1 + random.below(8);
    settings.min_size = random.below(settings.max_size + 1);
    settings.max_idle = std::max(settings.max_idle, settings.min_size);
    reconfigure(settings);
}

void world::close_one_idle() {
    model_.begin(now_);
    const bool wanted = model_.closing_one_idle();
    demand(book_.close_one_idle(now_, out_) == wanted, "one was closed to make room, or not");
    after();
}

void world::allow(std::size_t allowance) {
    model_.begin(now_);
    book_.allow(now_, allowance, out_);
    model_.allowed(allowance);
    after();
}

void world::drain(duration timeout) {
    model_.begin(now_);
    book_.drain(now_, now_ + timeout, out_);
    model_.drained(now_ + timeout);
    after();
}

// ---------------------------------------------------------------------------------------------- after each event

void world::after() {
    ++steps_;
    mix(number(now_));
    demand(out_.size() <= 4 * (slots_.size() + waiting_.size() + 128), "more actions than there is to act on");
    if (teller_ != nullptr)
        std::fprintf(teller_, "  at %s\n", to_text(now_.time_since_epoch() - std::chrono::hours(1000)).c_str());
    model_.look(book_);
    for (const pool::action& each : out_) {
        if (teller_ != nullptr) tell(each);
        model_.take(each);
        carry_out(each);
    }
    out_.clear();
    model_.end(book_);
    if (book_.take_wake_changed()) wake_ = book_.next_wake();
    if (steps_ % 8 == 0) demand(wake_ <= book_.next_wake(), "the shell would sleep too long");
    if (steps_ % 64 == 0) book_.audit();
}

void world::tell(const pool::action& what) const {
    static constexpr std::array names{"open",  "check",  "reset", "close",  "abandon", "cut",
                                      "grant", "refuse", "leak",  "warmed", "drained"};
    std::fprintf(teller_, "  %s slot %u.%u waiter %u.%u lease %u.%u%s%s\n", names[static_cast<std::size_t>(what.kind)],
                 what.slot.index, what.slot.generation, what.waiter.index, what.waiter.generation, what.lease.index,
                 what.lease.generation, what.kind == pool::action_kind::refuse ? " because of " : "",
                 what.kind == pool::action_kind::refuse ? std::string(lido::name_of(what.reason)).c_str() : "");
}

void world::begin(pool::slot_id slot, work what, fault hanging) {
    const bool hangs = !healed_ && config_.has(hanging) && (trace_ >> 7) % 4 == 0;
    running_.push_back({slot, what, hangs});
}

void world::carry_out(const pool::action& what) {
    mix(static_cast<std::uint64_t>(what.kind) << 56 | std::uint64_t{what.slot.index} << 24 | what.slot.generation);
    switch (what.kind) {
        case pool::action_kind::open:
            if (what.slot.index >= slots_.size()) slots_.resize(what.slot.index + 1);
            slots_[what.slot.index] = what.slot;
            return begin(what.slot, work::open, fault::connect_hangs);
        case pool::action_kind::check:
            return begin(what.slot, work::check, fault::check_hangs);
        case pool::action_kind::reset:
            return begin(what.slot, work::reset, fault::check_hangs);
        case pool::action_kind::close:
            return begin(what.slot, work::close, fault::close_hangs);
        case pool::action_kind::abandon: {
            const auto found = std::ranges::find(running_, what.slot, &operation::slot);
            if (found == running_.end()) {
                demand(book_.draining(), "abandoned, and nothing was under way");
                running_.push_back({what.slot, work::close, false});
                return;
            }
            remember(abandoned_, *found);
            *found = {what.slot, work::close, false};
            return;
        }
        case pool::action_kind::grant:
            held_.push_back(what.lease);
            [[fallthrough]];
        case pool::action_kind::refuse: {
            mix(std::uint64_t{what.waiter.index} << 32 | what.waiter.generation);
            const auto found = std::ranges::find(waiting_, what.waiter);
            demand(found != waiting_.end(), "an answer to one who does not wait");
            remember(answered_, what.waiter);
            forget(waiting_, static_cast<std::size_t>(found - waiting_.begin()));
            return;
        }
        case pool::action_kind::cut:
        case pool::action_kind::leak:
        case pool::action_kind::warmed:
        case pool::action_kind::drained:
            return;
    }
}

// ---------------------------------------------------------------------------------------------- the end

/// Lets everything end that is under way, as far as it leads.
void world::rest() {
    for (int round = 0; round < 10'000 && (!running_.empty() || !held_.empty()); ++round) {
        while (!held_.empty()) release(0, {0x9E3779B97F4A7C15U});
        if (!running_.empty()) {
            running_.front().hangs = false;
            answer(0, {0x9E3779B97F4A7C15U});
        }
    }
}

/// Until the deadline everything goes on as before, faults and all. Then those whose connections were cut notice it,
/// and what was abandoned is destroyed; both take no time.
void world::shut_down(duration timeout, std::uint64_t value) {
    draw random{value};
    const time_point end = now_ + timeout;
    drain(timeout);
    const std::size_t turns = random.below(200);
    for (std::size_t turn = 0; turn < turns && now_ < end; ++turn) {
        const auto pick = static_cast<std::uint32_t>(random.below(1000));
        if (random.one_in(3)) {
            release(pick, {random.bits});
        } else if (random.one_in(2)) {
            answer(pick, {random.bits});
        } else {
            advance((end - now_) / static_cast<duration::rep>(1ULL << random.below(20)));
        }
    }
    while (now_ < end + 1ms) advance(end + 1ms - now_);
    while (!held_.empty()) release(0, {random.below(1'000'000)});
    for (std::size_t i = 0; i < running_.size();) {
        if (running_[i].what == work::close && !running_[i].hangs) {
            answer(static_cast<std::uint32_t>(i), {0});
            i = 0;
        } else {
            ++i;
        }
    }
    while (now_ < end + 100ms) advance(end + 100ms - now_);
    demand(waiting_.empty(), "somebody waits after the shutdown");
    demand(running_.empty(), "something is under way after the shutdown");
    demand(book_.is_empty(), "something is left after the shutdown");
    demand(book_.totals().created == book_.totals().closed, "created and closed differ after the shutdown");
    demand(book_.next_wake() == never, "a timer is left after the shutdown");
    book_.audit();
}

/// Without load an adaptive size returns to its lowest, where nothing is left to look at.
void world::come_to_rest() {
    const pool::settings& settings = book_.current_settings();
    const auto* rules = std::get_if<pool::adaptive_sizing>(&settings.sizing);
    const bool many_checks = settings.keep_alive < std::chrono::seconds(1);
    if (rules == nullptr || many_checks) return;
    const bool shrinks = rules->shrink_below_utilisation > 0.0 || rules->shrink_below_response > duration::zero();
    const std::size_t lowest = std::max<std::size_t>(settings.min_size, 1);
    // The calm has to last a while, then each interval takes at least one away.
    std::size_t intervals = rules->shrink_after + settings.max_size + 2;
    for (; book_.size_due() != never && intervals > 0; --intervals) {
        const time_point end = now_ + rules->interval;
        while (now_ < end) {
            advance(end - now_);
            rest();
        }
    }
    demand(!shrinks || (book_.size_limit() == lowest && book_.size_due() == never), "the size does not return");
    demand(book_.counts().regular <= book_.size_limit(), "more connections than the size at rest");
}

void world::heal() {
    healed_ = true;
    config_.faults = 0;
    if (!book_.draining()) {
        apply({event::resume, 0, 0});
        if (config_.adaptive) allow(pool::settings::unlimited);
        // Longer than any pause between connects; what is asked of the server is answered at once.
        const pool::settings& settings = book_.current_settings();
        const time_point end = now_ + settings.back_off.maximum + 10ms;
        rest();
        while (now_ < end) {
            advance(std::min(wake_, end) - now_);
            rest();
        }
        demand(waiting_.empty(), "a caller was forgotten");
        const auto numbers = book_.counts();
        demand(numbers.leases == 0, "a lease was forgotten");
        const std::size_t size = numbers.regular;
        demand(size >= settings.min_size && size <= settings.max_size,
               "the size does not come to rest within its limits");
        demand(numbers.overflow == 0, "a connection beyond max was forgotten");
        come_to_rest();
    }
    const time_point begin = now_;
    drain(5s);
    rest();
    while (now_ < begin + 5s) {
        advance(begin + 5s - now_);
        rest();
    }
    advance(100ms);
    demand(book_.is_empty(), "something is left after the drain");
    demand(now_ - begin <= 5s + 100ms, "the drain took too long");
    demand(book_.totals().created == book_.totals().closed, "created and closed differ at the end");
    book_.audit();
    for (int wakes = 0; wake_ != never && wakes < 1000; ++wakes) wake(std::max(now_, wake_));
    demand(book_.next_wake() == never, "a timer is left after the end");
}

run_result run(const world_config& config, const std::vector<choice>& choices) {
    world made_up(config);
    for (const choice& each : choices) made_up.apply(each);
    made_up.heal();
    return {made_up.steps(), made_up.trace()};
}

}  // namespace lido::sim

#include "support/ledger_driver.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lido::test {

using pool::action_kind;

pool::settings quiet_settings() {
    pool::settings quiet;
    quiet.idle_timeout = pool::settings::forever;
    quiet.max_lifetime = pool::settings::forever;
    quiet.lifetime_jitter = 0.0;
    quiet.check_after_idle = pool::settings::forever;
    quiet.keep_alive = pool::settings::forever;
    return quiet;
}

ledger_driver::ledger_driver(const pool::settings& settings, std::uint32_t schedulers, std::uint64_t seed)
    : book_(settings, schedulers, now_, random_source(seed)) {
    EXPECT_TRUE(settings.validate().has_value());
}

// ---------------------------------------------------------------------------------------------- events

std::string ledger_driver::acquire(const std::string& name, const caller& how) {
    using kind = pool::acquire_outcome::kind;
    EXPECT_FALSE(waiting_.contains(name) || leases_.contains(name)) << name << " is in use already";
    const pool::acquire_outcome outcome = book_.acquire(now_,
                                                        {.priority = how.priority,
                                                         .deadline = deadline_after(now_, how.timeout),
                                                         .holder = how.holder,
                                                         .affinity = how.affinity,
                                                         .where = std::source_location::current()},
                                                        out_);
    std::string text;
    switch (outcome.what) {
        case kind::granted:
            leases_[name] = outcome.lease;
            text = fmt::format("granted {}", number_of(outcome.slot));
            break;
        case kind::queued:
            waiting_[name] = outcome.waiter;
            text = "queued";
            break;
        case kind::refused:
            text = fmt::format("refused {}", lido::name_of(outcome.reason));
            break;
    }
    const std::string more = after();
    return more.empty() ? text : text + ", " + more;
}

std::string ledger_driver::cancel(const std::string& name) {
    const auto who = waiting_.find(name);
    const pool::waiter_id waiter = who == waiting_.end() ? pool::waiter_id{0, 0} : who->second;
    const bool done = book_.cancel(now_, waiter, out_);
    if (who != waiting_.end()) waiting_.erase(who);
    const std::string text = after();
    return done ? text : "stale" + text;
}

pool::lease_id ledger_driver::take_back(const std::string& name) {
    const auto held = leases_.find(name);
    if (held == leases_.end()) return returned_.at(name);
    const pool::lease_id lease = held->second;
    returned_[name] = lease;
    leases_.erase(held);
    return lease;
}

std::string ledger_driver::release(const std::string& name, pool::verdict verdict) {
    const bool done = book_.release(now_, take_back(name), verdict, out_);
    const std::string text = after();
    return done ? text : "stale" + text;
}

std::string ledger_driver::release_kept(const std::string& name, duration ago) {
    const bool done = book_.release_kept(now_, take_back(name), now_ - ago, out_);
    const std::string text = after();
    return done ? text : "stale" + text;
}

void ledger_driver::lend(const std::string& name, const caller& how) {
    const std::size_t before = slots_.size();
    acquire(name, how);
    if (slots_.size() > before) opened(before + 1);
    EXPECT_TRUE(has_lease(name)) << name << " has no lease";
}

void ledger_driver::fill(std::size_t count) {
    const auto name = [](std::size_t i) { return std::string(1, static_cast<char>('a' + i)); };
    for (std::size_t i = 0; i < count; ++i) lend(name(i));
    for (std::size_t i = 0; i < count; ++i) release(name(i));
}

std::string ledger_driver::opened(std::size_t number, std::uint32_t capacity) {
    const bool done = book_.opened(now_, slot(number), capacity, out_);
    return done ? after() : "stale" + after();
}

std::string ledger_driver::open_failed(std::size_t number) {
    const bool done = book_.open_failed(now_, slot(number), out_);
    return done ? after() : "stale" + after();
}

std::string ledger_driver::checked(std::size_t number, bool works) {
    const bool done = book_.checked(now_, slot(number), works, out_);
    return done ? after() : "stale" + after();
}

std::string ledger_driver::reset_done(std::size_t number, bool clean) {
    const bool done = book_.reset_done(now_, slot(number), clean, out_);
    return done ? after() : "stale" + after();
}

std::string ledger_driver::closed(std::size_t number) {
    const bool done = book_.closed(now_, slot(number), out_);
    return done ? after() : "stale" + after();
}

std::string ledger_driver::capacity(std::size_t number, std::uint32_t capacity) {
    const bool done = book_.capacity_changed(now_, slot(number), capacity, out_);
    return done ? after() : "stale" + after();
}

std::string ledger_driver::lost(std::size_t number) {
    const bool done = book_.lost(now_, slot(number), out_);
    return done ? after() : "stale" + after();
}

std::string ledger_driver::pause() {
    book_.pause(now_);
    return after();
}

std::string ledger_driver::resume() {
    book_.resume(now_, out_);
    return after();
}

std::string ledger_driver::retire_all() {
    book_.retire_all(now_, out_);
    return after();
}

std::string ledger_driver::warm_up(std::size_t count) {
    book_.warm_up(now_, count, out_);
    return after();
}

std::string ledger_driver::close_one_idle() {
    const bool closes = book_.close_one_idle(now_, out_);
    const std::string text = after();
    return closes ? text : "none" + text;
}

std::string ledger_driver::drain(duration timeout) {
    book_.drain(now_, now_ + timeout, out_);
    return after();
}

// ---------------------------------------------------------------------------------------------- time

std::string ledger_driver::advance(duration by) {
    const time_point end = now_ + by;
    std::string all;
    while (wake_ <= end) {
        now_ = std::max(now_, wake_);
        book_.tick(now_, out_);
        wake_ = book_.next_wake();
        const std::string text = after();
        if (wake_ <= now_) {
            ADD_FAILURE() << "a tick that leads to another at the same time spins";
            return all + text;
        }
        if (!all.empty() && !text.empty()) all += ", ";
        all += text;
    }
    now_ = end;
    return all;
}

std::string ledger_driver::sleep(duration by) {
    now_ += by;
    book_.tick(now_, out_);
    wake_ = book_.next_wake();
    return after();
}

std::string ledger_driver::advance_to_action(duration limit) {
    const time_point end = now_ + limit;
    while (wake_ <= end) {
        const std::string text = advance(std::max(wake_ - now_, duration::zero()));
        if (!text.empty()) return text;
    }
    now_ = end;
    return {};
}

duration ledger_driver::until_wake() const {
    const time_point next = book_.next_wake();
    return next == never ? duration::max() : next - now_;
}

// ---------------------------------------------------------------------------------------------- after each event

std::string ledger_driver::after() {
    std::string text;
    for (const pool::action& each : out_) {
        if (!text.empty()) text += ", ";
        describe(each, text);
    }
    last_.swap(out_);
    out_.clear();
    book_.audit();
    check_the_wake();
    return text;
}

void ledger_driver::check_the_wake() {
    wake_changed_ = book_.take_wake_changed();
    if (wake_changed_) wake_ = book_.next_wake();
    EXPECT_LE(wake_, book_.next_wake()) << "the shell would sleep too long";
    if (wake_ <= now_) return;
    pool::ledger probe = book_;
    pool::actions none;
    probe.tick(now_, none);
    EXPECT_TRUE(none.empty()) << "an event left something undone";
    // Nothing happens before the time that the ledger names, else nobody would make it happen; but for one tick, which
    // is as exact as timers are.
    const time_point before =
        wake_ == never ? now_ + std::chrono::hours(24 * 400) : wake_ - std::chrono::milliseconds(1);
    if (before < now_) return;
    probe = book_;
    none.clear();
    probe.tick(before, none);
    EXPECT_TRUE(none.empty()) << "something happens before next_wake";
}

void ledger_driver::describe(const pool::action& each, std::string& text) {
    const auto connection = [&](const char* verb) { text += fmt::format("{} {}", verb, number_of(each.slot)); };
    switch (each.kind) {
        case action_kind::open:
            slots_.push_back(each.slot);
            connection("open");
            if (each.affinity != 0) text += fmt::format("@{}", each.affinity);
            break;
        case action_kind::check:
            connection("check");
            break;
        case action_kind::reset:
            connection("reset");
            break;
        case action_kind::close:
            connection("close");
            break;
        case action_kind::abandon:
            connection("abandon");
            break;
        case action_kind::cut:
            connection("cut");
            break;
        case action_kind::grant: {
            const std::string name = name_of(each.waiter);
            text += fmt::format("grant {} {}", name, number_of(each.slot));
            waiting_.erase(name);
            leases_[name] = each.lease;
            break;
        }
        case action_kind::refuse: {
            const std::string name = name_of(each.waiter);
            text += fmt::format("refuse {} {}{}", name, lido::name_of(each.reason), each.down ? " (down)" : "");
            waiting_.erase(name);
            break;
        }
        case action_kind::leak: {
            text += "leak";
            for (const auto& [name, lease] : leases_) {
                if (lease == each.lease) text += " " + name;
            }
            break;
        }
        case action_kind::warmed:
            text += fmt::format("warmed {}{}", each.count, each.down ? " (down)" : "");
            break;
        case action_kind::drained:
            text += fmt::format("drained {}", each.count);
            break;
    }
}

std::size_t ledger_driver::number_of(pool::slot_id slot) const {
    for (std::size_t i = slots_.size(); i > 0; --i) {
        if (slots_[i - 1] == slot) return i;
    }
    ADD_FAILURE() << "an action names a connection that was never opened";
    return 0;
}

std::string ledger_driver::name_of(pool::waiter_id waiter) const {
    for (const auto& [name, id] : waiting_) {
        if (id == waiter) return name;
    }
    return "nobody";
}

}  // namespace lido::test

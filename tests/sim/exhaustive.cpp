#include "sim/exhaustive.hpp"

#include "sim/model.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

namespace lido::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_callers = 3;

void demand(bool holds, const char* what) {
    if (!holds) disagree(what);
}

enum class work : std::uint8_t { open, check, reset, close };

struct operation {
    pool::slot_id slot;
    work what;
};

/// A ledger, its model and all that is outstanding, as a value.
class small_world {
public:
    explicit small_world(const pool::settings& settings)
        : book_(settings, 1, now_, random_source(1)), model_(settings, now_) {
        wait();
    }

    /// How many different things may happen now.
    [[nodiscard]] std::size_t moves() const {
        return 5 + waiting_.size() + 4 * held_.size() + 2 * running_.size() + lose_.size();
    }

    void make(std::size_t move) {
        model_.begin(now_);
        if (move-- == 0) return acquire();
        if (move-- == 0) return wait();
        if (move-- == 0) return retire_all();
        if (move-- == 0) return drain();
        if (move-- == 0) return close_one_idle();
        if (move < waiting_.size()) return cancel(move);
        move -= waiting_.size();
        if (move < 3 * held_.size()) return release(move / 3, static_cast<pool::verdict>(move % 3));
        move -= 3 * held_.size();
        if (move < held_.size()) return release_kept(move);
        move -= held_.size();
        if (move < 2 * running_.size()) return finish(move / 2, move % 2 == 0);
        move -= 2 * running_.size();
        lose(lose_[move]);
    }

    [[nodiscard]] std::size_t key() const {
        std::string text;
        model_.append_key(text);
        const time_point next = book_.next_wake();
        text += std::to_string(next == never ? -1 : (next - now_).count());
        for (const operation& each : running_) {
            text += ' ';
            text += std::to_string(each.slot.index * 4 + static_cast<std::uint32_t>(each.what));
        }
        return std::hash<std::string>{}(text);
    }

private:
    void acquire() {
        if (waiting_.size() + held_.size() >= most_callers) return;
        const pool::acquire_request request{.deadline = now_ + 25ms, .holder = 1 + held_.size() % 2};
        const model::opinion wanted = model_.on_acquire(request);
        const pool::acquire_outcome outcome = book_.acquire(now_, request, out_);
        using kind = pool::acquire_outcome::kind;
        demand(wanted.what != model::answer::granted || outcome.what == kind::granted, "not granted at once");
        demand(wanted.what != model::answer::queued || outcome.what == kind::queued, "not queued");
        demand(wanted.what != model::answer::refused || outcome.what == kind::refused, "not refused");
        model_.acquired(request, outcome);
        if (outcome.what == kind::granted) held_.push_back(outcome.lease);
        if (outcome.what == kind::queued) waiting_.push_back(outcome.waiter);
        after();
    }

    /// Time goes on to the moment at which the ledger wants to be woken, or a little where it does not.
    void wait() {
        const time_point next = book_.next_wake();
        now_ = next == never ? now_ + 10ms : std::max(now_, next);
        model_.begin(now_);
        model_.ticked();
        book_.tick(now_, out_);
        after();
    }

    void retire_all() {
        book_.retire_all(now_, out_);
        model_.retired_all();
        after();
    }

    void drain() {
        book_.drain(now_, now_ + 15ms, out_);
        model_.drained(now_ + 15ms);
        after();
    }

    void cancel(std::size_t which) {
        const pool::waiter_id who = waiting_[which];
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(which));
        demand(book_.cancel(now_, who, out_) && model_.cancelled(who), "one who waits could not cancel");
        after();
    }

    void release(std::size_t which, pool::verdict verdict) {
        const pool::lease_id lease = held_[which];
        held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
        demand(book_.release(now_, lease, verdict, out_) && model_.released(lease, verdict, now_),
               "a lease was not known");
        after();
    }

    /// One that nobody has used since it was lent, and that somebody kept since then.
    void release_kept(std::size_t which) {
        const pool::lease_id lease = held_[which];
        held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
        const time_point since = book_.lease(lease).since;
        demand(book_.release_kept(now_, lease, since, out_), "a lease that was kept was not known");
        demand(model_.released(lease, pool::verdict::clean, since), "a lease that was kept is not out");
        after();
    }

    void close_one_idle() {
        const bool wanted = model_.closing_one_idle();
        demand(book_.close_one_idle(now_, out_) == wanted, "one was closed to make room, or not");
        after();
    }

    void finish(std::size_t which, bool well) {
        const operation done = running_[which];
        running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(which));
        bool taken = false;
        switch (done.what) {
            case work::open:
                taken = well ? book_.opened(now_, done.slot, 1, out_) : book_.open_failed(now_, done.slot, out_);
                well ? model_.opened(book_, done.slot, 1) : model_.open_failed(done.slot);
                break;
            case work::check:
                taken = book_.checked(now_, done.slot, well, out_);
                model_.checked(done.slot, well);
                break;
            case work::reset:
                taken = book_.reset_done(now_, done.slot, well, out_);
                model_.reset_done(done.slot, well);
                break;
            case work::close:
                taken = book_.closed(now_, done.slot, out_);
                model_.closed(done.slot);
                break;
        }
        demand(taken, "an answer in time was taken for a late one");
        after();
    }

    void lose(pool::slot_id slot) {
        demand(book_.lost(now_, slot, out_) == model_.lost(slot, false), "lost, or not");
        after();
    }

    void after() {
        model_.look(book_);
        for (const pool::action& each : out_) {
            model_.take(each);
            carry_out(each);
        }
        out_.clear();
        model_.end(book_);
        book_.audit();
        std::erase_if(lose_,
                      [&](pool::slot_id slot) { return !book_.is_current(slot) || !is_live(book_.state_of(slot)); });
    }

    void carry_out(const pool::action& what) {
        switch (what.kind) {
            case pool::action_kind::open:
                running_.push_back({what.slot, work::open});
                std::erase_if(lose_, [&](pool::slot_id slot) { return slot.index == what.slot.index; });
                return;
            case pool::action_kind::check:
                return running_.push_back({what.slot, work::check});
            case pool::action_kind::reset:
                return running_.push_back({what.slot, work::reset});
            case pool::action_kind::close:
                return running_.push_back({what.slot, work::close});
            case pool::action_kind::abandon:
                if (const auto found = std::ranges::find(running_, what.slot, &operation::slot);
                    found != running_.end()) {
                    found->what = work::close;
                } else {
                    running_.push_back({what.slot, work::close});
                }
                return;
            case pool::action_kind::grant:
                held_.push_back(what.lease);
                if (std::ranges::find(lose_, what.slot) == lose_.end()) lose_.push_back(what.slot);
                [[fallthrough]];
            case pool::action_kind::refuse:
                std::erase(waiting_, what.waiter);
                return;
            default:
                return;
        }
    }

    time_point now_{std::chrono::hours(1000)};
    pool::ledger book_;
    model model_;
    pool::actions out_;
    std::vector<operation> running_;
    std::vector<pool::waiter_id> waiting_;
    std::vector<pool::lease_id> held_;
    std::vector<pool::slot_id> lose_;  // connections that may break
};

class explorer {
public:
    void go(const small_world& from, unsigned depth) {
        for (std::size_t move = 0; move < from.moves(); ++move) {
            small_world next = from;
            next.make(move);
            ++result.steps;
            if (depth <= 1) continue;
            unsigned& seen = seen_[next.key()];
            if (seen >= depth - 1) continue;
            seen = depth - 1;
            ++result.states;
            go(next, depth - 1);
        }
    }

    exhaustive_result result;

private:
    std::unordered_map<std::size_t, unsigned> seen_;  // with how much depth left
};

}  // namespace

pool::settings small_settings() {
    pool::settings small;
    small.max_size = 2;
    small.min_size = 1;
    small.max_waiters = 3;
    small.max_concurrent_connects = 2;
    small.connect_timeout = 10ms;
    small.check_timeout = 10ms;
    small.close_timeout = 10ms;
    small.check_after_idle = 5ms;
    small.keep_alive = pool::settings::forever;
    small.idle_timeout = 20ms;
    small.max_lifetime = 60ms;
    small.lifetime_jitter = 0.0;
    small.down_fail_fast = 15ms;
    small.back_off = {.initial = duration::zero(), .factor = 1.0, .maximum = duration::zero()};
    return small;
}

exhaustive_result explore(const pool::settings& settings, unsigned depth) {
    explorer all;
    all.go(small_world(settings), depth);
    return all.result;
}

}  // namespace lido::sim

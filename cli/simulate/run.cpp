#include "simulate/run.hpp"

#include "command_error.hpp"
#include "let_others_run.hpp"
#include "lido/base/sleep.hpp"
#include "simulate/figures.hpp"
#include "simulate/progress.hpp"
#include "simulate/target.hpp"
#include "simulate/user.hpp"
#include "wait_for.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include <sys/resource.h>

namespace lido::cli::simulate {
namespace {

using namespace std::chrono_literals;

constexpr duration statistics_interval = 1s;
constexpr duration live_interval = 250ms;
/// What running requests are given when the time is over.
constexpr duration grace = 1s;
/// What a user does after a failure, so that users who are refused at once do not spin.
constexpr duration after_failure = 10ms;
constexpr duration polite_close = 2s;
/// Slow requests told of in one second; more would be noise.
constexpr unsigned slow_lines_per_second = 10;

duration cpu_time() noexcept {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto length = [](const timeval& value) {
        return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
    };
    return length(usage.ru_utime) + length(usage.ru_stime);
}

/// What belongs to one I/O thread.
struct lane {
    tally counts;
    time_point slow_second{};
    unsigned slow_told = 0;
    time_point last_begin{};
};

class leg {
public:
    leg(const surroundings& around, way how);

    [[nodiscard]] leg_report run();

private:
    /// Where a user is while a request is under way; a user who is cut off there is counted.
    class flight {
    public:
        explicit flight(tally& counts) noexcept : counts_(&counts) {}
        flight(const flight&) = delete;
        flight& operator=(const flight&) = delete;
        ~flight() {
            if (counts_ != nullptr) counts_->record_unfinished();
        }
        void land() noexcept { counts_ = nullptr; }

    private:
        tally* counts_;
    };

    void make_targets();
    void open_first_connections();
    void start_users();
    void watch_over();
    void close_targets();
    void tell_slow(lane& here, const std::string& what, duration took);

    static task<void> live(leg& all, target& on, lane& here, std::uint64_t seed, live_count::token running);
    static task<tally> take_counts(lane& from);
    [[nodiscard]] bool over(time_point now) const noexcept { return now >= deadline_; }

    void collect();
    void show(time_point now);
    [[nodiscard]] pool_report pools_now() const;
    [[nodiscard]] target& target_of(std::size_t user) { return *targets_[user % targets_.size()]; }

    const surroundings& around_;
    const options& asked_;
    way how_;
    std::vector<std::unique_ptr<target>> targets_;
    std::vector<lane> lanes_;
    live_count users_;
    std::stop_source stop_;
    time_point started_{};
    time_point deadline_ = never;
    time_point ended_{};
    tally interval_;
    leg_progress progress_;
    time_point interval_began_{};
    time_point next_statistics_{};
    leg_report report_;
};

leg::leg(const surroundings& around, way how)
    : around_(around), asked_(around.asked), how_(how), lanes_(around.io.size()), users_(around.where) {
    report_.how = how;
    progress_.title = around.title;
    if (asked_.cycles) {
        progress_.cycles_planned = *asked_.cycles * asked_.num_users;
    } else {
        progress_.planned = asked_.run_time;
    }
}

void leg::make_targets() {
    const std::size_t count = how_ == way::per_user_pools ? asked_.num_users : 1;
    line_log log;
    if (asked_.log_requests) log = [&screen = around_.screen](const std::string& line) { screen.line(line); };
    for (std::size_t i = 0; i < count; ++i) {
        targets_.push_back(
            make_target(around_.io, asked_, around_.origin, how_, around_.is_first && targets_.empty(), log));
    }
}

/// One connection at least: whether the service can be reached is to be known now, and once, not from each user.
void leg::open_first_connections() {
    const std::size_t wanted = std::max<std::size_t>(1, asked_.warm_up);
    for (std::size_t i = 0; i < std::min(targets_.size(), wanted); ++i) {
        const std::size_t share = wanted / targets_.size() + (i < wanted % targets_.size() ? 1 : 0);
        const auto opened = wait_for(around_.where, targets_[i]->prepare(asked_.warm_up == 0 ? 0 : share));
        if (around_.where.signal() != 0) return;
        if (opened) continue;
        throw command_error(exit_failed, in_words_of_options(opened.error()));
    }
}

void leg::start_users() {
    started_ = interval_began_ = clock::now();
    next_statistics_ = started_ + statistics_interval;
    if (!asked_.cycles) deadline_ = deadline_after(started_, asked_.run_time);
    random_source seeds(asked_.seed);
    for (std::size_t user = 0; user < asked_.num_users; ++user) {
        const auto index = static_cast<std::uint32_t>(user % lanes_.size());
        auto life = live(*this, target_of(user), lanes_[index], seeds.next(), users_.enter());
        around_.io.spawn(std::move(life), index, stop_.get_token());
    }
}

task<void> leg::live(leg& all, target& on, lane& here, std::uint64_t seed, live_count::token running) {
    const live_count::token alive = std::move(running);
    simulated_user who(seed);
    const std::uint64_t cycles = all.asked_.cycles.value_or(UINT64_MAX);
    for (std::uint64_t cycle = 0; cycle < cycles; ++cycle) {
        for (std::size_t index = 0; index < on.actions(); ++index) {
            const time_point begin = clock::now();
            if (all.over(begin)) co_return;
            const time_point turn = scheduler::current()->now();
            // That all begin at once says nothing about how they come later.
            if (cycle > 0 || index > 0) here.counts.record_gap(begin - here.last_begin);
            here.last_begin = begin;
            flight under_way(here.counts);
            auto acting = on.act(who, index);
            const result<answer> outcome = co_await std::move(acting);
            under_way.land();
            const time_point end = clock::now();
            here.counts.record(outcome, begin, end);
            if (end - begin > all.asked_.slow) all.tell_slow(here, on.name_of_action(who, index), end - begin);
            duration rest = outcome ? duration::zero() : after_failure;
            if (all.asked_.think_time > duration::zero()) rest = drawn_think_time(all.asked_.think_time, who.random);
            if (rest > duration::zero()) {
                sleep_until thinking(std::min(deadline_after(end, rest), all.deadline_));
                co_await thinking;
            } else if (scheduler::current()->now() == turn) {
                let_others_run others;
                co_await others;
            }
        }
        here.counts.record_cycle();
    }
}

void leg::tell_slow(lane& here, const std::string& what, duration took) {
    here.counts.record_slow();
    const time_point now = scheduler::current()->now();
    if (now - here.slow_second >= 1s) {
        here.slow_second = now;
        here.slow_told = 0;
    }
    if (here.slow_told++ >= slow_lines_per_second) return;
    around_.screen.line(fmt::format("slow: {} took {}", what, in_milliseconds(took)));
}

task<tally> leg::take_counts(lane& from) {
    tally taken = std::exchange(from.counts, tally());
    co_return taken;
}

/// Moves what the I/O threads have counted since the last time into the interval.
void leg::collect() {
    for (std::size_t index = 0; index < lanes_.size(); ++index) {
        const tally part = block_on(around_.io.at(static_cast<std::uint32_t>(index)), take_counts(lanes_[index]));
        interval_.merge(part);
        report_.counts.merge(part);
    }
}

pool_report leg::pools_now() const {
    pool_report sum;
    for (const auto& each : targets_) each->describe(sum);
    return sum;
}

void leg::show(time_point now) {
    console& screen = around_.screen;
    const bool interval_over = now >= next_statistics_;
    if (!interval_over && !screen.can_rewrite()) return;
    if (interval_over) {
        collect();
        progress_.interval = std::exchange(interval_, tally());
        progress_.interval_length = now - interval_began_;
        progress_.pool = pools_now();
        interval_began_ = now;
        next_statistics_ = std::max(next_statistics_ + statistics_interval, now);
    }
    progress_.elapsed = now - started_;
    progress_.requests = report_.counts.requests();
    progress_.failed = report_.counts.failed();
    progress_.cycles_done = report_.counts.cycles();
    if (screen.can_rewrite()) {
        screen.live(live_text(progress_, screen.width(), screen.has_colour()));
    } else {
        screen.line(pool_lines(asked_, progress_.pool) + interval_text(progress_));
    }
}

/// Until all users have ended, or the time is over, or a signal has come.
void leg::watch_over() {
    const duration step = around_.screen.can_rewrite() ? live_interval : statistics_interval;
    time_point next_look = started_ + step;
    const time_point last_moment = deadline_ == never ? never : deadline_ + grace;
    while (users_.running() != 0 && around_.where.signal() == 0) {
        static_cast<void>(around_.where.wait(std::min(next_look, last_moment)));
        const time_point now = clock::now();
        if (now >= last_moment) break;
        if (now < next_look) continue;
        show(now);
        next_look = std::max(next_look + step, now);
    }
    stop_.request_stop();
    static_cast<void>(users_.wait_until_none(never));
    ended_ = clock::now();
}

void leg::close_targets() {
    const duration patience = around_.where.signal() == 0 ? polite_close : duration::zero();
    live_count closing(around_.where);
    for (const auto& each : targets_) {
        auto alive = std::make_shared<live_count::token>(closing.enter());
        each->close(patience).start([alive = std::move(alive)](const result<std::size_t>&) mutable { alive.reset(); });
    }
    static_cast<void>(closing.wait_until_none(never));
    const pool_report after = pools_now();
    report_.pool.closed = after.closed;
    report_.pool.in_use = after.in_use;
    report_.pool.idle = after.idle;
}

leg_report leg::run() {
    make_targets();
    open_first_connections();
    if (around_.where.signal() == 0) {
        const duration cpu_before = cpu_time();
        start_users();
        watch_over();
        report_.cpu = cpu_time() - cpu_before;
    }
    collect();
    // The time in which requests that are cut off in the end were waited for does not count.
    report_.elapsed = std::min(ended_, std::max(deadline_, report_.counts.last_end())) - started_;
    around_.screen.end_live();
    report_.pool = pools_now();
    if (how_ != way::per_user_pools) report_.health = targets_.front()->health();
    report_.began = started_;
    close_targets();
    return std::move(report_);
}

}  // namespace

leg_report run_leg(const surroundings& around, way how) {
    return leg(around, how).run();
}

}  // namespace lido::cli::simulate

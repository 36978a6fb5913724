// Lido's simulator: a made-up world around a real ledger.
#pragma once

#include "sim/choice.hpp"
#include "sim/model.hpp"

#include <cstdint>
#include <cstdio>
#include <vector>

namespace lido::sim {

/// The ledger, everybody who asks it for something, and the servers behind it, on a clock that is a number. After every
/// event the model must agree. All that happens follows from the configuration and the choices.
class world {
public:
    explicit world(const world_config& config);

    void apply(const choice& what);
    /// The faults end, everybody returns what he has, and nobody asks for more: now the pool must come to rest at its
    /// minimum, and then drain to nothing.
    void heal();
    /// The pool is drained with its faults still there: nothing may be left 100 ms after the deadline.
    void shut_down(duration timeout, std::uint64_t value);

    /// From now on each event and action is told on `to`.
    void tell(std::FILE* to) noexcept { teller_ = to; }

    /// Events that the ledger was given so far.
    [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
    /// Changes with every event, action and number: two runs are the same when these are.
    [[nodiscard]] std::uint64_t trace() const noexcept { return trace_; }
    [[nodiscard]] const pool::ledger& book() const noexcept { return book_; }
    [[nodiscard]] time_point now() const noexcept { return now_; }

private:
    enum class work : std::uint8_t { open, check, reset, close };
    struct operation {
        pool::slot_id slot;
        work what;
        bool hangs;
    };
    struct draw {
        std::uint64_t bits;
        [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept {
            const std::uint64_t drawn = (bits >> 11) % bound;
            bits = (bits ^ (bits >> 29)) * 0xBF58476D1CE4E5B9U + 0x9E3779B97F4A7C15U;
            return drawn;
        }
        [[nodiscard]] bool one_in(std::uint64_t bound) noexcept { return below(bound) == 0; }
    };

    void acquire(draw random);
    void cancel(std::uint32_t pick);
    void release(std::uint32_t pick, draw random);
    void answer(std::uint32_t pick, draw random);
    void finish(const operation& done, draw random);
    void stale_answer(std::uint32_t pick);
    void stale_release(std::uint32_t pick);
    void stale_cancel(std::uint32_t pick);
    void advance(duration by);
    void sleep(duration by);
    void wake(time_point when);
    void spurious_tick();
    void lose(std::uint32_t pick);
    void change_capacity(std::uint32_t pick, draw random);
    void reconfigure(const pool::settings& settings);
    void resize(draw random);
    void drain(duration timeout);
    void close_one_idle();
    void allow(std::size_t allowance);
    void come_to_rest();

    [[nodiscard]] pool::slot_id some_slot(std::uint32_t pick) const;
    void after();
    void tell(const pool::action& what) const;
    void carry_out(const pool::action& what);
    void begin(pool::slot_id slot, work what, fault failing);
    void mix(std::uint64_t value) noexcept { trace_ = (trace_ ^ value) * 0x9E3779B97F4A7C15U + (trace_ >> 23); }
    void rest();

    world_config config_;
    time_point now_{std::chrono::hours(1000)};
    time_point wake_ = never;
    pool::ledger book_;
    model model_;
    pool::actions out_;
    std::vector<operation> running_;
    std::vector<operation> abandoned_;
    std::vector<pool::waiter_id> waiting_;
    std::vector<pool::waiter_id> answered_;
    std::vector<pool::lease_id> held_;
    std::vector<pool::lease_id> returned_;
    std::vector<pool::slot_id> slots_;  // by index: the last one that had it
    std::FILE* teller_ = nullptr;
    std::uint64_t steps_ = 0;
    std::uint64_t trace_ = 1;
    bool healed_ = false;
};

/// A whole run: the choices, then the healing. Returns the trace.
struct run_result {
    std::uint64_t steps = 0;
    std::uint64_t trace = 0;
};
run_result run(const world_config& config, const std::vector<choice>& choices);

}  // namespace lido::sim

// Lido: how many calls to one service may be under way at once.
#pragma once

#include "lido/base/result.hpp"
#include "lido/resilience/detail/observed.hpp"

#include <cstddef>
#include <cstdint>

namespace lido::resilience {

/// Settings of a bulkhead. The defaults are resilience4j's.
struct bulkhead_settings {
    /// Calls under way at once. 1 … 1,000,000.
    std::size_t max_concurrent = 25;
    /// Callers that may wait for a place; one more is refused. 0 … 10,000,000; 0: nobody waits.
    std::size_t max_waiting = 0;

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// A snapshot of a bulkhead. The counters count from its making.
struct bulkhead_statistics {
    std::size_t running = 0;
    std::size_t waiting = 0;
    std::size_t peak_running = 0;
    std::size_t peak_waiting = 0;
    std::uint64_t admitted = 0;  ///< at once, or from the queue
    std::uint64_t queued = 0;
    std::uint64_t refused = 0;
    std::uint64_t given_up = 0;
};

/// Told whom a bulkhead makes wait, and whom it refuses. Derive from it and override what matters; each default does
/// nothing.
class bulkhead_observer {
public:
    virtual ~bulkhead_observer() = default;

    /// A caller stands in the queue, which has `waiting` callers now.
    virtual void queued(std::size_t waiting) noexcept { static_cast<void>(waiting); }
    /// All places and the queue are full: `running` and `waiting` callers.
    virtual void refused(std::size_t running, std::size_t waiting) noexcept {
        static_cast<void>(running);
        static_cast<void>(waiting);
    }

protected:
    bulkhead_observer() = default;
    bulkhead_observer(const bulkhead_observer&) = default;
    bulkhead_observer& operator=(const bulkhead_observer&) = default;
};

/// Bounds the calls under way, so that one slow service cannot take all of a program's threads, connections and memory
/// (Nygard, "Release It!", 2007). Only counts: the queue itself, with its order and deadlines, belongs to the caller.
///
/// A place that becomes free goes directly to a waiting caller: it is never up for a race with one that comes just now.
/// So at most `max_concurrent` calls run, nobody waits while a place is free, and nobody is overtaken.
///
/// A copyable value of about 80 bytes; not thread-safe. O(1), about a nanosecond.
class bulkhead {
public:
    enum class admission : std::uint8_t {
        run,     ///< go; `leave` at the end
        wait,    ///< stand at the end of the queue until `leave` or `resize` calls the first, or `give_up`
        refuse,  ///< all places and the queue are full
    };

    /// `settings` must be valid.
    explicit bulkhead(const bulkhead_settings& settings = {});

    /// A caller comes.
    [[nodiscard]] admission enter() noexcept;

    /// A call ended. True: its place belongs to the first of the queue now, which must be told to run. There must be a
    /// call under way.
    [[nodiscard]] bool leave() noexcept;

    /// A caller left the queue without having been called: its deadline came, or it was cancelled. There must be one.
    void give_up() noexcept;

    /// Changes the settings, which must be valid. How many of the queue's first must be told to run now. With fewer
    /// places than calls under way the rest ends in its own time; who waits already stays, even beyond a shorter queue.
    [[nodiscard]] std::size_t resize(const bulkhead_settings& settings);

    [[nodiscard]] const bulkhead_statistics& statistics() const noexcept { return counts_; }
    [[nodiscard]] const bulkhead_settings& settings() const noexcept { return settings_; }

    /// Tells `by` from now on what it does; null: nobody. It must outlive the policy, which calls it within its own
    /// functions: an observer must not call back, block or throw. Copies of the policy have none.
    void watch(bulkhead_observer* by) noexcept { observed_.watch(by); }

private:
    void start_one() noexcept;

    bulkhead_settings settings_;
    bulkhead_statistics counts_;
    detail::observed<bulkhead_observer> observed_;
};

}  // namespace lido::resilience

// Lido: leases parked between borrowers, out of the ledger's sight.
#pragma once

#include "lido/base/assert.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

namespace lido::pool {

/// The atomic operations of a `lease_cache`. A test puts others in their place, which stop at each step.
struct real_atomics {
    template <class T>
    using atomic = std::atomic<T>;
    /// Called while somebody else has the lock.
    static void pause() noexcept { std::this_thread::yield(); }
};

/// Where a lease rests between two borrowers, so that returning and borrowing need not go through the ledger, for which
/// it stays lent. Shards of one cache line or two, each a short stack under a try-lock; a thread uses one, mostly
/// alone.
///
/// The owner closes the cache whenever the ledger must see every return (somebody waits, pause, drain, new settings),
/// and drains it once: whoever parks looks at the door under the lock of the shard, so after the drain of a shard
/// nothing is put there until the door is opened. `fence` also sends home the leases that are out.
/// docs/design/lease_cache.md has the argument, tests/unit/pool/lease_cache_test.cpp tries every interleaving of two
/// threads.
///
/// `take` and `park` are for any thread; the rest for one at a time.
template <class Item, class Atomics = real_atomics>
class lease_cache {
public:
    /// How many leases rest on one shard.
    static constexpr std::uint32_t depth = 13;

    /// `first_epoch` is not 0.
    explicit lease_cache(std::size_t shards, std::uint32_t first_epoch = 1)
        : epoch_(first_epoch), count_(shards), shards_(std::make_unique<shard[]>(shards)) {}

    [[nodiscard]] std::size_t shards() const noexcept { return count_; }

    /// The lease that was parked last on this shard; null when there is none or somebody else is at the shard.
    [[nodiscard]] Item* take(std::size_t which) noexcept {
        shard& from = shards_[which];
        if (from.size.load(std::memory_order_relaxed) == 0 || !try_lock(from)) return nullptr;
        Item* taken = nullptr;
        const std::uint32_t size = from.size.load(std::memory_order_relaxed);
        if (size > 0) {
            taken = from.items[size - 1];
            from.size.store(size - 1, std::memory_order_relaxed);
            ++from.taken;
        }
        unlock(from);
        return taken;
    }

    /// Parks a lease of the given epoch. False: it must be returned to the ledger. Touches nothing of the cache any
    /// more once the lease can be seen by others.
    [[nodiscard]] bool park(std::size_t which, Item* item, std::uint32_t epoch) noexcept {
        shard& on = shards_[which];
        if (!try_lock(on)) return false;
        const std::uint32_t size = on.size.load(std::memory_order_relaxed);
        const bool parked = door_.load(std::memory_order_relaxed) == epoch && size < depth;
        if (parked) {
            on.items[size] = item;
            on.size.store(size + 1, std::memory_order_relaxed);
            ++on.parked;
        }
        unlock(on);
        return parked;
    }

    /// Does nothing rest? Looks at shard `first` first: what others write is best not read. It may have changed at
    /// once.
    [[nodiscard]] bool is_empty(std::size_t first) const noexcept {
        for (std::size_t i = 0; i < count_; ++i) {
            if (shards_[(first + i) % count_].size.load(std::memory_order_relaxed) > 0) return false;
        }
        return true;
    }

    [[nodiscard]] bool is_open() const noexcept { return door_.load(std::memory_order_relaxed) != closed; }
    /// Leases that are lent now carry it, and are parked only while it lasts.
    [[nodiscard]] std::uint32_t epoch() const noexcept { return epoch_; }
    void open() noexcept { door_.store(epoch_, std::memory_order_relaxed); }

    /// Closes the door and calls `home(item)` for each parked lease. Afterwards nothing is parked until `open`.
    template <class Home>
    void close(Home&& home) {
        // Whoever locks a shard after this thread has unlocked it sees the door closed.
        door_.store(closed, std::memory_order_relaxed);
        for (std::size_t i = 0; i < count_; ++i) {
            std::array<Item*, depth> found;  // NOLINT(cppcoreguidelines-pro-type-member-init): the first `size` are set
            lock(shards_[i]);
            const std::uint32_t size = shards_[i].size.load(std::memory_order_relaxed);
            for (std::uint32_t k = 0; k < size; ++k) found[k] = shards_[i].items[k];
            shards_[i].size.store(0, std::memory_order_relaxed);
            unlock(shards_[i]);
            for (std::uint32_t k = 0; k < size; ++k) home(*found[k]);
        }
    }
    /// The same, and no lease that is out now will ever be parked.
    template <class Home>
    void fence(Home&& home) {
        if (++epoch_ == closed) ++epoch_;
        close(home);
    }

    struct totals {
        std::uint64_t taken = 0;
        std::uint64_t parked = 0;
        std::size_t resting = 0;
    };
    [[nodiscard]] totals count() noexcept {
        totals all;
        for (std::size_t i = 0; i < count_; ++i) {
            lock(shards_[i]);
            all.taken += shards_[i].taken;
            all.parked += shards_[i].parked;
            all.resting += shards_[i].size.load(std::memory_order_relaxed);
            unlock(shards_[i]);
        }
        return all;
    }

private:
    static constexpr std::uint32_t closed = 0;

    struct alignas(64) shard {
        typename Atomics::template atomic<std::uint32_t> locked{0};
        typename Atomics::template atomic<std::uint32_t> size{0};  // changed under the lock, looked at without
        std::uint64_t taken = 0;
        std::uint64_t parked = 0;
        std::array<Item*, depth> items{};
    };

    [[nodiscard]] static bool try_lock(shard& which) noexcept {
        return which.locked.exchange(1, std::memory_order_acquire) == 0;
    }
    static void lock(shard& which) noexcept {
        while (!try_lock(which)) Atomics::pause();
    }
    static void unlock(shard& which) noexcept { which.locked.store(0, std::memory_order_release); }

    alignas(64) typename Atomics::template atomic<std::uint32_t> door_{closed};
    std::uint32_t epoch_;
    std::size_t count_;
    std::unique_ptr<shard[]> shards_;
};

}  // namespace lido::pool

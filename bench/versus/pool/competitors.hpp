// Lido: pools that do the same work, behind one shape for the comparison.
#pragma once

#include "lido/net/runtime.hpp"
#include "null_connector.hpp"
#include "plain_pool.hpp"

#include <cstddef>

#ifdef LIDO_BENCH_SOCI
#include <soci/soci.h>
#include <soci/version.h>
#endif

namespace lido::bench {

/// Lido as a program uses it: all bookkeeping, deadlines and checks at their defaults.
class lido_competitor {
public:
    static constexpr const char* name = "lido";
    explicit lido_competitor(std::size_t slots) : pool_(io_, {.max_size = slots, .max_waiters = 10'000}, {}) {
        static_cast<void>(pool_.warm_up(slots).wait().value());
    }
    template <class Work>
    void cycle(Work&& work) {
        auto lease = pool_.acquire().wait();
        work();
        lease->release();
    }
    [[nodiscard]] null_pool& pool() noexcept { return pool_; }

private:
    lido::runtime io_;
    null_pool pool_;
};

class plain_competitor {
public:
    static constexpr const char* name = "mutex+condvar LIFO";
    explicit plain_competitor(std::size_t slots) : pool_(slots) {}
    template <class Work>
    void cycle(Work&& work) {
        const std::size_t taken = pool_.acquire();
        work();
        pool_.release(taken);
    }

private:
    plain_pool pool_;
};

#ifdef LIDO_BENCH_SOCI
/// Its sessions are not connected: only the pool is measured.
class soci_competitor {
public:
    static constexpr const char* name = "SOCI connection_pool";
    explicit soci_competitor(std::size_t slots) : pool_(slots) {}
    template <class Work>
    void cycle(Work&& work) {
        const std::size_t taken = pool_.lease();
        work();
        pool_.give_back(taken);
    }

private:
    soci::connection_pool pool_;
};
#endif

}  // namespace lido::bench

#include "ledger_turns.hpp"

#include "lido/base/random.hpp"
#include "pool/ledger.hpp"

#include <chrono>
#include <source_location>

namespace lido::bench {

using namespace std::chrono_literals;

/// `callers` wait in turn for one connection: each cycle returns it, which hands it to the first of them, and joins the
/// queue again. On the ledger itself: a thread or a coroutine for each would be measured instead.
double turn_time(std::size_t callers, std::uint64_t turns) {
    const time_point now = clock::now();
    pool::ledger book({.max_size = 1, .max_waiters = callers + 1}, 1, now, random_source(1));
    const pool::acquire_request request{.deadline = now + 1h, .where = std::source_location::current()};
    pool::actions out;
    for (std::size_t i = 0; i <= callers; ++i) static_cast<void>(book.acquire(now, request, out));
    const pool::slot_id slot = out.front().slot;  // that it wants opened
    out.clear();
    book.opened(now, slot, 1, out);
    const time_point begin = clock::now();
    for (std::uint64_t i = 0; i < turns; ++i) {
        const pool::lease_id lease = out.front().lease;
        out.clear();
        book.release(now, lease, pool::verdict::clean, out);
        static_cast<void>(book.acquire(now, request, out));
    }
    return static_cast<double>((clock::now() - begin).count()) / static_cast<double>(turns);
}

}  // namespace lido::bench

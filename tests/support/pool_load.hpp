// Lido's tests: callers of a real pool in virtual time.
#pragma once

#include "support/made_up_queue.hpp"
#include "support/pool_world.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace lido::test {

/// Sends callers to a pool and notes what happened to each that was served. The same loads as `made_up_queue` takes,
/// but the queue is the real one: ledger, shell and lease cache. `come` and `stay` return when all callers were served.
class pool_load {
public:
    pool_load(virtual_group& where, fake_pool& to) : where_(where), pool_(to) {}
    pool_load(const pool_load&) = delete;
    pool_load& operator=(const pool_load&) = delete;

    /// Callers come until `end`, whether or not others have been served. Runs up to `end`; after each `every` it calls
    /// `look`.
    void come(const made_up_queue::load& offered, time_point end, duration every, const std::function<void()>& look);
    /// So many callers until `end`, each of whom rests before every visit.
    void stay(std::size_t callers, const std::function<duration()>& rest, const made_up_queue::load& offered,
              time_point end);

    [[nodiscard]] const std::vector<visit>& visits() const noexcept { return visits_; }
    /// Empty when every caller was served.
    [[nodiscard]] const std::string& first_problem() const noexcept { return first_problem_; }

private:
    [[nodiscard]] static task<void> one_visit(pool_load& here, duration hold);
    [[nodiscard]] static task<void> arrivals(pool_load& here, const made_up_queue::load& offered, time_point end);
    [[nodiscard]] static task<void> regular(pool_load& here, const std::function<duration()>& rest,
                                            const made_up_queue::load& offered, time_point end);

    void serve_the_rest();

    virtual_group& where_;
    fake_pool& pool_;
    std::uint32_t next_ = 0;
    std::size_t under_way_ = 0;
    std::vector<visit> visits_;
    std::string first_problem_;
};

}  // namespace lido::test

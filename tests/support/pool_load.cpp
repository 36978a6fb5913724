#include "support/pool_load.hpp"

#include "lido/base/sleep.hpp"

#include <chrono>

namespace lido::test {
namespace {

class counted {
public:
    explicit counted(std::size_t& number) noexcept : number_(number) { ++number_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --number_; }

private:
    std::size_t& number_;
};

}  // namespace

task<void> pool_load::one_visit(pool_load& here, duration hold) {
    scheduler& mine = *scheduler::current();
    const counted alive(here.under_way_);
    const time_point came = mine.now();
    pool::acquire_options options;
    options.timeout = std::chrono::hours(24);
    auto lease = co_await here.pool_.acquire(options);
    if (!lease) {
        if (here.first_problem_.empty()) here.first_problem_ = lease.error().message();
        co_return;
    }
    const time_point got = mine.now();
    const time_point done = got + hold;
    co_await sleep_until(done);  // virtual time
    lease->release();
    here.visits_.push_back({came, got - came, hold});
}

task<void> pool_load::arrivals(pool_load& here, const made_up_queue::load& offered, time_point end) {
    time_point next = scheduler::current()->now();
    while (true) {
        const duration gap = offered.until_next(next);
        if (gap <= duration::zero()) co_return;
        next += gap;
        if (next >= end) co_return;
        co_await sleep_until(next);  // virtual time
        const duration hold = offered.service(next);
        if (hold <= duration::zero()) continue;
        static_cast<void>(here.where_.at(here.next_++ % here.where_.size()).start(one_visit(here, hold)));
    }
}

task<void> pool_load::regular(pool_load& here, const std::function<duration()>& rest,
                              const made_up_queue::load& offered, time_point end) {
    scheduler& mine = *scheduler::current();
    const counted alive(here.under_way_);
    while (true) {
        const time_point next = mine.now() + rest();
        if (next >= end) co_return;
        co_await sleep_until(next);  // virtual time
        const duration hold = offered.service(next);
        co_await one_visit(here, hold);
    }
}

void pool_load::come(const made_up_queue::load& offered, time_point end, duration every,
                     const std::function<void()>& look) {
    const auto coming = where_.at(0).start(arrivals(*this, offered, end));
    while (where_.now() < end) {
        where_.advance(std::min(every, end - where_.now()));
        look();
    }
    LIDO_ASSERT(coming.done());
    serve_the_rest();
}

void pool_load::serve_the_rest() {
    while (under_way_ > 0) where_.advance(std::chrono::seconds(1));
}

void pool_load::stay(std::size_t callers, const std::function<duration()>& rest, const made_up_queue::load& offered,
                     time_point end) {
    for (std::size_t i = 0; i < callers; ++i) {
        static_cast<void>(
            where_.at(static_cast<std::uint32_t>(i) % where_.size()).start(regular(*this, rest, offered, end)));
    }
    where_.advance(end - where_.now());
    serve_the_rest();
}

}  // namespace lido::test

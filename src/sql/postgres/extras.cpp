// What only PostgreSQL has, each on the scheduler of its connection.
#include "lido/base/run_on.hpp"
#include "lido/sql/postgres/copy.hpp"
#include "lido/sql/postgres/listener.hpp"
#include "lido/sql/postgres/pool.hpp"

#include <utility>

namespace lido::postgres {
namespace {

using held = sql::detail::sql_held<connector>;
using shared_held = std::shared_ptr<held>;

task<result<void>> begin_there(shared_held of, sql::statement what, bool put, time_point deadline) {
    const held::turn mine(*of);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *of->lease;
    result<void> done = co_await on.copy_begin(what, put, deadline);
    co_return std::move(done);
}

task<result<void>> put_there(shared_held of, std::string data, time_point deadline) {
    const held::turn mine(*of);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *of->lease;
    result<void> done = co_await on.copy_put(data, deadline);
    co_return std::move(done);
}

task<result<std::uint64_t>> end_there(shared_held of, time_point deadline) {
    const held::turn mine(*of);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *of->lease;
    result<std::uint64_t> done = co_await on.copy_end(deadline);
    of->lease.release();
    co_return std::move(done);
}

task<result<std::string>> take_there(shared_held of, time_point deadline) {
    const held::turn mine(*of);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *of->lease;
    result<std::string> data = co_await on.copy_take(deadline);
    if (!data || !data->empty()) co_return std::move(data);
    const result<std::uint64_t> ended = co_await on.copy_end(deadline);
    if (!ended) co_return ended.error();
    co_return std::string();
}

task<result<void>> listen_there(shared_held of, std::string channel, time_point deadline) {
    const held::turn mine(*of);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *of->lease;
    result<void> done = co_await on.listen(channel, deadline);
    co_return std::move(done);
}

task<result<std::vector<notification>>> hear_there(shared_held of, time_point deadline) {
    const held::turn mine(*of);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *of->lease;
    result<std::vector<notification>> came = co_await on.notifications(deadline);
    co_return std::move(came);
}

task<result<void>> write_of(shared_held of, std::string data) {
    scheduler& where = of->where();
    const time_point deadline = of->deadline();
    result<void> done = co_await run_on(where, put_there(std::move(of), std::move(data), deadline));
    co_return std::move(done);
}

task<result<std::uint64_t>> finish_of(shared_held of) {
    if (of == nullptr || !of->lease.valid()) {
        co_return error(lido::errc::invalid_argument, "the COPY has ended already", "begin another one");
    }
    scheduler& where = of->where();
    const time_point deadline = of->deadline();
    result<std::uint64_t> done = co_await run_on(where, end_there(std::move(of), deadline));
    co_return std::move(done);
}

task<result<void>> listen_of(shared_held of, std::string channel) {
    scheduler& where = of->where();
    const time_point deadline = of->deadline();
    result<void> done = co_await run_on(where, listen_there(std::move(of), std::move(channel), deadline));
    co_return std::move(done);
}

task<result<std::vector<notification>>> hear_of(shared_held of, duration timeout) {
    scheduler& where = of->where();
    const time_point deadline = deadline_after(scheduler::current()->now(), timeout);
    result<std::vector<notification>> came = co_await run_on(where, hear_there(std::move(of), deadline));
    co_return std::move(came);
}

template <class Channel>
task<result<Channel>> copy_of(operation<pool::lease> asked, sql::statement what, bool put) {
    result<pool::lease> lease = co_await std::move(asked);
    if (!lease) co_return std::move(lease).error();
    shared_held of = lease->shared();
    scheduler& where = of->where();
    const time_point deadline = of->deadline();
    result<void> begun = co_await run_on(where, begin_there(of, std::move(what), put, deadline));
    if (!begun) co_return std::move(begun).error();
    co_return Channel(std::move(of));
}

task<result<listener>> listener_of(operation<pool::lease> asked, std::string channel) {
    result<pool::lease> lease = co_await std::move(asked);
    if (!lease) co_return std::move(lease).error();
    shared_held of = lease->shared();
    result<void> begun = co_await listen_of(of, std::move(channel));
    if (!begun) co_return std::move(begun).error();
    co_return listener(std::move(of));
}

}  // namespace

operation<void> copy_writer::write(std::string data) {
    return {held_->owner->group, write_of(held_, std::move(data))};
}

operation<std::uint64_t> copy_writer::finish() {
    return {held_->owner->group, finish_of(held_)};
}

operation<std::string> copy_reader::next() {
    return {held_->owner->group, next_of(this)};
}

task<result<std::string>> copy_reader::next_of(copy_reader* self) {
    const shared_held of = self->held_;
    if (!of->lease.valid()) co_return std::string();
    scheduler& where = of->where();
    const time_point deadline = of->deadline();
    result<std::string> data = co_await run_on(where, take_there(of, deadline));
    // The end, in order or not: the connection goes back.
    if (!data || data->empty()) of->lease.release();
    co_return std::move(data);
}

operation<void> listener::listen(std::string channel) {
    return {held_->owner->group, listen_of(held_, std::move(channel))};
}

operation<std::vector<notification>> listener::next(duration timeout) {
    return {held_->owner->group, hear_of(held_, timeout)};
}

operation<copy_writer> pool::copy_in(sql::statement what) {
    return {shared()->group, copy_of<copy_writer>(acquire(), std::move(what), true)};
}

operation<copy_reader> pool::copy_out(sql::statement what) {
    return {shared()->group, copy_of<copy_reader>(acquire(), std::move(what), false)};
}

operation<listener> pool::listen(std::string channel) {
    return {shared()->group, listener_of(acquire(), std::move(channel))};
}

}  // namespace lido::postgres

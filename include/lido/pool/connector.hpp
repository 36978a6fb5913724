// Lido: the seam between a pool and a kind of connection.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/base/task.hpp"
#include "lido/pool/core.hpp"

#include <concepts>
#include <cstdint>
#include <memory>

namespace lido::pool {

/// How a connection tells its pool what happens to it between leases. Valid as long as the pool lives, from any thread;
/// what comes after the end of the connection is ignored. A copyable handle.
class connection_events {
public:
    connection_events(core& owner, slot_id slot) noexcept : owner_(&owner), slot_(slot) {}
    /// It is dead, or something arrived that nobody asked for: not to be lent again.
    void lost() const noexcept { owner_->lost(slot_); }
    /// The peer allows `capacity` leases at once from now on; 0: none, drain it.
    void capacity_changed(std::uint32_t capacity) const noexcept { owner_->capacity_changed(slot_, capacity); }

private:
    core* owner_;
    slot_id slot_;
};

/// What a connector is told about a connection that it is to open.
struct open_request {
    scheduler& where;  ///< the scheduler that the connection will live on; `open` runs on it
    time_point deadline;
    connection_events events;
};

/// All that a kind of connection provides. It knows nothing of pooling, and the pool nothing of the kind; the pool owns
/// time (idle, lifetime, health, back-off). One connector serves all connections of its pool, from every scheduler of
/// the runtime at once.
///
/// - `open` makes a connection that is ready to use. The task may be destroyed at any await, when the deadline came.
/// - `check` finds out whether an idle one still works. Cheap.
/// - `close` is polite and ends by its deadline. The connection is destroyed afterwards, and also without `close` where
///   there is no time.
/// - `capacity` is how many leases may share it: 1, an HTTP/2 peer's stream limit, the depth of a pipeline. At least 1.
/// - `usable` says, on the thread that returns the last-but-n lease, what is provably known about it.
///
/// Optional: `reset(connection&, deadline)` -> task<result<void>>, for connectors whose `usable` may say `needs_reset`;
/// `cut(connection&)`, which breaks a connection that is in use so that its borrower notices; it may be called twice;
/// `static constexpr bool roams = true`, see `roaming`.
template <class C>
concept connector =
    requires(C& kind, typename C::connection& connection, const open_request& request, time_point deadline) {
        { kind.open(request) } -> std::same_as<task<result<std::unique_ptr<typename C::connection>>>>;
        { kind.check(connection, deadline) } -> std::same_as<task<result<void>>>;
        { kind.close(connection, deadline) } -> std::same_as<task<void>>;
        { kind.capacity(connection) } -> std::same_as<std::uint32_t>;
        { kind.usable(connection) } -> std::same_as<verdict>;
    };

/// Borrowers may use its connections on any scheduler, wherever they were opened (files, say, or what runs on worker
/// threads): one that rests is lent first where it was used last. The pool still checks, resets and closes them on
/// their own, and calls `cut` there while somebody uses them elsewhere.
template <class C>
concept roaming = connector<C> && requires { requires C::roams; };

}  // namespace lido::pool

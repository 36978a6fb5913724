// Lido: the pools of a client, one for each identity.
#pragma once

#include "http/connection.hpp"
#include "http/dial.hpp"
#include "http/identity.hpp"
#include "http/retry_allowance.hpp"
#include "lido/http/client.hpp"
#include "lido/pool/pool.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace lido::http {

/// The pool of one identity, and what its requests share.
struct origin_pool : std::enable_shared_from_this<origin_pool> {
    origin_pool(scheduler_group& group, std::shared_ptr<const dial_plan> by, const client_settings& settings,
                std::shared_ptr<connection_budget> budget);

    const std::shared_ptr<const dial_plan> plan;
    const std::string text;        ///< the origin, `to_text()`
    const std::string host_field;  ///< the origin's `host_field()`
    /// For an HTTP proxy that is asked for URLs: what makes the target one, and the proxy's credentials. Else empty.
    const std::string absolute_prefix;
    const secret authorization;
    const std::shared_ptr<connection_book> book;
    pool::pool<connector> connections;
    retry_allowance retries;
    /// Requests that run; one more for the base URL's, which is never dropped. Goes up under the lock of the pools
    /// only.
    std::atomic<std::size_t> in_use{0};
    std::atomic<duration::rep> last_used{0};
};

/// A client's pools by identity: made when first needed, dropped when unused. Thread-safe.
class origin_pools {
public:
    /// Throws `lido::exception` when the environment has to be asked for proxies and names one that is none.
    origin_pools(scheduler_group& group, const client_settings& settings);
    origin_pools(const origin_pools&) = delete;
    origin_pools& operator=(const origin_pools&) = delete;
    ~origin_pools();

    /// The pool of requests to an origin by the client's settings, counted as in use once more: the caller counts it
    /// down. Errors: `pool_closed`, `pool_exhausted` when there are as many pools as allowed and all are in use,
    /// `tls_failed` or `invalid_argument` when the TLS settings cannot be used.
    [[nodiscard]] result<std::shared_ptr<origin_pool>> get(const origin& of, time_point now);
    /// The same for an identity.
    [[nodiscard]] result<std::shared_ptr<origin_pool>> get(const identity& of, time_point now);

    /// Drops the pools that nobody has used for `unused_for`, and gives them back to be destroyed outside any lock.
    [[nodiscard]] std::vector<std::shared_ptr<origin_pool>> take_unused(time_point now, duration unused_for);

    /// No more pools from now on. Returns the ones there are.
    [[nodiscard]] std::vector<std::shared_ptr<origin_pool>> seal();
    /// Forgets all pools, and gives them back.
    [[nodiscard]] std::vector<std::shared_ptr<origin_pool>> take_all();

    /// Somebody waits for a connection under the limit over all origins: closes one that is idle, if there is one, in
    /// the pool that was used least recently.
    void make_room();
    [[nodiscard]] bool is_crowded() const noexcept { return budget_ && budget_->is_wanted(); }

    /// Fills in what a snapshot says about pools and connections.
    void describe(client_statistics& into) const;

private:
    struct room_maker;
    void retire_locked(const origin_pool& gone);
    [[nodiscard]] std::shared_ptr<origin_pool> take_least_recent_locked();

    scheduler_group& group_;
    const client_settings& settings_;
    const reach reach_;
    mutable std::mutex mutex_;
    std::unordered_map<identity, std::shared_ptr<origin_pool>> pools_;
    tls_contexts contexts_;
    std::shared_ptr<room_maker> room_maker_;
    std::shared_ptr<connection_budget> budget_;  // null: no limit over all origins
    bool sealed_ = false;
    client_statistics gone_;  // what the pools that were dropped had counted
};

}  // namespace lido::http

// Lido: what stands behind the public face of an HTTP client.
#pragma once

#include "http/exchange.hpp"
#include "http/living.hpp"
#include "http/origin_pools.hpp"
#include "lido/base/random.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/http/client.hpp"
#include "lido/http/response_stream.hpp"
#include "lido/upstream/outcome.hpp"

#include <atomic>
#include <memory>
#include <stop_token>

namespace lido::http {

class open_exchange;

/// The state of a client, shared with its running operations.
class client::implementation final : public closable, public std::enable_shared_from_this<implementation> {
public:
    implementation(scheduler_group& group, client_settings settings);

    /// The whole life of one request: pool, attempts, retries, with a cache around them if there is one. This one and
    /// the next two own the client's state from their beginning on, also when they are posted and the client goes away
    /// before they run.
    [[nodiscard]] static task<result<response>> run(std::shared_ptr<implementation> self, request what) {
        if (self->follows()) return run_following(std::move(self), std::move(what));
        if (self->settings_.cache) return run_cached_decoded(std::move(self), std::move(what));
        manner how;
        how.decoded = true;
        return send(std::move(self), std::move(what), how);
    }
    /// The same until the head of the response is there.
    [[nodiscard]] static task<result<response_stream>> open(std::shared_ptr<implementation> self, request what);
    /// Are all the connections to the base URL's origin lent that there may be?
    [[nodiscard]] bool is_full() const {
        const origin_pool* const known = base_pool_known_.load(std::memory_order_acquire);
        return known != nullptr && known->connections.statistics().is_full();
    }
    [[nodiscard]] static task<result<std::size_t>> warm_up(std::shared_ptr<implementation> self, std::size_t count);
    [[nodiscard]] static task<result<std::size_t>> close(std::shared_ptr<implementation> self, duration timeout);
    /// How an attempt ended, and where it stood when it did.
    struct attempt_result {
        exchange_outcome outcome;
        bool reused = false;     ///< on a connection that had served before
        bool exchanged = false;  ///< there was a connection; otherwise the pool refused
        bool pool_full = false;  ///< it refused because all that it may have were lent
        /// The next attempt is to have a connection that has served nobody: this one was lost on one that had.
        bool wants_fresh = false;
        time_point sent_at{};  ///< when the exchange began
        /// Of a streamed response: what the rest of it comes from.
        std::shared_ptr<open_exchange> opened;
    };
    /// What an attempt means to those who have policies of their own.
    class attempt_judge {
    public:
        [[nodiscard]] virtual upstream::attempt_end judge(const attempt_result& last) const = 0;

    protected:
        attempt_judge() = default;
        attempt_judge(const attempt_judge&) = default;
        attempt_judge& operator=(const attempt_judge&) = default;
        ~attempt_judge() = default;
    };
    /// One attempt at the base URL's origin, for those who have a retry policy of their own: `what` has a path for its
    /// target, `number` is for reports; the result is `judge`'s. What RFC 9110 allows to be sent again on another
    /// connection is. Whoever awaits it keeps this client and `what` alive.
    [[nodiscard]] task<upstream::attempt_end> once(const request& what, time_point deadline, unsigned number,
                                                   attempt_result& last, const attempt_judge& judge);
    /// Can the base URL's origin be connected to? Borrows a connection, and gives it back.
    [[nodiscard]] task<result<void>> reach(time_point deadline);
    /// The base URL's origin has moved, or changed its role: its connections are used for nothing new.
    void retire_all();
    /// The addresses of the base URL's origin, if it is one that is connected to directly; those it has no longer are
    /// used for nothing new. A look-up that fails, or brings what is no set of addresses, changes nothing.
    [[nodiscard]] task<void> follow_addresses(time_point deadline);
    /// Of the base URL, if there is one.
    [[nodiscard]] const std::optional<origin>& base_origin() const noexcept { return base_origin_; }

    /// A request that waits for a connection under the limit over all origins gets room, if there is one.
    void make_room() {
        if (pools_.is_crowded()) pools_.make_room();
    }
    class pool_use;

    [[nodiscard]] operation<std::size_t> close_for_all(duration timeout) override {
        return {group_, close(shared_from_this(), timeout)};
    }
    /// For the destructor: as `close` without waiting for requests, from any thread.
    void shut_down() noexcept;

    [[nodiscard]] client_statistics statistics() const;
    [[nodiscard]] const client_settings& settings() const noexcept { return settings_; }
    [[nodiscard]] scheduler_group& group() const noexcept { return group_; }

private:
    /// What is different for a request that the cache sends.
    struct manner {
        bool counted = true;            ///< as an operation of its own
        bool retried = true;            ///< as the settings say
        time_point* sent_at = nullptr;  ///< where to note when it was sent last
        bool decoded = false;           ///< the content codings of the response are undone
        time_point deadline = never;    ///< instead of the one that the time-out gives
        /// Where to put the rest of the response; null: the response is to be whole.
        std::shared_ptr<open_exchange>* opened = nullptr;
    };
    struct job;
    /// How often a request was sent again, by what had become of it before.
    struct resend_counts {
        std::size_t unsent = 0;         ///< its connection was dead before anything was sent
        std::size_t not_processed = 0;  ///< the server would not have it
        std::size_t unanswered = 0;     ///< its connection broke, perhaps after the server had acted
    };

    [[nodiscard]] static task<result<response>> send(std::shared_ptr<implementation> self, request what, manner how);
    /// Is there more to do about a request than to send it?
    [[nodiscard]] bool follows() const noexcept { return settings_.redirects.max != 0 || settings_.cookies != nullptr; }
    [[nodiscard]] static task<result<response>> run_following(std::shared_ptr<implementation> self, request what);
    [[nodiscard]] static task<result<response>> run_cached_decoded(std::shared_ptr<implementation> self, request what);
    [[nodiscard]] static task<result<response>> follow(std::shared_ptr<implementation> self, request what,
                                                       std::shared_ptr<open_exchange>* opened);
    [[nodiscard]] result<response> undo_coding(response came, const request& what) const;
    [[nodiscard]] request with_cookies(const request& what, const std::string& url) const;
    void keep_cookies(const response& came, const std::string& url) const;
    /// `how` says until when, and where the rest of a streamed response goes.
    [[nodiscard]] static task<result<response>> run_cached(std::shared_ptr<implementation> self, request what,
                                                           manner how);
    [[nodiscard]] static task<result<response>> send_visiting(std::shared_ptr<implementation> self, request what,
                                                              cache_visit& visit, manner how);
    [[nodiscard]] static task<void> revalidate(std::shared_ptr<implementation> self, request what, cache_visit visit);
    static void start_revalidation(std::shared_ptr<implementation> self, request what, cache_visit& visit);
    [[nodiscard]] std::optional<std::string> uri_of(const request& what) const;
    [[nodiscard]] const headers& defaults_for(const origin_pool& to) const noexcept {
        return settings_.credentials && to.text == base_text_ ? base_defaults_ : defaults_;
    }
    void count_outcome(bool failed) noexcept;

    [[nodiscard]] result<origin_pool*> base_pool(time_point now);
    [[nodiscard]] result<pool_use> find_pool(request& what, time_point now);
    [[nodiscard]] task<void> attempt(origin_pool& to, const request& what, time_point deadline, bool streamed,
                                     attempt_result& last);
    [[nodiscard]] task<void> attempt_open(origin_pool& to, pool::pool<connector>::lease borrowed, const request& what,
                                          const exchange_settings& how, attempt_result& last);
    [[nodiscard]] std::optional<duration> next_attempt(origin_pool& to, const request& what, const attempt_result& last,
                                                       unsigned number, time_point deadline);
    [[nodiscard]] static task<result<exchange_outcome>> run_job(std::shared_ptr<job> what);
    [[nodiscard]] exchange_settings settings_for(const origin_pool& to, const request& what, time_point deadline,
                                                 bool streamed) const;
    [[nodiscard]] bool take_resend(const request& what, attempt_result& last, resend_counts& counts) const;
    [[nodiscard]] pool::acquire_options until(time_point deadline, time_point now) const;
    void report(const origin_pool& to, const request& what, const attempt_result& last, unsigned number,
                duration elapsed, duration retry_in) const;
    void start_clean_up();
    [[nodiscard]] static task<void> clean_up(std::weak_ptr<implementation> who, duration interval);

    scheduler_group& group_;
    client_settings settings_;
    http_limits streamed_limits_;  // of responses that are not held in memory
    headers defaults_;
    headers base_defaults_;  // to the base URL's origin
    time_point made_at_;
    std::string base_prefix_;  // of the base URL's path, without its last slash
    std::optional<origin> base_origin_;
    std::string base_text_;      // of the base URL's origin
    cache_identity identity_{};  // for the cache, if there is one
    origin_pools pools_;
    std::stop_source closing_;  // ends the clean-up, revalidations in the background, and pauses before retries
    std::atomic<bool> clean_up_started_{false};
    std::atomic<duration::rep> last_clean_up_{-1};

    std::atomic<std::uint64_t> requests_{0};
    std::atomic<std::uint64_t> failed_{0};
    std::atomic<std::uint64_t> attempts_{0};
    std::atomic<std::uint64_t> retries_{0};
    std::atomic<std::uint64_t> retries_refused_{0};
    std::atomic<std::uint64_t> resends_{0};

    std::mutex base_mutex_;
    std::shared_ptr<origin_pool> base_pool_;  // set once
    std::atomic<origin_pool*> base_pool_known_{nullptr};
};

/// A request that runs on a pool, which is not dropped meanwhile. The base URL's pool lives as long as the client and
/// needs no owner here; any other was counted as in use by `origin_pools::get`, which this takes back at its end.
class client::implementation::pool_use {
public:
    explicit pool_use(origin_pool& which, std::shared_ptr<origin_pool> owner = nullptr) noexcept
        : which_(&which), owner_(std::move(owner)) {}
    pool_use(pool_use&& other) noexcept : which_(other.which_), owner_(std::move(other.owner_)) {}
    pool_use& operator=(pool_use&&) = delete;
    ~pool_use() {
        if (!owner_) return;
        which_->last_used.store(scheduler::current()->now().time_since_epoch().count(), std::memory_order_relaxed);
        which_->in_use.fetch_sub(1, std::memory_order_release);
    }
    [[nodiscard]] origin_pool& operator*() const noexcept { return *which_; }

private:
    origin_pool* which_;
    std::shared_ptr<origin_pool> owner_;
};

}  // namespace lido::http

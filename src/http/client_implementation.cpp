#include "http/client_implementation.hpp"

#include "base/start_in_background.hpp"
#include "http/decompressor.hpp"
#include "http/open_exchange.hpp"
#include "lido/base/single_scheduler.hpp"
#include "lido/base/sleep.hpp"
#include "lido/base/stoppable_sleep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace lido::http {
namespace {

/// Each connection that the pool has may have died while it was idle, and many that took their place, where a server
/// closes each behind its first response without saying so. To find that out costs no server anything.
constexpr unsigned spare_resends_of_unsent = 32;
/// Whatever is refused has cost the server work, and who refuses twice is overloaded: he gets the pauses of the retry
/// policy.
constexpr unsigned max_resends_of_not_processed = 2;
/// RFC 9110 §9.2.2: what was sent again automatically and fails again is left to others.
constexpr unsigned max_resends_of_unanswered = 1;
/// Connections that have served before and are not taken, in the hope of one that has not.
constexpr std::size_t most_passed_on = 32;
/// In the queue for a connection. Who had one and lost his request on it has had his turn.
constexpr std::uint8_t usual_priority = 2;
constexpr std::uint8_t priority_of_lost = 1;

/// One of HTTP/2 that is at its end says what it has not processed.
bool has_served(const pool::pool<connector>::lease& which) {
    return which.reused() && !which->is_multiplexed();
}

/// Where others wait for a connection it is theirs. Where nobody does it has been idle like the one before, and may
/// have met the same end.
void pass_on(const origin_pool& from, pool::pool<connector>::lease& which) {
    if (from.connections.statistics().waiting > 0) {
        which.release();
    } else {
        which.discard();
    }
}

/// Counts one more, unless there were `most` already.
bool take(std::size_t& count, std::size_t most) {
    if (count >= most) return false;
    ++count;
    return true;
}

random_source& dice() {
    static thread_local random_source source(random_source::entropy_seed());
    return source;
}

std::string_view without_query(std::string_view target) {
    return target.substr(0, target.find('?'));
}

error no_tunnels() {
    return {errc::invalid_argument, "CONNECT opens a tunnel, and a client has no way to hand one out",
            "to reach servers through a proxy, set client setting proxy"};
}

/// A body that cannot be had a second time, or whose source has failed, is not sent again.
bool may_repeat(const request& what, const client::implementation::attempt_result& last) {
    return !last.outcome.source_failed && what.may_be_sent();
}

/// 417: the server cannot meet the expectation, and has not got the body (RFC 9110 §15.5.18).
bool was_not_let_in(const client::implementation::attempt_result& last) {
    constexpr unsigned expectation_failed = 417;
    return last.outcome.body_withheld && last.outcome.response.status() == expectation_failed;
}

errc code_of(const error& failure) {
    const bool own = failure.code().category() == error_category();
    return own ? static_cast<errc>(failure.code().value()) : errc::connection_closed;
}

}  // namespace

/// An exchange that runs on another scheduler than its caller: it owns all that it needs, because the caller may go
/// away meanwhile.
struct client::implementation::job {
    std::shared_ptr<implementation> client;
    std::shared_ptr<origin_pool> pool;
    pool::pool<connector>::lease lease;
    request what;
    exchange_settings settings;
};

client::implementation::implementation(scheduler_group& group, client_settings settings)
    : group_(group), settings_(std::move(settings)), made_at_(clock::now()), pools_(group, settings_) {
    // What is not held in memory needs no bound.
    streamed_limits_ = settings_.limits;
    streamed_limits_.max_body_bytes = std::numeric_limits<std::int64_t>::max();
    if (!settings_.user_agent.empty()) defaults_.add("User-Agent", settings_.user_agent).value();
    if (settings_.decoding.enabled) defaults_.add("Accept-Encoding", accepted_codings).value();
    base_defaults_ = defaults_;
    if (settings_.credentials) {
        base_defaults_.add("Authorization", settings_.credentials->field_value().reveal()).value();
    }
    if (settings_.cache) identity_ = settings_.cache->identity_of(settings_).value();
    if (settings_.base_url.empty()) return;
    parsed_url base = parse_url(settings_.base_url).value();
    base_origin_ = std::move(base.origin);
    base_text_ = base_origin_->to_text();
    base_prefix_ = std::string(without_query(base.target));
    while (!base_prefix_.empty() && base_prefix_.back() == '/') base_prefix_.pop_back();
}

/// The base URL's pool, made when first needed.
result<origin_pool*> client::implementation::base_pool(time_point now) {
    if (origin_pool* const known = base_pool_known_.load(std::memory_order_acquire)) return known;
    const std::lock_guard held(base_mutex_);
    if (!base_pool_) {
        auto made = pools_.get(*base_origin_, now);
        if (!made) return std::move(made).error();
        base_pool_ = std::move(*made);  // counts as in use from now on
        base_pool_known_.store(base_pool_.get(), std::memory_order_release);
    }
    return base_pool_.get();
}

/// The pool for the request's target, which becomes what is sent: path and query, or the server as a whole.
result<client::implementation::pool_use> client::implementation::find_pool(request& what, time_point now) {
    if (what.method() == method::connect) return no_tunnels();
    const std::string& target = what.target();
    const bool of_server = target == "*" && what.method() == method::options;
    if (of_server || (!target.empty() && target.front() == '/')) {
        if (!base_origin_) {
            return error(errc::invalid_argument, fmt::format("target '{}' is relative", without_query(target)),
                         "give an absolute URL, or set base_url");
        }
        if (!of_server && !base_prefix_.empty()) what.set_target(base_prefix_ + target);
        auto base = base_pool(now);
        if (!base) return std::move(base).error();
        return pool_use(**base);
    }
    auto url = parse_url(target);
    if (!url) return std::move(url).error();
    what.set_target(std::move(url->target));
    start_clean_up();
    auto found = pools_.get(url->origin, now);
    if (!found) return std::move(found).error();
    origin_pool& pool = **found;
    return pool_use(pool, std::move(*found));
}

exchange_settings client::implementation::settings_for(const origin_pool& to, const request& what, time_point deadline,
                                                       bool streamed) const {
    return {.target = {.host = to.host_field,
                       .absolute_prefix = to.absolute_prefix,
                       .proxy_authorization = to.authorization.reveal(),
                       .defaults = &defaults_for(to),
                       .close = !settings_.keep_alive},
            .limits = streamed ? &streamed_limits_ : &settings_.limits,
            .read_timeout = what.read_timeout().value_or(settings_.read_timeout),
            .deadline = deadline,
            .streamed = streamed,
            .body_deadline = what.timeout() ? deadline : never,
            .continue_timeout = settings_.continue_timeout};
}

task<result<exchange_outcome>> client::implementation::run_job(std::shared_ptr<job> what) {
    exchange_outcome outcome;
    co_await exchange(*what->lease, what->what, what->settings, outcome);
    what->lease.release();
    what->client->make_room();
    co_return std::move(outcome);
}

pool::acquire_options client::implementation::until(time_point deadline, time_point now) const {
    pool::acquire_options options;
    options.priority = usual_priority;
    options.timeout = std::clamp<duration>(deadline - now, std::chrono::nanoseconds(1), settings_.acquire_timeout);
    return options;
}

task<void> client::implementation::attempt(origin_pool& to, const request& what, time_point deadline, bool streamed,
                                           attempt_result& last) {
    last.outcome = {};
    scheduler& here = *scheduler::current();
    const bool wants_fresh = std::exchange(last.wants_fresh, false);
    pool::acquire_options options = until(deadline, here.now());
    const time_point end = here.now() + options.timeout;
    if (wants_fresh) options.priority = priority_of_lost;
    auto lease = co_await to.connections.acquire(options);
    // A pool that refuses at once has no other before one has closed.
    const bool may_wait = wants_fresh && settings_.when_full != pool::when_full::fail;
    for (std::size_t others = 0; may_wait && lease && has_served(*lease) && others < most_passed_on; ++others) {
        pass_on(to, *lease);
        options.timeout = until(end, here.now()).timeout;
        auto another = co_await to.connections.acquire(options);
        lease = std::move(another);
    }
    if (!lease) {
        last.outcome.failure = std::move(lease).error();
        const bool total = here.now() >= deadline && *last.outcome.failure == errc::acquire_timeout;
        if (total) {
            error late(errc::timeout, "no connection before the deadline of the request");
            last.outcome.failure = std::move(late).with_cause(*last.outcome.failure);
        }
        last.exchanged = false;
        last.pool_full = to.connections.statistics().is_full();
        co_return;
    }
    attempts_.fetch_add(1, std::memory_order_relaxed);
    last.exchanged = true;
    last.reused = lease->reused();
    last.sent_at = here.now();
    connection& on = **lease;
    const exchange_settings how = settings_for(to, what, deadline, streamed);
    if (streamed) {
        co_await attempt_open(to, std::move(*lease), what, how, last);
        co_return;
    }
    scheduler& there = on.stream->loop();
    if (&there == &here) {
        co_await exchange(on, what, how, last.outcome);
        lease->release();
        make_room();
        co_return;
    }
    auto remote = std::make_shared<job>(job{shared_from_this(), to.shared_from_this(), std::move(*lease), what, how});
    single_scheduler only(there);
    operation<exchange_outcome> elsewhere(only, run_job(std::move(remote)));
    result<exchange_outcome> outcome = co_await std::move(elsewhere);
    if (outcome) {
        last.outcome = std::move(*outcome);
    } else {
        last.outcome.failure = std::move(outcome).error();
    }
}

/// RFC 9110 §9.2.2 and RFC 9112 §9.3.1: a reused connection may have been closed by the peer just when the request was
/// sent. Sent again, without counting as a retry, when no byte of an answer came and the peer provably did not act on
/// it, or doing it twice does no harm.
bool client::implementation::take_resend(const request& what, attempt_result& last, resend_counts& counts) const {
    const exchange_outcome& outcome = last.outcome;
    if (!outcome.failure || !last.exchanged || outcome.answered || !may_repeat(what, last)) return false;
    const bool died_idle = last.reused && *outcome.failure == errc::connection_closed;
    if (died_idle && outcome.unsent && !outcome.turned_away) {
        return take(counts.unsent, spare_resends_of_unsent + settings_.max_connections_per_origin);
    }
    if (outcome.not_processed) return take(counts.not_processed, max_resends_of_not_processed);
    // A server that closes each connection behind its response would end the second one like the first.
    last.wants_fresh = died_idle && is_idempotent(what.method()) && take(counts.unanswered, max_resends_of_unanswered);
    return last.wants_fresh;
}

namespace {

/// An end of an exchange after which nobody knows whether the server has acted. A response that is too large, or a
/// source that failed, is something else: it says what happened.
bool leaves_doubt(const error& failure) {
    for (const errc code :
         {errc::connection_closed, errc::read_timeout, errc::write_timeout, errc::timeout, errc::protocol_error}) {
        if (failure == code) return true;
    }
    return false;
}

/// With its exchange went the knowledge of what became of a request that does harm when done twice. The caller could
/// not tell its error from that of a request that never left.
void mark_unsure(client::implementation::attempt_result& last, const request& what) {
    std::optional<error>& failure = last.outcome.failure;
    if (last.outcome.source_failed || !leaves_doubt(*failure)) return;
    const bool broke = *failure == errc::connection_closed;
    error unsure(errc::maybe_executed, fmt::format("{} {}: {}", what.method().text(), without_query(what.target()),
                                                   broke ? "the connection broke after the request was sent"
                                                         : "no proper answer came after the request was sent"));
    failure = std::move(unsure).with_cause(*failure);
}

/// The last attempt did not reach the server, but one before it may have: that is what the caller has to know.
void recall_unsure(std::optional<error>& failure) {
    if (*failure == errc::maybe_executed) return;
    error unsure(errc::maybe_executed,
                 "an earlier attempt broke off after the request was sent, and the last one failed");
    failure = std::move(unsure).with_cause(*failure);
}

}  // namespace

void client::implementation::count_outcome(bool failed) noexcept {
    requests_.fetch_add(1, std::memory_order_relaxed);
    if (failed) failed_.fetch_add(1, std::memory_order_relaxed);
}

task<result<response>> client::implementation::send(std::shared_ptr<implementation> self, request what, manner how) {
    implementation& me = *self;
    scheduler& here = *scheduler::current();
    const time_point begun = here.now();
    time_point deadline = how.deadline;
    if (deadline == never) deadline = deadline_after(begun, what.timeout().value_or(me.settings_.timeout));
    auto found = me.find_pool(what, begun);
    if (!found) {
        if (how.counted) me.count_outcome(true);
        co_return std::move(found).error();
    }
    pool_use pool(std::move(*found));
    if (how.retried) (*pool).retries.note_request(begun);
    const bool streamed = how.opened != nullptr;
    attempt_result last;
    resend_counts resends;
    bool unsure_before = false;
    for (unsigned number = 1;; ++number) {
        const time_point attempt_begun = me.settings_.on_attempt ? here.now() : begun;
        co_await me.attempt(*pool, what, deadline, streamed, last);
        while (me.take_resend(what, last, resends)) {
            me.resends_.fetch_add(1, std::memory_order_relaxed);
            co_await me.attempt(*pool, what, deadline, streamed, last);
        }
        if (was_not_let_in(last)) {
            what.mutable_headers().remove("Expect");
            me.resends_.fetch_add(1, std::memory_order_relaxed);
            last.opened.reset();
            co_await me.attempt(*pool, what, deadline, streamed, last);
        }
        std::optional<error>& failure = last.outcome.failure;
        const bool unsure = failure && last.exchanged && !last.outcome.unsent && !is_idempotent(what.method());
        std::optional<duration> wait;
        if (how.retried) wait = me.next_attempt(*pool, what, last, number, deadline);
        if (unsure) mark_unsure(last, what);
        if (me.settings_.on_attempt) {
            me.report(*pool, what, last, number, here.now() - attempt_begun, wait.value_or(duration(-1)));
        }
        if (wait) {
            const time_point again = deadline_after(here.now(), *wait);
            co_await stoppable_sleep(again, me.closing_.get_token());
            if (me.closing_.stop_requested()) wait.reset();
        }
        if (!wait) {
            if (how.counted) me.count_outcome(failure.has_value());
            if (how.sent_at != nullptr && last.exchanged) *how.sent_at = last.sent_at;
            if (failure) {
                if (unsure_before && !unsure) recall_unsure(failure);
                co_return std::move(*failure).with_context(
                    fmt::format("{} {}{}", what.method().text(), (*pool).text, without_query(what.target())));
            }
            if (streamed) {
                last.opened->keep(std::move(pool));
                *how.opened = std::move(last.opened);
            }
            if (!how.decoded) co_return std::move(last.outcome.response);
            co_return me.undo_coding(std::move(last.outcome.response), what);
        }
        if (last.opened) {
            const std::shared_ptr<open_exchange> unwanted = std::move(last.opened);
            co_await open_exchange::discard(unwanted);
        }
        unsure_before = unsure_before || unsure;
        me.retries_.fetch_add(1, std::memory_order_relaxed);
    }
}

task<upstream::attempt_end> client::implementation::once(const request& what, time_point deadline, unsigned number,
                                                         attempt_result& last, const attempt_judge& judge) {
    scheduler& here = *scheduler::current();
    const time_point begun = here.now();
    auto base = base_pool(begun);
    if (!base) {
        last = {};
        last.outcome.failure = std::move(base).error();
        co_return judge.judge(last);
    }
    origin_pool& pool = **base;
    std::optional<request> prefixed;
    if (!base_prefix_.empty()) prefixed.emplace(what).set_target(base_prefix_ + what.target());
    const request& sent = prefixed ? *prefixed : what;
    co_await attempt(pool, sent, deadline, false, last);
    resend_counts resends;
    while (take_resend(sent, last, resends)) {
        resends_.fetch_add(1, std::memory_order_relaxed);
        co_await attempt(pool, sent, deadline, false, last);
    }
    requests_.fetch_add(1, std::memory_order_relaxed);
    std::optional<error>& failure = last.outcome.failure;
    if (failure) {
        failed_.fetch_add(1, std::memory_order_relaxed);
        if (last.exchanged && !last.outcome.unsent && !is_idempotent(what.method())) mark_unsure(last, sent);
        failure = std::move(*failure).with_context(
            fmt::format("{} {}{}", what.method().text(), pool.text, without_query(sent.target())));
    }
    if (settings_.on_attempt) report(pool, sent, last, number, here.now() - begun, duration(-1));
    co_return judge.judge(last);
}

task<result<void>> client::implementation::reach(time_point deadline) {
    scheduler& here = *scheduler::current();
    auto base = base_pool(here.now());
    if (!base) co_return std::move(base).error();
    pool::acquire_options options;
    options.priority = usual_priority;
    options.timeout = std::clamp<duration>(deadline - here.now(), std::chrono::nanoseconds(1), std::chrono::hours(1));
    auto borrowed = co_await (**base).connections.acquire(options);
    if (!borrowed) co_return std::move(borrowed).error();
    borrowed->release();
    co_return result<void>();
}

task<void> client::implementation::follow_addresses(time_point deadline) {
    origin_pool* const known = base_pool_known_.load(std::memory_order_acquire);
    if (known == nullptr) co_return;
    const identity& who = known->plan->who;
    // A proxy looks the name up itself, and a UNIX socket has none.
    if (!who.proxies.empty() || !who.unix_socket.empty()) co_return;
    net::resolver& names = settings_.names ? *settings_.names : net::default_resolver();
    task<result<std::vector<net::address>>> asking = names.resolve(who.origin.host, who.origin.port, deadline);
    const result<std::vector<net::address>> found = co_await std::move(asking);
    if (found && !found->empty()) known->book->keep_only(*found);
}

void client::implementation::retire_all() {
    if (origin_pool* const known = base_pool_known_.load(std::memory_order_acquire)) known->connections.retire_all();
}

/// Asks the retry policy; nothing when the attempt was the last.
std::optional<duration> client::implementation::next_attempt(origin_pool& to, const request& what,
                                                             const attempt_result& last, unsigned number,
                                                             time_point deadline) {
    if (closing_.stop_requested() || !may_repeat(what, last)) return std::nullopt;
    resilience::attempt_outcome ended;
    ended.method = what.method().text();
    if (last.outcome.failure) {
        ended.failure = code_of(*last.outcome.failure);
        // A connection that was dead before anything was sent is no different from one that was never made.
        const bool unreached = last.exchanged && last.outcome.unsent && ended.failure == errc::connection_closed;
        if (unreached) ended.failure = errc::connect_failed;
    } else {
        ended.status = static_cast<int>(last.outcome.response.status());
        const auto& listed = settings_.retry.statuses;
        if (std::find(listed.begin(), listed.end(), ended.status) == listed.end()) return std::nullopt;
        if (const auto after = last.outcome.response.header("Retry-After")) {
            ended.retry_after = resilience::parse_retry_after(*after, std::chrono::system_clock::now());
        }
    }
    const time_point now = scheduler::current()->now();
    const std::optional<duration> wait =
        resilience::next_attempt(settings_.retry, ended, number, now, deadline, dice().unit());
    if (!wait || to.retries.try_spend(now)) return wait;
    retries_refused_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
}

void client::implementation::report(const origin_pool& to, const request& what, const attempt_result& last,
                                    unsigned number, duration elapsed, duration retry_in) const {
    attempt_report line;
    line.method = what.method().text();
    line.origin = to.text;
    line.path = without_query(what.target());
    line.attempt = number;
    line.status = last.outcome.failure ? 0 : static_cast<int>(last.outcome.response.status());
    line.failure = last.outcome.failure ? &*last.outcome.failure : nullptr;
    line.reused = last.reused;
    line.slow = elapsed > settings_.slow_after;
    line.elapsed = elapsed;
    line.retry_in = retry_in;
    settings_.on_attempt(line);
}

task<result<std::size_t>> client::implementation::warm_up(std::shared_ptr<implementation> self, std::size_t count) {
    implementation& me = *self;
    if (!me.base_origin_) co_return error(errc::invalid_argument, "warm-up without a base_url", "set base_url");
    auto base = me.base_pool(scheduler::current()->now());
    if (!base) co_return std::move(base).error();
    origin_pool& pool = **base;
    result<std::size_t> open = co_await pool.connections.warm_up(count);
    if (!open) co_return std::move(open).error().with_context(fmt::format("warm up {}", pool.text));
    co_return open;
}

task<result<std::size_t>> client::implementation::close(std::shared_ptr<implementation> self, duration timeout) {
    implementation& me = *self;
    me.closing_.request_stop();
    const std::vector<std::shared_ptr<origin_pool>> all = me.pools_.seal();
    // All drains begin at once; then each is waited for.
    for (const auto& each : all) {
        each->connections.close(timeout).start([](const result<std::size_t>&) {});
    }
    std::size_t leftover = 0;
    for (const auto& each : all) {
        result<std::size_t> ended = co_await each->connections.close(timeout);
        leftover += std::move(ended).value_or(0);
    }
    co_return leftover;
}

void client::implementation::shut_down() noexcept {
    closing_.request_stop();
    // What requests still hold is cut, and so they end. A pool's destructor waits, on a plain thread, until its
    // connections are closed; the base URL's pool and those in use are destroyed by whoever is the last to use them.
    for (const std::shared_ptr<origin_pool>& each : pools_.seal()) {
        each->connections.close(duration::zero()).start([](const result<std::size_t>&) {});
    }
    for (std::shared_ptr<origin_pool>& each : pools_.take_all()) each.reset();
}

client_statistics client::implementation::statistics() const {
    client_statistics view;
    view.requests = requests_.load(std::memory_order_relaxed);
    view.failed = failed_.load(std::memory_order_relaxed);
    view.attempts = attempts_.load(std::memory_order_relaxed);
    view.retries = retries_.load(std::memory_order_relaxed);
    view.retries_refused = retries_refused_.load(std::memory_order_relaxed);
    view.resends = resends_.load(std::memory_order_relaxed);
    view.uptime = clock::now() - made_at_;
    const duration::rep last = last_clean_up_.load(std::memory_order_relaxed);
    if (last >= 0) view.since_last_clean_up = clock::now() - time_point(duration(last));
    pools_.describe(view);
    if (settings_.cache) view.cache = settings_.cache->statistics();
    return view;
}

/// Origins beside the base URL's come and go: from the first one on, unused pools are looked for in the background.
void client::implementation::start_clean_up() {
    if (clean_up_started_.load(std::memory_order_relaxed) || closing_.stop_requested()) return;
    if (clean_up_started_.exchange(true)) return;
    const duration interval = std::max<duration>(settings_.unused_origin_timeout / 4, std::chrono::milliseconds(250));
    start_in_background(group_.at(0), clean_up(weak_from_this(), interval), closing_.get_token());
}

task<void> client::implementation::clean_up(std::weak_ptr<implementation> who, duration interval) {
    while (true) {
        const time_point next = deadline_after(scheduler::current()->now(), interval);
        co_await sleep_until(next);
        const std::shared_ptr<implementation> client = who.lock();
        if (!client) co_return;
        const time_point now = scheduler::current()->now();
        auto unused = client->pools_.take_unused(now, client->settings_.unused_origin_timeout);
        client->last_clean_up_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
        unused.clear();
    }
}

}  // namespace lido::http

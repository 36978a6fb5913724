#include "lido/http/service.hpp"

#include "base/start_in_background.hpp"
#include "http/client_implementation.hpp"
#include "http/content_decoder.hpp"
#include "lido/upstream/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <stop_token>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using upstream::outcome;

constexpr int too_many_requests = 429;
/// The server "is currently unable to handle the request" (RFC 9110 §15.6.4): it has not.
constexpr int service_unavailable = 503;

upstream::endpoint_settings endpoint_of(const region& which) {
    upstream::endpoint_settings made;
    made.name = which.base_url;
    made.weight = which.weight;
    made.role = which.backup ? resilience::endpoint_role::backup : resilience::endpoint_role::primary;
    made.read_only = which.read_only;
    return made;
}

result<void> validate_regions(std::span<const region> regions) {
    if (regions.empty()) {
        return error(errc::invalid_argument, "service setting regions is empty", "name at least one region");
    }
    for (const region& each : regions) {
        if (auto url = parse_url(each.base_url); !url) {
            return std::move(url).error().with_context("service setting regions");
        }
        if (auto valid = endpoint_of(each).validate(); !valid) {
            return std::move(valid).error().with_context(fmt::format("region {}", each.base_url));
        }
    }
    return {};
}

/// A region's client as the engine sees it.
class region_target final : public upstream::target, private client::implementation::attempt_judge {
public:
    region_target(scheduler_group& group, const service_settings& settings, const std::string& base_url)
        : look_up_interval_(settings.look_up_interval) {
        client_settings own = settings.client;
        own.base_url = base_url;
        own.retry.max_retries = 0;
        own.cache = nullptr;  // it is asked before a region is chosen
        own_client = std::make_shared<client::implementation>(group, std::move(own));
        if (!settings.check_path.empty()) check_.emplace(method::get, settings.check_path);
    }
    region_target(const region_target&) = delete;
    region_target& operator=(const region_target&) = delete;
    ~region_target() override { own_client->shut_down(); }

    [[nodiscard]] task<upstream::check_outcome> check(time_point deadline) override {
        co_await look_up(deadline);
        if (!check_) {
            const result<void> reached = co_await own_client->reach(deadline);
            co_return outcome_of_check(reached ? nullptr : &reached.error());
        }
        last_check_ = client::implementation::attempt_result();
        const upstream::attempt_end end = co_await own_client->once(*check_, deadline, 1, last_check_, *this);
        if (end.what == outcome::success) co_return upstream::check_outcome::passed;
        co_return end.what == outcome::refused ? upstream::check_outcome::unknown : upstream::check_outcome::failed;
    }
    [[nodiscard]] upstream::check_outcome check_was_cut() const override {
        const bool ours =
            !last_check_.exchanged && upstream::outcome_of_wait_in_vain(own_client->is_full()) == outcome::refused;
        return ours ? upstream::check_outcome::unknown : upstream::check_outcome::failed;
    }
    void retire_all() override { own_client->retire_all(); }
    [[nodiscard]] operation<std::size_t> close(duration timeout) override {
        return {own_client->group(), client::implementation::close(own_client, timeout)};
    }

    std::shared_ptr<client::implementation> own_client;

private:
    [[nodiscard]] upstream::check_outcome outcome_of_check(const error* failure) const {
        if (failure == nullptr) return upstream::check_outcome::passed;
        const bool ours = upstream::outcome_without_connection(*failure, own_client->is_full()) == outcome::refused;
        return ours ? upstream::check_outcome::unknown : upstream::check_outcome::failed;
    }
    [[nodiscard]] upstream::attempt_end judge(const client::implementation::attempt_result& last) const override {
        upstream::attempt_end end;
        if (const auto& failure = last.outcome.failure) {
            const bool ours =
                !last.exchanged && upstream::outcome_without_connection(*failure, last.pool_full) == outcome::refused;
            end.what = ours ? outcome::refused : outcome::failed;
        } else {
            end.what = last.outcome.response.status() < 500 ? outcome::success : outcome::failed;
        }
        return end;
    }

    /// Connections to addresses that the name has no longer are used for nothing new. Only the checks come here, of
    /// which never two run at once.
    [[nodiscard]] task<void> look_up(time_point deadline) {
        const time_point now = scheduler::current()->now();
        if (look_up_interval_ == duration::zero() || now < next_look_up_) co_return;
        next_look_up_ = deadline_after(now, look_up_interval_);
        // Half of the time is left for the check: a name server that is silent says nothing about the region.
        const time_point until = now + (deadline - now) / 2;
        co_await own_client->follow_addresses(until);
    }

    std::optional<request> check_;
    client::implementation::attempt_result last_check_;
    const duration look_up_interval_;
    time_point next_look_up_{};
};

}  // namespace

service_settings::service_settings() {
    client.down_fail_fast = duration::zero();
    client.connect_back_off.maximum = 250ms;
}

result<void> service_settings::validate() const {
    if (auto valid = validate_regions(regions); !valid) return valid;
    if (auto valid = client.validate(); !valid) return valid;
    if (auto valid = policies.validate(); !valid) return valid;
    const auto wrong = [](std::string_view field, const std::string& value, std::string_view range) {
        return error(errc::invalid_argument,
                     fmt::format("service setting {} = {} is out of range {}", field, value, range),
                     fmt::format("choose {} within {}", field, range));
    };
    for (const int each : failure_statuses) {
        if (each < 100 || each > 599) return wrong("failure_statuses", fmt::format("{}", each), "100 ... 599");
    }
    for (const std::string& each : methods) {
        if (auto valid = method::parse(each); !valid)
            return std::move(valid).error().with_context("service setting methods");
    }
    if (!check_path.empty()) {
        if (auto valid = request(method::get, check_path).validate(); !valid || check_path.front() != '/') {
            return wrong("check_path", fmt::format("'{}'", check_path), "a path that begins with /, or nothing");
        }
    }
    if (look_up_interval != 0s && (look_up_interval < 1s || look_up_interval > 24h)) {
        return wrong("look_up_interval", to_text(look_up_interval), "1 s ... 24 h, or 0");
    }
    return upstream::fallback_list<response, request, unanswered>::validate(fallbacks);
}

/// The state of a service, shared with its running operations.
class service::implementation final : public closable, public std::enable_shared_from_this<implementation> {
public:
    implementation(scheduler_group& group, service_settings settings, upstream::observer* watcher)
        : settings_(std::move(settings)), fallbacks_(settings_.fallbacks) {
        std::vector<upstream::endpoint_settings> endpoints;
        endpoints.reserve(settings_.regions.size());
        for (const region& each : settings_.regions) endpoints.push_back(endpoint_of(each));
        const auto make = [this, &group](const upstream::endpoint_settings& which) {
            auto made = std::make_shared<region_target>(group, settings_, which.name);
            const std::lock_guard held(mutex_);
            std::erase_if(regions_, [](const known& each) { return each.target.expired(); });
            regions_.push_back({which.name, made});
            return made;
        };
        engine_ = upstream::engine::make(group, settings_.policies, endpoints, make, watcher);
        prepare_cache();
    }

    [[nodiscard]] static task<result<response>> run(std::shared_ptr<implementation> self, request what) {
        if (self->settings_.client.cache) return run_cached(std::move(self), std::move(what));
        return ask(std::move(self), std::move(what), nullptr, false);
    }
    [[nodiscard]] static task<result<std::size_t>> close(std::shared_ptr<implementation> self, duration timeout) {
        self->closing_.request_stop();
        result<std::size_t> cut = co_await self->engine_->close(timeout);
        co_return std::move(cut);
    }

    [[nodiscard]] operation<std::size_t> close_for_all(duration timeout) override {
        return {engine_->group(), close(shared_from_this(), timeout)};
    }
    [[nodiscard]] static task<result<std::size_t>> warm_up(std::shared_ptr<implementation> self, std::size_t count);

    void shut_down() noexcept {
        closing_.request_stop();
        engine_->shut_down();
    }

    [[nodiscard]] upstream::engine& engine() noexcept { return *engine_; }
    [[nodiscard]] const service_settings& settings() const noexcept { return settings_; }
    [[nodiscard]] service_statistics statistics() const;

private:
    class call;
    struct known {
        std::string base_url;
        std::weak_ptr<region_target> target;
    };

    [[nodiscard]] bool is_repeatable(const method& value) const noexcept {
        const auto& listed = settings_.methods;
        return std::find(listed.begin(), listed.end(), value.text()) != listed.end();
    }
    [[nodiscard]] bool is_failure(unsigned status) const noexcept {
        const auto& listed = settings_.failure_statuses;
        return std::find(listed.begin(), listed.end(), static_cast<int>(status)) != listed.end();
    }
    void prepare_cache();
    [[nodiscard]] static task<result<response>> run_cached(std::shared_ptr<implementation> self, request what);
    /// Asks the regions, and the fallbacks unless this is `in_background`. With a visit to the cache, that one keeps
    /// what a region answers, and is the last to stand in for a failure.
    [[nodiscard]] static task<result<response>> ask(std::shared_ptr<implementation> self, request what,
                                                    cache_visit* visit, bool in_background);
    [[nodiscard]] static task<result<response>> kept(std::shared_ptr<implementation> self, request what,
                                                     cache_visit& visit, bool in_background, response came,
                                                     time_point sent);
    [[nodiscard]] static task<void> revalidate(std::shared_ptr<implementation> self, request what, cache_visit visit);
    /// What came as the caller wants it.
    [[nodiscard]] result<response> undo_coding(result<response> came, bool decodes) const {
        if (!decodes || !came || !came->header("Content-Encoding")) return came;
        return decoded(std::move(*came), settings_.client.decoding);
    }
    static void start_revalidation(std::shared_ptr<implementation> self, request what, cache_visit& visit);

    const service_settings settings_;
    std::shared_ptr<upstream::engine> engine_;
    std::atomic<std::uint64_t> requests_{0};
    std::atomic<std::uint64_t> failed_{0};
    const upstream::fallback_list<response, request, unanswered> fallbacks_;
    mutable std::mutex mutex_;
    std::vector<known> regions_;  // protected by mutex_

    std::stop_source closing_;   // ends revalidations in the background
    std::string uri_begin_;      // for the cache: of all regions the first one's, at the beginning
    cache_identity identity_{};  // the same
    headers defaults_;           // what each request is sent with unless it says otherwise
};

/// One request, and what its attempts brought.
class service::implementation::call final : public upstream::attempts, private client::implementation::attempt_judge {
public:
    call(const implementation& owner, const request& what, bool repeatable) noexcept
        : owner_(owner), what_(what), repeatable_(repeatable) {}

    [[nodiscard]] task<upstream::attempt_end> attempt(upstream::target& at, time_point deadline,
                                                      unsigned lane) override {
        return static_cast<region_target&>(at).own_client->once(what_, deadline, ++number_, brought(lane), *this);
    }
    [[nodiscard]] bool keeps_deadlines() const noexcept override { return true; }
    [[nodiscard]] exchange_outcome& outcome_of(unsigned lane) { return brought(lane).outcome; }
    [[nodiscard]] time_point sent_at(unsigned lane) { return brought(lane).sent_at; }
    /// How the attempt of `lane` ended.
    [[nodiscard]] outcome ended(unsigned lane) { return judge(brought(lane)).what; }

private:
    [[nodiscard]] upstream::attempt_end judge(const client::implementation::attempt_result& last) const override {
        upstream::attempt_end end;
        if (const auto& failure = last.outcome.failure) {
            end.what = judge_failure(last, *failure);
            end.only_elsewhere = end.what == outcome::refused && !last.exchanged;
            return end;
        }
        const response& got = last.outcome.response;
        const bool too_many = got.status() == too_many_requests;
        if (!too_many && !owner_.is_failure(got.status())) {
            end.what = outcome::success;
            return end;
        }
        end.what = too_many ? outcome::refused : repeatable_ ? outcome::failed : outcome::unsure;
        if (const auto after = got.header("Retry-After")) {
            end.retry_after = resilience::parse_retry_after(*after, std::chrono::system_clock::now());
        }
        return end;
    }
    [[nodiscard]] client::implementation::attempt_result& brought(unsigned lane) {
        if (lane == 0) return first_;
        if (!hedges_) hedges_ = std::make_unique<std::array<client::implementation::attempt_result, lanes - 1>>();
        return (*hedges_)[lane - 1];
    }
    [[nodiscard]] outcome judge_failure(const client::implementation::attempt_result& last,
                                        const error& failure) const noexcept {
        const outcome how = upstream::outcome_of(failure, !repeatable_);
        const bool fault = how == outcome::failed || how == outcome::unsure;
        if (!last.exchanged) return upstream::outcome_without_connection(failure, last.pool_full);
        if (fault && last.outcome.unsent) return outcome::unreached;
        return how;
    }

    const implementation& owner_;
    const request& what_;
    const bool repeatable_;
    unsigned number_ = 0;
    client::implementation::attempt_result first_;
    /// Of hedges, which few requests have.
    std::unique_ptr<std::array<client::implementation::attempt_result, lanes - 1>> hedges_;
};

void service::implementation::prepare_cache() {
    if (!settings_.client.cache) return;
    const parsed_url first = parse_url(settings_.regions.front().base_url).value();
    uri_begin_ = first.origin.to_text() + first.target.substr(0, first.target.find('?'));
    while (uri_begin_.back() == '/') uri_begin_.pop_back();
    identity_ = settings_.client.cache->identity_of(settings_.client).value();
    if (!settings_.client.user_agent.empty()) defaults_.add("User-Agent", settings_.client.user_agent).value();
    if (settings_.client.decoding.enabled) defaults_.add("Accept-Encoding", accepted_codings).value();
    if (settings_.client.credentials) {
        defaults_.add("Authorization", settings_.client.credentials->field_value().reveal()).value();
    }
}

task<result<response>> service::implementation::run_cached(std::shared_ptr<implementation> self, request what) {
    implementation& me = *self;
    if (me.closing_.stop_requested() || !what.target().starts_with('/') || !what.validate()) {
        // It will be refused, and told why.
        result<response> refused = co_await ask(self, std::move(what), nullptr, false);
        co_return refused;
    }
    const bool decodes = wants_decoding(what, me.settings_.client.decoding);
    const time_point now = scheduler::current()->now();
    cache_visit visit =
        me.settings_.client.cache->visit(me.uri_begin_ + what.target(), what, me.identity_, me.defaults_, now);
    if (visit.plan() != cache_plan::send) {
        me.requests_.fetch_add(1, std::memory_order_relaxed);
        response stored = visit.answer(now);
        if (visit.plan() == cache_plan::use_and_revalidate) start_revalidation(self, std::move(what), visit);
        co_return me.undo_coding(std::move(stored), decodes);
    }
    visit.prepare(what);
    result<response> answer = co_await ask(self, std::move(what), &visit, false);
    co_return me.undo_coding(std::move(answer), decodes);
}

task<result<response>> service::implementation::ask(std::shared_ptr<implementation> self, request what,
                                                    cache_visit* visit, bool in_background) {
    implementation& me = *self;
    if (what.target().empty() || what.target().front() != '/') {
        co_return error(errc::invalid_argument, "the target of a request to a service is no path",
                        "give a path that begins with /; the regions have the rest of the URL");
    }
    upstream::call_options options;
    options.timeout = what.timeout().value_or(me.settings_.policies.timeout);
    // Two attempts at once cannot share a source, and a further one needs it from its beginning.
    options.repeatable = me.is_repeatable(what.method()) && what.source() == nullptr;
    options.writes = !is_safe(what.method());
    const time_point begun = scheduler::current()->now();
    const time_point deadline = deadline_after(begun, options.timeout);
    call mine(me, what, options.repeatable);
    const result<unsigned> lane = co_await me.engine_->run(options, mine);
    if (!in_background) me.requests_.fetch_add(1, std::memory_order_relaxed);

    unanswered why;
    outcome ended = outcome::ignored;
    if (lane) {
        ended = mine.ended(*lane);
        exchange_outcome& brought = mine.outcome_of(*lane);
        if (ended == outcome::success) {
            if (visit == nullptr && !brought.response.header("Content-Encoding")) co_return std::move(brought.response);
            if (visit == nullptr) {
                const bool decodes = wants_decoding(what, me.settings_.client.decoding);
                co_return me.undo_coding(std::move(brought.response), decodes);
            }
            const time_point sent = mine.sent_at(*lane);
            result<response> answer =
                co_await kept(self, std::move(what), *visit, in_background, std::move(brought.response), sent);
            co_return answer;
        }
        if (brought.failure) {
            why.failure = std::move(brought.failure);
        } else {
            why.status = brought.response.status();
        }
    } else {
        why.failure = lane.error();
    }
    if (!in_background) me.failed_.fetch_add(1, std::memory_order_relaxed);
    const bool may_have_acted = ended == outcome::unsure && why.status != service_unavailable;
    const bool has_fallbacks =
        !in_background && !may_have_acted && (!why.failure || upstream::may_fall_back(*why.failure));
    std::optional<result<response>> instead;
    if (has_fallbacks) co_await me.fallbacks_.ask(what, why, options.writes, deadline, instead);
    if (instead) co_return std::move(*instead);
    result<response> failed(response{});
    if (why.failure) {
        failed = std::move(*why.failure);
    } else {
        failed = std::move(mine.outcome_of(*lane).response);
    }
    if (visit == nullptr) {
        const bool decodes = wants_decoding(what, me.settings_.client.decoding);
        co_return me.undo_coding(std::move(failed), decodes);
    }
    const cache_arrival when{begun, scheduler::current()->now(), std::chrono::system_clock::now()};
    co_return visit->settle(std::move(failed), when);
}

/// What a region answered, as far as the cache has a say in it.
task<result<response>> service::implementation::kept(std::shared_ptr<implementation> self, request what,
                                                     cache_visit& visit, bool in_background, response came,
                                                     time_point sent) {
    result<response> answer(std::move(came));
    if (visit.must_ask_again(answer)) {
        visit.prepare(what);
        result<response> again = co_await ask(std::move(self), std::move(what), &visit, in_background);
        co_return again;
    }
    const cache_arrival when{sent, scheduler::current()->now(), std::chrono::system_clock::now()};
    co_return visit.settle(std::move(answer), when);
}

task<void> service::implementation::revalidate(std::shared_ptr<implementation> self, request what, cache_visit visit) {
    visit.prepare(what);
    const result<response> outcome = co_await ask(std::move(self), std::move(what), &visit, true);
    static_cast<void>(outcome);
}

/// Ends with its deadline, or when the service is closed.
void service::implementation::start_revalidation(std::shared_ptr<implementation> self, request what,
                                                 cache_visit& visit) {
    scheduler& here = *scheduler::current();
    std::optional<cache_visit> background = visit.begin_revalidation(here.now());
    if (!background) return;
    const std::stop_token until = self->closing_.get_token();
    start_in_background(here, revalidate(std::move(self), std::move(what), std::move(*background)), until);
}

task<result<std::size_t>> service::implementation::warm_up(std::shared_ptr<implementation> self, std::size_t count) {
    std::vector<std::shared_ptr<region_target>> all;
    {
        const std::lock_guard held(self->mutex_);
        for (const known& each : self->regions_) {
            if (auto alive = each.target.lock()) all.push_back(std::move(alive));
        }
    }
    const auto warm = [count](const region_target& which) -> operation<std::size_t> {
        return {which.own_client->group(), client::implementation::warm_up(which.own_client, count)};
    };
    // All begin at once; then each is waited for, which opens nothing more.
    for (const auto& each : all) warm(*each).start([](const result<std::size_t>&) {});
    std::size_t open = 0;
    std::optional<error> first_failure;
    for (const auto& each : all) {
        operation<std::size_t> warming = warm(*each);
        result<std::size_t> opened = co_await std::move(warming);
        if (!opened && !first_failure) first_failure = opened.error();
        open += std::move(opened).value_or(0);
    }
    if (open == 0 && first_failure) co_return *std::move(first_failure);
    co_return open;
}

service_statistics service::implementation::statistics() const {
    service_statistics view;
    view.requests = requests_.load(std::memory_order_relaxed);
    view.failed = failed_.load(std::memory_order_relaxed);
    view.report = engine_->report();
    if (settings_.client.cache) view.cache = settings_.client.cache->statistics();
    view.fallbacks = fallbacks_.statistics();
    const std::lock_guard held(mutex_);
    for (const known& each : regions_) {
        if (const auto alive = each.target.lock())
            view.regions.push_back({each.base_url, alive->own_client->statistics()});
    }
    return view;
}

service::service(scheduler_group& group, service_settings settings, upstream::observer* watcher) {
    settings.validate().value();
    self_ = std::make_shared<implementation>(group, std::move(settings), watcher);
    enter_living(self_);
}

service::~service() {
    self_->shut_down();
}

operation<response> service::get(std::string_view target) {
    return send(request(method::get, std::string(target)));
}

operation<response> service::post(std::string_view target, std::string body, std::string_view content_type) {
    return send(request(method::post, std::string(target)).body(std::move(body), content_type));
}

operation<response> service::send(request what) {
    return {self_->engine().group(), implementation::run(self_, std::move(what))};
}

result<void> service::set_regions(std::span<const region> regions) {
    if (auto valid = validate_regions(regions); !valid) return valid;
    std::vector<upstream::endpoint_settings> endpoints;
    endpoints.reserve(regions.size());
    for (const region& each : regions) endpoints.push_back(endpoint_of(each));
    return self_->engine().set_endpoints(endpoints);
}

bool service::retire(std::string_view base_url) {
    return self_->engine().retire(base_url);
}

bool service::set_breaker(std::string_view base_url, resilience::breaker_state to) {
    return self_->engine().set_breaker(base_url, to);
}

operation<std::size_t> service::warm_up(std::size_t count) {
    return {self_->engine().group(), implementation::warm_up(self_, count)};
}

operation<std::size_t> service::close(duration timeout) {
    return {self_->engine().group(), implementation::close(self_, timeout)};
}

service_statistics service::statistics() const {
    return self_->statistics();
}

const service_settings& service::settings() const noexcept {
    return self_->settings();
}

namespace {

task<result<response>> ask(service& other, const request& what, time_point deadline) {
    request again = what;
    again.timeout(std::max<duration>(deadline - scheduler::current()->now(), 1ms));
    result<response> given = co_await other.send(std::move(again));
    co_return std::move(given);
}

}  // namespace

fallback fallback_to(service& other, std::string name, bool safe_only) {
    fallback made;
    made.name = std::move(name);
    made.safe_only = safe_only;
    made.answer = [&other](const request& what, const unanswered&, time_point deadline) {
        return ask(other, what, deadline);
    };
    return made;
}

fallback fallback_to(response fixed, const std::string& name, bool stale) {
    return upstream::fixed_answer<request, unanswered>(std::move(fixed), name, stale);
}

fallback fallback_to(error at_once, const std::string& name, bool safe_only) {
    return upstream::fixed_error<response, request, unanswered>(std::move(at_once), name, safe_only);
}

}  // namespace lido::http

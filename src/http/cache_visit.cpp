#include "http/cache_visit.hpp"

#include "http/cache_admission.hpp"
#include "http/origin.hpp"

namespace lido::http {
namespace {

using phase = cache_visit::state::phase;

constexpr unsigned ok = 200;
constexpr unsigned not_modified = 304;

void count(response_cache::implementation::counter& one) noexcept {
    one.fetch_add(1, std::memory_order_relaxed);
}

/// Of a status that says nothing of what is stored: the server has too much to do, or fails.
bool says_nothing(unsigned status) noexcept {
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

response gateway_timeout() {
    response::parts made;
    made.status = 504;
    made.source = response_source::cache;
    made.text = "Gateway Timeout";
    made.reason_size = static_cast<std::uint32_t>(made.text.size());
    return response(std::move(made));
}

/// "https://shop.example" of "https://shop.example/outfits".
std::string_view origin_of(std::string_view uri) noexcept {
    const std::size_t scheme_end = uri.find("://");
    return scheme_end == std::string_view::npos ? uri : uri.substr(0, uri.find('/', scheme_end + 3));
}

/// The URI that a field names, if it is one of the same origin: absolute, or a path from the root on.
std::optional<std::string> same_origin_uri(std::string_view reference, std::string_view of) {
    const std::string_view origin = origin_of(of);
    reference = reference.substr(0, reference.find('#'));
    if (reference.starts_with('/') && !reference.starts_with("//")) return std::string(origin).append(reference);
    auto url = parse_url(reference);
    if (!url || url->origin.to_text() != origin) return std::nullopt;
    return std::string(origin).append(url->target);
}

}  // namespace

cache_visit::state::state(std::shared_ptr<response_cache::implementation> in, std::string about, const request& what,
                          cache_identity whose, const headers& also_sent, time_point now)
    : cache(std::move(in)),
      uri(std::move(about)),
      method(what.method()),
      defaults(also_sent),
      identity(static_cast<std::uint32_t>(whose)),
      asked(request_cache_control(what.headers().fields())),
      known_now(now) {
    if (concerns_cache(what, asked)) {
        own = what.headers();
        since = cache->store.stamp_of(uri);
        found = cache->store.find(uri, selector());
        now_at = found ? phase_for_stored(now) : phase::fetch;
        const bool to_send = now_at == phase::fetch || now_at == phase::validate;
        if (to_send && asked.only_if_cached) now_at = phase::unavailable;
    }
    count_choice();
}

/// One that brings up to date in the background what `other` has found.
cache_visit::state::state(const state& other, time_point now)
    : cache(other.cache),
      uri(other.uri),
      method(other.method),
      own(other.own),
      defaults(other.defaults),
      identity(other.identity),
      asked(other.asked),
      found(other.found),
      since(other.since),
      now_at(other.phase_of_sending()),
      owes_end(true),
      known_now(now) {
    count(cache->counted.revalidations);
}

cache_visit::state::~state() {
    if (!owes_end) return;
    const time_point again = failed ? deadline_after(known_now, cache->settings.revalidation_pause) : time_point();
    cache->store.end_revalidation(uri, *found, again);
}

cache_selector cache_visit::state::selector() const {
    return {identity, own, &defaults, cache->settings.credential_headers};
}

phase cache_visit::state::phase_of_sending() const {
    return found && method == method::get && found->can_be_validated() ? phase::validate : phase::fetch;
}

phase cache_visit::state::phase_for_stored(time_point now) const {
    switch (decide(found->time, found->said, asked, now)) {
        case cache_decision::use:
            return phase::use;
        case cache_decision::use_stale:
            return phase::use_stale;
        case cache_decision::use_stale_and_revalidate:
            // Somebody has to ask: the caller, if nobody may do so in the background.
            return cache->settings.max_revalidations == 0 ? phase_of_sending() : phase::use_grace;
        case cache_decision::validate:
            break;
    }
    return phase_of_sending();
}

void cache_visit::state::count_choice() const noexcept {
    auto& counted = cache->counted;
    switch (now_at) {
        case phase::bypass:
            return count(counted.bypassed);
        case phase::unavailable:
            return count(counted.misses);
        case phase::fetch:
        case phase::validate:
            // With something stored it depends on the server what this is.
            if (!found) count(counted.misses);
            return;
        case phase::use_grace:
            count(counted.stale_while_revalidating);
            [[fallthrough]];
        case phase::use:
        case phase::use_stale:
            return count(counted.hits);
    }
}

std::unique_ptr<cache_visit::state> cache_visit::state::in_background(time_point now) const {
    if (now_at != phase::use_grace || method != method::get || asked.only_if_cached) return nullptr;
    if (!cache->store.begin_revalidation(uri, *found, cache->settings.max_revalidations, now)) return nullptr;
    return std::unique_ptr<state>(new state(*this, now));
}

/// What there is now, not what was found at the beginning: that may have been invalidated meanwhile, or something newer
/// may have come.
std::optional<response> cache_visit::state::stand_in(time_point now) const {
    if (owes_end) return std::nullopt;
    const response_store::entry there = cache->store.find(uri, selector());
    if (!there) return std::nullopt;
    if (!may_replace_failure(there->time, there->said, asked, cache->settings.stale_if_error, now)) return std::nullopt;
    count(cache->counted.stale_if_error);
    return to_response(*there, response_source::stale, now, method == method::get);
}

void cache_visit::state::drop_found() const {
    if (found) cache->store.erase(uri, *found);
}

/// Stores it for the requests that its Vary selects, or drops what there was when it must not be stored.
void cache_visit::state::put(stored_response made) const {
    const cache_selector by = selector();
    auto names = vary_names(made.fields());
    const bool refused = made.said.no_store || (made.said.is_private && !by.has_credentials());
    if (!names || refused) return drop_found();
    made.vary = std::move(*names);
    made.selection = by.text(made.vary);
    cache->store.put(uri, by, since, std::make_shared<const stored_response>(std::move(made)));
}

response cache_visit::state::confirm(const response& news, const cache_arrival& when) const {
    count(cache->counted.validated);
    stored_response made = freshened(*found, news, when);
    response answer = to_response(made, response_source::validated, when.received, true, news.headers());
    put(std::move(made));
    return answer;
}

void cache_visit::state::keep(const response& came, const cache_arrival& when) const {
    if (found) count(cache->counted.replaced);
    if (says_nothing(came.status())) return;
    const cache_directives said = response_cache_control(came.headers());
    const freshness time = freshness_of(came.headers(), said, when.sent, when.received, when.wall);
    const bool fits = may_store(came, said, selector().has_credentials()) &&
                      worth_storing(came, said, time, cache->settings.stale_if_error);
    if (!fits) return drop_found();
    if (came.body().size() > cache->settings.max_body_bytes) {
        count(cache->counted.too_large);
        return drop_found();
    }
    put(to_stored(came, when));
}

/// RFC 9111 §4.3.5: what a HEAD says of a stored response to GET.
void cache_visit::state::compare_head(const response& came, const cache_arrival& when) const {
    const bool tells = came.header("ETag") || came.header("Last-Modified") || came.header("Content-Length");
    if (!found || came.status() != ok || found->head.status != ok || !tells) return;
    const auto length = came.header("Content-Length");
    const bool same_length = !length || length == found->fields().find("Content-Length");
    if (!same_length || !confirms(*found, came.headers())) return drop_found();
    if (came.header("ETag") || came.header("Last-Modified")) put(freshened(*found, came, when));
}

/// RFC 9111 §4.4.
void cache_visit::state::invalidate(const response& came) const {
    cache->store.erase(uri);
    for (const char* name : {"Location", "Content-Location"}) {
        const auto reference = came.header(name);
        if (!reference) continue;
        if (const auto other = same_origin_uri(*reference, uri)) cache->store.erase(*other);
    }
}

cache_visit::cache_visit(std::unique_ptr<state> made) noexcept : self_(std::move(made)) {}
cache_visit::cache_visit(cache_visit&& other) noexcept = default;
cache_visit& cache_visit::operator=(cache_visit&& other) noexcept = default;
cache_visit::~cache_visit() = default;

cache_plan cache_visit::plan() const noexcept {
    switch (self_->now_at) {
        case phase::use_grace:
            return cache_plan::use_and_revalidate;
        case phase::use:
        case phase::use_stale:
        case phase::unavailable:
            return cache_plan::use;
        default:
            return cache_plan::send;
    }
}

response cache_visit::answer(time_point now) {
    const state& self = *self_;
    if (self.now_at == phase::unavailable) return gateway_timeout();
    const auto source = self.now_at == phase::use ? response_source::cache : response_source::stale;
    return to_response(*self.found, source, now, self.method == method::get);
}

std::optional<cache_visit> cache_visit::begin_revalidation(time_point now) {
    std::unique_ptr<state> made = self_->in_background(now);
    if (!made) return std::nullopt;
    return cache_visit(std::move(made));
}

void cache_visit::prepare(request& what) {
    state& self = *self_;
    headers& fields = what.mutable_headers();
    if (self.conditional) {
        fields.remove("If-None-Match");
        fields.remove("If-Modified-Since");
        self.conditional = false;
    }
    if (self.now_at != phase::validate) return;
    self.conditional = true;
    const auto add = [&](std::string_view name, std::optional<std::string_view> value) {
        // A value that cannot be sent is left out; the server then answers as if it were asked without it.
        if (value) static_cast<void>(fields.add(name, *value));
    };
    add("If-None-Match", self.found->entity_tag());
    add("If-Modified-Since", self.found->last_modified());
}

bool cache_visit::must_ask_again(const result<response>& came) {
    state& self = *self_;
    if (self.now_at != phase::validate || !came || came->status() != not_modified) return false;
    if (confirms(*self.found, came->headers())) return false;
    self.drop_found();
    if (!self.owes_end) self.found.reset();
    self.now_at = phase::fetch;
    return true;
}

result<response> cache_visit::settle(result<response> came, const cache_arrival& when, bool body_follows) {
    state& self = *self_;
    self.known_now = when.received;
    if (self.now_at == phase::bypass) {
        if (came && invalidates(self.method, came->status())) self.invalidate(*came);
        return came;
    }
    const bool has_failed = came ? is_failure_status(came->status()) : is_replaceable_failure(came.error());
    if (has_failed) {
        if (auto stale = self.stand_in(when.received)) return std::move(*stale);
    }
    if (!came) return came;
    self.failed = says_nothing(came->status());
    if (self.now_at == phase::validate && came->status() == not_modified) return self.confirm(*came, when);
    if (self.method == method::head) {
        self.compare_head(*came, when);
    } else if (body_follows) {
        self.drop_found();
    } else {
        self.keep(*came, when);
    }
    return came;
}

}  // namespace lido::http

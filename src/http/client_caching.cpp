// How a client's requests use its cache.
#include "base/start_in_background.hpp"
#include "http/client_implementation.hpp"
#include "http/open_exchange.hpp"

#include <exception>

namespace lido::http {
namespace {

/// Is that URI one of that origin?
bool is_at(std::string_view uri, std::string_view origin) noexcept {
    return uri.size() > origin.size() && uri.starts_with(origin) && uri[origin.size()] == '/';
}

}  // namespace

/// What the request is about, as an absolute URI. Nothing when it is about the server as a whole (OPTIONS *), or not
/// fit to be sent, of which `send` will tell.
std::optional<std::string> client::implementation::uri_of(const request& what) const {
    const std::string& target = what.target();
    if (!target.empty() && target.front() == '/') {
        if (!base_origin_ || !what.validate()) return std::nullopt;
        return base_text_ + base_prefix_ + target;
    }
    const auto url = parse_url(target);
    if (!url) return std::nullopt;
    request resolved = what;
    resolved.set_target(url->target);
    if (!resolved.validate()) return std::nullopt;
    return url->origin.to_text() + url->target;
}

/// Sends what the visit has decided to send, and lets it judge what came.
task<result<response>> client::implementation::send_visiting(std::shared_ptr<implementation> self, request what,
                                                             cache_visit& visit, manner how) {
    scheduler& here = *scheduler::current();
    time_point sent = here.now();
    how.counted = false;
    how.sent_at = &sent;
    // One for both requests that this may take.
    if (how.deadline == never) how.deadline = deadline_after(sent, what.timeout().value_or(self->settings_.timeout));
    visit.prepare(what);
    result<response> came = co_await send(self, what, how);
    if (visit.must_ask_again(came)) {
        visit.prepare(what);
        came = co_await send(self, what, how);
    }
    // Before it is judged: what is stored takes the place of a 304, but its cookies are news.
    if (came && self->settings_.cookies) {
        if (const std::optional<std::string> url = self->uri_of(what)) self->keep_cookies(*came, *url);
    }
    const cache_arrival when{sent, here.now(), std::chrono::system_clock::now()};
    const bool streamed = how.opened != nullptr;
    result<response> settled = visit.settle(std::move(came), when, streamed);
    if (streamed && *how.opened && settled && settled->source() != response_source::network) {
        const std::shared_ptr<open_exchange> unwanted = std::move(*how.opened);
        co_await open_exchange::discard(unwanted);
    }
    co_return settled;
}

task<result<response>> client::implementation::run_cached(std::shared_ptr<implementation> self, request what,
                                                          manner how) {
    implementation& me = *self;
    scheduler& here = *scheduler::current();
    std::optional<std::string> uri = me.uri_of(what);
    if (!uri || me.closing_.stop_requested()) {
        // Nothing is stored about it, or it will be refused, and told why.
        result<response> uncached = co_await send(self, std::move(what), how);
        co_return uncached;
    }
    const bool at_base = me.base_origin_ && is_at(*uri, me.base_text_);
    const headers& defaults = at_base ? me.base_defaults_ : me.defaults_;
    cache_visit visit = me.settings_.cache->visit(std::move(*uri), what, me.identity_, defaults, here.now());
    if (visit.plan() != cache_plan::send) {
        me.count_outcome(false);
        response stored = visit.answer(here.now());
        if (visit.plan() == cache_plan::use_and_revalidate) start_revalidation(self, std::move(what), visit);
        co_return stored;
    }
    result<response> outcome = co_await send_visiting(self, std::move(what), visit, how);
    me.count_outcome(!outcome.has_value());
    co_return outcome;
}

/// Ends with its deadline, or when the client is closed.
task<void> client::implementation::revalidate(std::shared_ptr<implementation> self, request what, cache_visit visit) {
    manner how;
    how.retried = false;
    const result<response> outcome = co_await send_visiting(std::move(self), std::move(what), visit, how);
    static_cast<void>(outcome);
}

void client::implementation::start_revalidation(std::shared_ptr<implementation> self, request what,
                                                cache_visit& visit) {
    scheduler& here = *scheduler::current();
    std::optional<cache_visit> background = visit.begin_revalidation(here.now());
    if (!background) return;
    const std::stop_token until = self->closing_.get_token();
    start_in_background(here, revalidate(std::move(self), std::move(what), std::move(*background)), until);
}

}  // namespace lido::http

#include "lido/http/response_cache.hpp"

#include "http/cache_visit.hpp"

#include <fmt/format.h>

namespace lido::http {

response_cache::response_cache(cache_settings settings) {
    settings.validate().value();
    self_ = std::make_shared<implementation>(std::move(settings));
}

response_cache::~response_cache() = default;

const cache_settings& response_cache::settings() const noexcept {
    return self_->settings;
}

cache_statistics response_cache::statistics() const {
    return self_->statistics();
}

std::size_t response_cache::forget(std::string_view uri) {
    return self_->store.erase(uri);
}

void response_cache::clear() {
    self_->store.clear();
}

result<cache_identity> response_cache::identity_of(const client_settings& settings) {
    auto by = reach_of(settings);
    if (!by) return std::move(by).error();
    return self_->identity_of(*by);
}

cache_visit response_cache::visit(std::string uri, const request& what, cache_identity whose, const headers& defaults,
                                  time_point now) {
    return cache_visit(std::make_unique<cache_visit::state>(self_, std::move(uri), what, whose, defaults, now));
}

cache_statistics response_cache::implementation::statistics() const {
    const auto read = [](const counter& of) { return of.load(std::memory_order_relaxed); };
    const response_store::numbers held = store.count();
    cache_statistics view;
    view.entries = held.entries;
    view.bytes = held.bytes;
    view.revalidations_running = held.revalidations;
    view.hits = read(counted.hits);
    view.misses = read(counted.misses);
    view.validated = read(counted.validated);
    view.replaced = read(counted.replaced);
    view.bypassed = read(counted.bypassed);
    view.stale_while_revalidating = read(counted.stale_while_revalidating);
    view.stale_if_error = read(counted.stale_if_error);
    view.revalidations = read(counted.revalidations);
    view.stored = held.stored;
    view.evicted = held.evicted;
    view.invalidated = held.invalidated;
    view.outdated = held.outdated;
    view.too_large = read(counted.too_large) + held.too_large;
    return view;
}

result<cache_identity> response_cache::implementation::identity_of(const reach& of) {
    constexpr std::size_t most = 1000;
    const std::lock_guard held(identities_mutex);
    for (std::size_t i = 0; i < identities.size(); ++i) {
        if (identities[i] == of) return cache_identity(static_cast<std::uint32_t>(i));
    }
    if (identities.size() == most) {
        return error(errc::limit_exceeded, fmt::format("a cache is shared by more than {} different identities", most),
                     "give clients of different identities caches of their own");
    }
    identities.push_back(of);
    return cache_identity(static_cast<std::uint32_t>(identities.size() - 1));
}

}  // namespace lido::http

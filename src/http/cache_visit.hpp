// Lido: what stands behind a cache and a visit to it.
#pragma once

#include "http/identity.hpp"
#include "http/response_store.hpp"
#include "lido/http/response_cache.hpp"

#include <atomic>
#include <mutex>
#include <vector>

namespace lido::http {

class response_cache::implementation {
public:
    using counter = std::atomic<std::uint64_t>;
    struct counters {
        counter hits{0};
        counter misses{0};
        counter validated{0};
        counter replaced{0};
        counter bypassed{0};
        counter stale_while_revalidating{0};
        counter stale_if_error{0};
        counter revalidations{0};
        counter too_large{0};
    };

    explicit implementation(cache_settings chosen)
        : settings(std::move(chosen)),
          store({.max_bytes = settings.max_bytes,
                 .max_entries = settings.max_entries,
                 .max_variants = settings.max_variants}) {}

    [[nodiscard]] cache_statistics statistics() const;
    [[nodiscard]] result<cache_identity> identity_of(const reach& of);

    const cache_settings settings;
    response_store store;
    counters counted;
    std::mutex identities_mutex;
    std::vector<reach> identities;
};

/// The course of a visit: what was decided at its beginning, and what is needed to settle it.
struct cache_visit::state {
    enum class phase : std::uint8_t {
        bypass,       ///< the request is no business of the cache, but may invalidate something in it
        fetch,        ///< nothing is stored that could be validated
        validate,     ///< the server is asked whether `found` still holds
        use,          ///< `found` is the answer
        use_stale,    ///< the same, though it is stale
        use_grace,    ///< the same, and it shall be brought up to date
        unavailable,  ///< only-if-cached, and nothing fits
    };

    state(std::shared_ptr<response_cache::implementation> in, std::string about, const request& what,
          cache_identity whose, const headers& also_sent, time_point now);
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state();

    [[nodiscard]] phase phase_for_stored(time_point now) const;
    [[nodiscard]] phase phase_of_sending() const;
    void count_choice() const noexcept;
    [[nodiscard]] std::unique_ptr<state> in_background(time_point now) const;
    [[nodiscard]] cache_selector selector() const;
    [[nodiscard]] std::optional<response> stand_in(time_point now) const;
    [[nodiscard]] response confirm(const response& news, const cache_arrival& when) const;
    void keep(const response& came, const cache_arrival& when) const;
    void compare_head(const response& came, const cache_arrival& when) const;
    void put(stored_response made) const;
    void drop_found() const;
    void invalidate(const response& came) const;

    std::shared_ptr<response_cache::implementation> cache;
    std::string uri;
    http::method method;
    headers own;              // the request's fields; empty for one that bypasses
    const headers& defaults;  // of the sender, which outlives the visit
    std::uint32_t identity;
    cache_directives asked;
    response_store::entry found;  // null when nothing is stored that fits
    response_store::stamp since = 0;
    phase now_at = phase::bypass;
    bool conditional = false;  // `prepare` has added conditions
    bool owes_end = false;     // of a revalidation in the background
    bool failed = true;        // it has not succeeded yet
    time_point known_now;      // the latest time that is known

private:
    explicit state(const state& other, time_point now);
};

}  // namespace lido::http

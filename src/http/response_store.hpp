// Lido: the responses that a cache holds, within bounds.
#pragma once

#include "http/cache_selection.hpp"
#include "http/stored_response.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lido::http {

/// Responses by URI, and for each URI those that different requests select. Never more bytes or entries than allowed,
/// counted as `stored_response::bytes`: what was used longest ago has to go first. Thread-safe, by one mutex, which is
/// held for a look-up or a change and never while a body is copied or freed. No clock, no I/O.
class response_store {
public:
    using entry = std::shared_ptr<const stored_response>;
    /// What a URI's invalidations had counted to at some moment, see `put`.
    using stamp = std::uint64_t;

    struct bounds {
        std::size_t max_bytes;
        std::size_t max_entries;
        std::size_t max_variants;  ///< of one URI
    };
    struct numbers {
        std::size_t bytes = 0;
        std::size_t entries = 0;
        std::size_t revalidations = 0;  ///< that run
        std::uint64_t stored = 0;
        std::uint64_t evicted = 0;
        std::uint64_t invalidated = 0;
        std::uint64_t too_large = 0;
        std::uint64_t outdated = 0;  ///< not stored, because something newer had happened meanwhile
    };

    explicit response_store(const bounds& allowed) noexcept : bounds_(allowed) {}

    /// The response that the request selects, which is used hereby; null when there is none.
    [[nodiscard]] entry find(std::string_view uri, const cache_selector& by);

    [[nodiscard]] stamp stamp_of(std::string_view uri) const;

    /// Stores it in the place of what the request selects. Not when the URI was invalidated since `since`, or when what
    /// is there was asked for later: an answer that was long on its way must not undo that. Nor what is larger than the
    /// whole store. False: not stored.
    bool put(const std::string& uri, const cache_selector& by, stamp since, entry what);

    /// Forgets what is stored for that URI, whoever selects it, and whatever is on its way; says how many.
    std::size_t erase(std::string_view uri);
    /// Forgets this one, if it is still there.
    void erase(std::string_view uri, const stored_response& which);
    /// Forgets everything, and whatever is on its way.
    void clear();

    /// May `which` be asked for anew in the background now? Not while that is being done already, when it has failed
    /// less than `pause` ago, or while `most` others are. If so, `end_revalidation` has to follow.
    [[nodiscard]] bool begin_revalidation(std::string_view uri, const stored_response& which, std::size_t most,
                                          time_point now);
    void end_revalidation(std::string_view uri, const stored_response& which, time_point not_before);

    [[nodiscard]] numbers count() const;

private:
    struct node {
        const std::string* uri = nullptr;  // the key in `by_uri_`
        entry what;
        std::size_t bytes = 0;
        bool revalidating = false;
        time_point not_before{};  // of the next revalidation
    };
    using place = std::list<node>::iterator;
    struct text_hash {
        using is_transparent = void;
        [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    using variants = std::vector<place>;
    /// What leaves the store; it is freed after the lock has been given up.
    using leaving = std::vector<entry>;

    static constexpr std::size_t stamp_count = 1024;
    [[nodiscard]] static std::size_t stamp_index(std::string_view uri) noexcept {
        return text_hash{}(uri) % stamp_count;
    }
    [[nodiscard]] node* find_locked(std::string_view uri, const stored_response& which);
    void remove_locked(place which, leaving& gone);
    void make_room_locked(std::size_t bytes, leaving& gone);

    const bounds bounds_;
    mutable std::mutex mutex_;
    std::list<node> by_use_;  // most recently used first
    std::unordered_map<std::string, variants, text_hash, std::equal_to<>> by_uri_;
    /// How often URIs were invalidated; some share a counter, which costs no more than a response not stored.
    std::array<stamp, stamp_count> stamps_{};
    numbers numbers_;
};

}  // namespace lido::http

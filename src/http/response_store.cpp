#include "http/response_store.hpp"

#include "lido/base/assert.hpp"

#include <algorithm>
#include <iterator>

namespace lido::http {

response_store::entry response_store::find(std::string_view uri, const cache_selector& by) {
    const std::lock_guard held(mutex_);
    const auto found = by_uri_.find(uri);
    if (found == by_uri_.end()) return nullptr;
    for (const place each : found->second) {
        if (by.text(each->what->vary) != each->what->selection) continue;
        by_use_.splice(by_use_.begin(), by_use_, each);
        return each->what;
    }
    return nullptr;
}

response_store::stamp response_store::stamp_of(std::string_view uri) const {
    const std::lock_guard held(mutex_);
    return stamps_[stamp_index(uri)];
}

bool response_store::put(const std::string& uri, const cache_selector& by, stamp since, entry what) {
    const std::size_t bytes = what->bytes(uri.size());
    leaving gone;
    const std::lock_guard held(mutex_);
    if (bytes > bounds_.max_bytes) {
        ++numbers_.too_large;
        return false;
    }
    if (stamps_[stamp_index(uri)] != since) {
        ++numbers_.outdated;
        return false;
    }
    if (const auto found = by_uri_.find(uri); found != by_uri_.end()) {
        variants selected;
        for (const place each : found->second) {
            if (by.text(each->what->vary) == each->what->selection) selected.push_back(each);
        }
        const bool outdated =
            std::any_of(selected.begin(), selected.end(), [&](place each) { return each->what->sent > what->sent; });
        if (outdated) {
            ++numbers_.outdated;
            return false;
        }
        if (selected.empty() && found->second.size() >= bounds_.max_variants) {
            selected.push_back(found->second.front());  // the one that was stored first
            ++numbers_.evicted;
        }
        for (const place each : selected) remove_locked(each, gone);
    }
    make_room_locked(bytes, gone);
    const auto key = by_uri_.try_emplace(uri).first;
    by_use_.push_front({.uri = &key->first, .what = std::move(what), .bytes = bytes});
    key->second.push_back(by_use_.begin());
    numbers_.bytes += bytes;
    ++numbers_.entries;
    ++numbers_.stored;
    return true;
}

/// Takes one out, and its URI with it when that was the last.
void response_store::remove_locked(place which, leaving& gone) {
    const auto key = by_uri_.find(*which->uri);
    LIDO_ASSERT(key != by_uri_.end());
    std::erase(key->second, which);
    if (key->second.empty()) by_uri_.erase(key);
    numbers_.bytes -= which->bytes;
    --numbers_.entries;
    gone.push_back(std::move(which->what));
    by_use_.erase(which);
}

void response_store::make_room_locked(std::size_t bytes, leaving& gone) {
    while (!by_use_.empty() &&
           (numbers_.bytes + bytes > bounds_.max_bytes || numbers_.entries >= bounds_.max_entries)) {
        remove_locked(std::prev(by_use_.end()), gone);
        ++numbers_.evicted;
    }
}

std::size_t response_store::erase(std::string_view uri) {
    leaving gone;
    const std::lock_guard held(mutex_);
    ++stamps_[stamp_index(uri)];
    const auto found = by_uri_.find(uri);
    if (found == by_uri_.end()) return 0;
    const variants all = found->second;
    for (const place each : all) remove_locked(each, gone);
    numbers_.invalidated += all.size();
    return all.size();
}

void response_store::erase(std::string_view uri, const stored_response& which) {
    leaving gone;
    const std::lock_guard held(mutex_);
    const auto found = by_uri_.find(uri);
    if (found == by_uri_.end()) return;
    const auto same = std::find_if(found->second.begin(), found->second.end(),
                                   [&](place each) { return each->what.get() == &which; });
    if (same == found->second.end()) return;
    remove_locked(*same, gone);
    ++numbers_.invalidated;
}

void response_store::clear() {
    std::list<node> gone;
    const std::lock_guard held(mutex_);
    for (stamp& each : stamps_) ++each;
    numbers_.invalidated += by_use_.size();
    by_uri_.clear();
    gone.swap(by_use_);
    numbers_.bytes = 0;
    numbers_.entries = 0;
}

response_store::node* response_store::find_locked(std::string_view uri, const stored_response& which) {
    const auto found = by_uri_.find(uri);
    if (found == by_uri_.end()) return nullptr;
    for (const place each : found->second) {
        if (each->what.get() == &which) return &*each;
    }
    return nullptr;
}

bool response_store::begin_revalidation(std::string_view uri, const stored_response& which, std::size_t most,
                                        time_point now) {
    const std::lock_guard held(mutex_);
    node* const found = find_locked(uri, which);
    if (found == nullptr || found->revalidating || now < found->not_before) return false;
    if (numbers_.revalidations >= most) return false;
    found->revalidating = true;
    ++numbers_.revalidations;
    return true;
}

void response_store::end_revalidation(std::string_view uri, const stored_response& which, time_point not_before) {
    const std::lock_guard held(mutex_);
    --numbers_.revalidations;
    if (node* const found = find_locked(uri, which)) {
        found->revalidating = false;
        found->not_before = not_before;
    }
}

response_store::numbers response_store::count() const {
    const std::lock_guard held(mutex_);
    return numbers_;
}

}  // namespace lido::http

#include "lido/http/cookie_jar.hpp"

#include "http/set_cookie.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lido::http {
namespace {

error out_of_range(std::string_view field, std::size_t value, std::string_view range) {
    return {errc::invalid_argument, fmt::format("cookie jar setting {} = {} is out of range {}", field, value, range),
            fmt::format("choose {} within {}", field, range)};
}

struct kept_cookie {
    cookie what;
    std::uint64_t made = 0;  // in the order of making
    std::uint64_t used = 0;  // in the order of using
};

bool is_same(const cookie& left, const cookie& right) noexcept {
    return left.name == right.name && left.path == right.path && left.host_only == right.host_only;
}

}  // namespace

result<void> cookie_jar_settings::validate() const {
    if (max_cookies < 1 || max_cookies > 100'000) return out_of_range("max_cookies", max_cookies, "1 ... 100000");
    if (max_cookies_per_host < 1 || max_cookies_per_host > 100'000) {
        return out_of_range("max_cookies_per_host", max_cookies_per_host, "1 ... 100000");
    }
    if (max_cookie_bytes < 64 || max_cookie_bytes > 65'536) {
        return out_of_range("max_cookie_bytes", max_cookie_bytes, "64 ... 65536");
    }
    if (max_field_bytes < max_cookie_bytes || max_field_bytes > 1'048'576) {
        return out_of_range("max_field_bytes", max_field_bytes, "max_cookie_bytes ... 1048576");
    }
    if (max_field_cookies < 1 || max_field_cookies > 100'000) {
        return out_of_range("max_field_cookies", max_field_cookies, "1 ... 100000");
    }
    return {};
}

/// The cookies by domain, behind a lock.
class cookie_jar::implementation {
public:
    explicit implementation(cookie_jar_settings settings) : settings_(std::move(settings)) {}

    bool set(std::string_view url, std::string_view text, wall_time now) {
        if (text.size() > settings_.max_cookie_bytes) return false;
        const auto from = parse_url(url);
        if (!from) return false;
        std::optional<cookie> made = parse_set_cookie(text, *from, now, settings_.is_public_suffix);
        if (!made) return false;
        const std::lock_guard held(mutex_);
        if (!from->origin.secure && would_hide_secure_locked(*made, from->origin.host)) return false;
        std::vector<kept_cookie>& of_domain = cookies_[made->domain];
        const auto known = std::find_if(of_domain.begin(), of_domain.end(),
                                        [&](const kept_cookie& each) { return is_same(each.what, *made); });
        ++clock_;
        if (made->expires <= now) {
            if (known != of_domain.end()) {
                of_domain.erase(known);
                --count_;
            }
            if (of_domain.empty()) cookies_.erase(made->domain);
            return false;
        }
        if (known != of_domain.end()) {
            known->what = std::move(*made);
            known->used = clock_;
            return true;
        }
        of_domain.push_back({std::move(*made), clock_, clock_});
        ++count_;
        if (of_domain.size() > settings_.max_cookies_per_host) drop_oldest_locked(of_domain);
        if (count_ > settings_.max_cookies) make_room_locked();
        return true;
    }

    [[nodiscard]] std::string field_for(std::string_view url, wall_time now) {
        const auto to = parse_url(url);
        if (!to) return {};
        const std::lock_guard held(mutex_);
        ++clock_;
        std::vector<kept_cookie*> found;
        // The host itself, and each name above it.
        std::string_view domain = to->origin.host;
        while (true) {
            collect_locked(std::string(domain), *to, now, found);
            const std::size_t dot = domain.find('.');
            if (dot == std::string_view::npos) break;
            domain.remove_prefix(dot + 1);
        }
        // Longer paths first, then as they were made (RFC 6265 §5.4).
        std::sort(found.begin(), found.end(), [](const kept_cookie* left, const kept_cookie* right) {
            if (left->what.path.size() != right->what.path.size())
                return left->what.path.size() > right->what.path.size();
            return left->made < right->made;
        });
        if (found.size() > settings_.max_field_cookies) found.resize(settings_.max_field_cookies);
        return field_of_locked(found);
    }

    [[nodiscard]] std::size_t size() const {
        const std::lock_guard held(mutex_);
        return count_;
    }

    void clear() {
        const std::lock_guard held(mutex_);
        cookies_.clear();
        count_ = 0;
    }

private:
    /// As many of them, from the first on, as fit into a field.
    [[nodiscard]] std::string field_of_locked(const std::vector<kept_cookie*>& found) {
        std::string field;
        for (kept_cookie* each : found) {
            const std::string pair =
                fmt::format("{}{}={}", field.empty() ? "" : "; ", each->what.name, each->what.value);
            if (field.size() + pair.size() > settings_.max_field_bytes) break;
            each->used = clock_;
            field += pair;
        }
        return field;
    }

    void collect_locked(const std::string& domain, const parsed_url& to, wall_time now,
                        std::vector<kept_cookie*>& found) {
        const auto place = cookies_.find(domain);
        if (place == cookies_.end()) return;
        std::vector<kept_cookie>& here = place->second;
        count_ -= std::erase_if(here, [&](const kept_cookie& each) { return each.what.expires <= now; });
        for (kept_cookie& each : here) {
            const bool mine = each.what.host_only ? to.origin.host == each.what.domain
                                                  : domain_matches(to.origin.host, each.what.domain);
            if (!mine || (each.what.secure && !to.origin.secure)) continue;
            if (path_matches(path_of(to.target), each.what.path)) found.push_back(&each);
        }
        if (here.empty()) cookies_.erase(place);
    }

    /// Leave Secure cookies alone (RFC 6265bis §5.5): does one of that name stand where this one would be sent?
    [[nodiscard]] bool would_hide_secure_locked(const cookie& made, std::string_view host) const {
        for (const auto& [domain, here] : cookies_) {
            if (!domain_matches(host, domain) && !domain_matches(domain, made.domain)) continue;
            for (const kept_cookie& each : here) {
                if (each.what.secure && each.what.name == made.name && path_matches(made.path, each.what.path)) {
                    return true;
                }
            }
        }
        return false;
    }

    void drop_oldest_locked(std::vector<kept_cookie>& from) {
        const auto oldest =
            std::min_element(from.begin(), from.end(),
                             [](const kept_cookie& left, const kept_cookie& right) { return left.used < right.used; });
        from.erase(oldest);
        --count_;
    }

    void make_room_locked() {
        auto where = cookies_.end();
        std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
        for (auto each = cookies_.begin(); each != cookies_.end(); ++each) {
            for (const kept_cookie& one : each->second) {
                if (one.used >= oldest) continue;
                oldest = one.used;
                where = each;
            }
        }
        drop_oldest_locked(where->second);
        if (where->second.empty()) cookies_.erase(where);
    }

    const cookie_jar_settings settings_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::vector<kept_cookie>> cookies_;
    std::size_t count_ = 0;
    std::uint64_t clock_ = 0;
};

cookie_jar::cookie_jar(cookie_jar_settings settings) {
    settings.validate().value();
    self_ = std::make_unique<implementation>(std::move(settings));
}

cookie_jar::~cookie_jar() = default;

bool cookie_jar::set(std::string_view url, std::string_view set_cookie, wall_time now) {
    return self_->set(url, set_cookie, now);
}

std::string cookie_jar::field_for(std::string_view url, wall_time now) {
    return self_->field_for(url, now);
}

std::size_t cookie_jar::size() const {
    return self_->size();
}

void cookie_jar::clear() {
    self_->clear();
}

}  // namespace lido::http

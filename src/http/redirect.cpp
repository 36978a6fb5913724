#include "http/redirect.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace lido::http {
namespace {

error refused(std::string_view why, std::string remedy = {}) {
    return {errc::protocol_error, fmt::format("redirect: {}", why), std::move(remedy)};
}

bool is_redirect(unsigned status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Does the request become one that only reads?
bool becomes_get(unsigned status, const method& by) noexcept {
    if (by == method::get || by == method::head) return false;
    return status == 303 || ((status == 301 || status == 302) && by == method::post);
}

/// Fields that speak of the body.
bool is_about_body(std::string_view name) noexcept {
    constexpr std::string_view begin = "Content-";
    if (name.size() > begin.size() && same_name(name.substr(0, begin.size()), begin)) return true;
    for (const std::string_view each : {"Digest", "Expect", "Trailer", "Transfer-Encoding"}) {
        if (same_name(name, each)) return true;
    }
    return false;
}

void remove_body(request& from) {
    from.remove_body();
    std::vector<std::string> names;
    for (const field& each : from.headers()) {
        if (is_about_body(each.name)) names.emplace_back(each.name);
    }
    for (const std::string& each : names) from.mutable_headers().remove(each);
}

void remove_secrets(request& from) {
    for (const std::string_view each : {"Authorization", "Cookie", "Proxy-Authorization", "Host"}) {
        from.mutable_headers().remove(each);
    }
    for (const std::string& each : from.secret_headers()) from.mutable_headers().remove(each);
}

/// RFC 3986 §5.2.4, for a path that begins with a slash. Nothing is decoded: "%2F" and "%2E" are the server's business.
std::string without_dot_segments(std::string_view path) {
    std::string left;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/', 1), path.size());
        const std::string_view segment = path.substr(0, end);
        path.remove_prefix(end);
        const bool goes_up = segment == "/..";
        if (!goes_up && segment != "/.") {
            left += segment;
            continue;
        }
        if (goes_up) left.erase(left.empty() ? 0 : left.rfind('/'));
        if (path.empty()) left += '/';
    }
    return left;
}

std::string_view path_in(std::string_view target) noexcept {
    return target.substr(0, target.find('?'));
}

/// RFC 3986 §5.2.2 and §5.2.3 for a reference that names neither scheme nor authority.
std::string resolved_target(std::string_view base, std::string_view path, std::string_view query) {
    const std::string_view base_path = path_in(base);
    if (path.empty()) return std::string(query.empty() ? base : base_path).append(query);
    std::string merged(path.starts_with('/') ? std::string_view() : base_path.substr(0, base_path.rfind('/') + 1));
    return without_dot_segments(merged.append(path)).append(query);
}

/// The one Location there is; nothing without one.
result<std::optional<std::string_view>> location_of(const response& came) {
    std::optional<std::string_view> found;
    for (const field& each : came.headers()) {
        if (!same_name(each.name, "Location")) continue;
        if (found && *found != each.value) return refused("there are several Location fields, which differ");
        found = each.value;
    }
    return found;
}

}  // namespace

result<parsed_url> resolve_reference(const parsed_url& base, std::string_view reference) {
    const auto relative =
        boost::urls::parse_uri_reference(boost::urls::string_view(reference.data(), reference.size()));
    if (!relative) return refused("Location is no URI reference");
    reference = reference.substr(0, reference.find('#'));
    parsed_url to;
    if (!relative->has_scheme() && !relative->has_authority()) {
        const std::size_t path_size = path_in(reference).size();
        to.origin = base.origin;
        to.target = resolved_target(base.target, reference.substr(0, path_size), reference.substr(path_size));
        return to;
    }
    std::string absolute(relative->has_scheme() ? "" : base.origin.secure ? "https:" : "http:");
    auto parsed = parse_url(absolute.append(reference));
    if (!parsed) return refused("Location cannot be followed").with_cause(std::move(parsed).error());
    const std::size_t path_size = path_in(parsed->target).size();
    to.origin = std::move(parsed->origin);
    to.target = without_dot_segments(std::string_view(parsed->target).substr(0, path_size));
    to.target.append(parsed->target, path_size);
    return to;
}

result<std::optional<request>> redirect(const request& what, const parsed_url& from, const response& came,
                                        const redirect_settings& settings, unsigned followed) {
    if (settings.max == 0 || !is_redirect(came.status())) return std::optional<request>();
    const auto location = location_of(came);
    if (!location) return location.error();
    if (!*location) return std::optional<request>();
    auto to = resolve_reference(from, **location);
    if (!to) return std::move(to).error();
    if (from.origin.secure && !to->origin.secure && !settings.allow_downgrade) {
        return refused("from https to http", "set redirect_settings::allow_downgrade to follow it all the same");
    }
    const bool reads = becomes_get(came.status(), what.method());
    if (!reads && !what.may_be_sent()) return std::optional<request>();
    if (followed >= settings.max) {
        return error(errc::limit_exceeded, fmt::format("redirects exceed max = {}", settings.max),
                     "raise redirect_settings::max, or see whether the server sends in a circle");
    }
    request next = what;
    if (reads) {
        next.set_method(method::get);
        remove_body(next);
    }
    if (!(to->origin == from.origin)) remove_secrets(next);
    next.set_target(to->origin.to_text() + to->target);
    return std::optional<request>(std::move(next));
}

result<void> redirect_settings::validate() const {
    if (max <= 50) return {};
    return error(errc::invalid_argument, fmt::format("redirect setting max = {} is out of range 0 ... 50", max),
                 "choose max within 0 ... 50");
}

}  // namespace lido::http

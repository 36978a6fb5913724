#include "http/redirect.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <fmt/format.h>

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

/// Boost 1.81 leaves "/../" at the front of a path, where RFC 3986 §5.2.4 has nothing.
void remove_steps_above_root(std::string& target) {
    constexpr std::string_view step = "/..";
    while (target.starts_with(step)) {
        const char next = target.size() > step.size() ? target[step.size()] : '\0';
        if (next != '/' && next != '\0' && next != '?') return;
        target.erase(0, step.size());
        if (!target.starts_with('/')) target.insert(0, 1, '/');
    }
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
    const std::string base_text = base.origin.to_text() + base.target;
    const auto absolute = boost::urls::parse_uri(base_text);
    if (!absolute) return refused("the URL of the request is no URI");
    boost::urls::url resolved;
    if (const auto outcome = boost::urls::resolve(*absolute, *relative, resolved); !outcome) {
        return refused("Location cannot be resolved");
    }
    resolved.remove_fragment();
    const auto text = resolved.buffer();
    auto parsed = parse_url({text.data(), text.size()});
    if (!parsed) return refused("Location cannot be followed").with_cause(std::move(parsed).error());
    remove_steps_above_root(parsed->target);
    return parsed;
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

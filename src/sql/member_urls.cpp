#include "sql/member_urls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace lido::sql {
namespace {

constexpr std::size_t most_members = 32;

error wrong(std::string what, std::string remedy) {
    return {lido::errc::invalid_argument, fmt::format("replicated pool: {}", what), std::move(remedy)};
}

/// Everything but letters, digits and -._~ as %XX (RFC 3986 §2.3).
std::string encoded(std::string_view text) {
    std::string made;
    for (const char each : text) {
        const bool plain = (each >= '0' && each <= '9') || (each >= 'a' && each <= 'z') ||
                           (each >= 'A' && each <= 'Z') ||
                           std::string_view("-._~").find(each) != std::string_view::npos;
        if (plain) {
            made.push_back(each);
        } else {
            made += fmt::format("%{:02X}", static_cast<unsigned char>(each));
        }
    }
    return made;
}

std::string host_text(const std::string& host) {
    return host.find(':') == std::string::npos ? encoded(host) : fmt::format("[{}]", host);
}

std::string name_of(const database_url& url, const server_place& place) {
    std::string host = place.host;
    if (host.empty()) host = url.option("host").value_or(url.option("socket").value_or("local"));
    if (host.find(':') != std::string::npos) host = fmt::format("[{}]", host);
    return place.port == 0 ? host : fmt::format("{}:{}", host, place.port);
}

std::string url_of(const database_url& url, const server_place& place) {
    std::string made = url.kind == database_kind::postgres ? "postgresql://" : "mysql://";
    if (!url.user.empty()) {
        made += encoded(url.user);
        if (!url.password.reveal().empty()) made += ":" + encoded(url.password.reveal());
        made += "@";
    }
    made += host_text(place.host);
    if (place.port != 0) made += fmt::format(":{}", place.port);
    made += "/" + encoded(url.database);
    char separator = '?';
    for (const auto& [name, value] : url.options) {
        made += fmt::format("{}{}={}", std::exchange(separator, '&'), encoded(name), encoded(value));
    }
    // Each member is taken as it is: what it is for is found out.
    if (url.kind == database_kind::postgres) made += fmt::format("{}role=any", separator);
    return made;
}

}  // namespace

result<std::vector<member_url>> member_urls(std::span<const std::string> urls) {
    std::vector<member_url> all;
    std::optional<database_kind> kind;
    for (const std::string& text : urls) {
        const auto url = database_url::parse(text);
        if (!url) return url.error();
        if (url->kind == database_kind::sqlite) return wrong("SQLite has no replicas", "use sql::pool");
        if (kind.value_or(url->kind) != url->kind) return wrong("its URLs are of different databases", "name one kind");
        kind = url->kind;
        if (url->option("role") || url->option("target_session_attrs")) {
            return wrong("a role is demanded by the URL", "leave role and target_session_attrs out: it is found out");
        }
        for (const server_place& place : url->places) {
            member_url made{name_of(*url, place), url_of(*url, place)};
            const bool known =
                std::any_of(all.begin(), all.end(), [&](const member_url& each) { return each.name == made.name; });
            if (known) return wrong(fmt::format("{} is named twice", made.name), "name each server once");
            all.push_back(std::move(made));
        }
    }
    if (all.empty()) return wrong("no server is named", "give one URL or several");
    if (all.size() > most_members) {
        return wrong(fmt::format("{} servers are named, the most are {}", all.size(), most_members), "name fewer");
    }
    return all;
}

}  // namespace lido::sql

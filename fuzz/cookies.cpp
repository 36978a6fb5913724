// Any bytes as what servers say about cookies: each line is one, said by a URL that its first byte chooses. Whatever
// they say, a cookie goes only where RFC 6265 lets it, nothing but what may stand in a field comes out, and the jar
// stays within its bounds.
#include "http/cookie_date.hpp"
#include "http/set_cookie.hpp"
#include "lido/base/assert.hpp"
#include "lido/http/cookie_jar.hpp"
#include "lido/http/headers.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lido::http;
using wall_time = std::chrono::system_clock::time_point;

constexpr std::array<const char*, 8> urls{"https://shop.example/a/b",   "http://shop.example/a/b?c",
                                          "https://www.shop.example/",  "https://example/",
                                          "https://127.0.0.1:8080/a/b", "https://[::1]/",
                                          "https://other.test/a",       "https://evil-shop.example/"};
/// One of which nothing was ever heard.
constexpr const char* stranger = "https://stranger.test/a/b";

const parsed_url& url_number(std::size_t which) {
    static const std::vector<parsed_url> all = [] {
        std::vector<parsed_url> made;
        made.reserve(urls.size());
        for (const char* url : urls) made.push_back(*parse_url(url));
        return made;
    }();
    return all[which];
}

bool is_public(std::string_view domain) {
    return domain == "example" || domain == "test";
}

/// Is every byte fit for a field of a request?
void check_field(std::string_view field) {
    LIDO_ASSERT(std::all_of(field.begin(), field.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 0x20 || byte == '\t') && byte != 0x7F;
    }));
}

void check_prefixes(const cookie& made, const parsed_url& from) {
    const auto begins_with = [&](std::string_view prefix) {
        return made.name.size() >= prefix.size() &&
               same_name(std::string_view(made.name).substr(0, prefix.size()), prefix);
    };
    if (begins_with("__Secure-")) LIDO_ASSERT(made.secure && from.origin.secure);
    if (begins_with("__Host-")) LIDO_ASSERT(made.secure && made.host_only && made.path == "/");
}

void check_parsed(std::string_view line, const parsed_url& from, wall_time now) {
    const auto made = parse_set_cookie(line, from, now, is_public);
    if (!made) return;
    LIDO_ASSERT(!made->name.empty() && made->path.starts_with('/'));
    LIDO_ASSERT(made->name.find_first_of("=;") == std::string::npos);
    LIDO_ASSERT(made->value.find(';') == std::string::npos);
    check_field(made->name + made->value + made->path);
    LIDO_ASSERT(domain_matches(from.origin.host, made->domain));
    LIDO_ASSERT(made->host_only ? made->domain == from.origin.host : !is_public(made->domain));
    LIDO_ASSERT(!made->secure || from.origin.secure);
    const bool lasts = made->expires == wall_time::max();
    LIDO_ASSERT(lasts || made->expires <= now + std::chrono::days(401));
    check_prefixes(*made, from);
    // Without somebody who knows of public suffixes it stays with its host.
    const auto alone = parse_set_cookie(line, from, now, {});
    LIDO_ASSERT(!alone || alone->host_only);
}

void check_jar(cookie_jar& jar, const cookie_jar_settings& bounds, wall_time now) {
    LIDO_ASSERT(jar.size() <= bounds.max_cookies);
    for (const char* url : urls) {
        const std::string field = jar.field_for(url, now);
        check_field(field);
        LIDO_ASSERT(field.size() <= bounds.max_field_bytes);
        const auto separators = std::count(field.begin(), field.end(), ';');
        LIDO_ASSERT(static_cast<std::size_t>(separators) < bounds.max_field_cookies);
    }
    LIDO_ASSERT(jar.field_for(stranger, now).empty());
    LIDO_ASSERT(jar.size() <= bounds.max_cookies);
}

/// Cookies that only one host said are not for others.
void check_separation(std::string_view line, std::size_t who, wall_time now) {
    cookie_jar_settings settings;
    settings.is_public_suffix = is_public;
    cookie_jar jar(settings);
    if (!jar.set(urls[who], line, now)) {
        LIDO_ASSERT(jar.size() == 0);
        return;
    }
    LIDO_ASSERT(jar.size() == 1);
    const std::string& host = url_number(who).origin.host;
    for (std::size_t i = 0; i < urls.size(); ++i) {
        if (jar.field_for(urls[i], now).empty()) continue;
        const std::string& other = url_number(i).origin.host;
        // The only family here.
        const bool family = domain_matches(host, "shop.example") && domain_matches(other, "shop.example");
        LIDO_ASSERT(other == host || family);
    }
    jar.clear();
    LIDO_ASSERT(jar.size() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    wall_time now{std::chrono::hours(24 * 365 * 50)};
    cookie_jar_settings bounds;
    bounds.max_cookies = 6;
    bounds.max_cookies_per_host = 3;
    bounds.max_cookie_bytes = 200;
    bounds.max_field_bytes = 300;
    bounds.max_field_cookies = 2;
    bounds.is_public_suffix = is_public;
    cookie_jar jar(bounds);
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty()) continue;
        const std::size_t who = static_cast<unsigned char>(line.front()) % urls.size();
        const std::string_view said = line.substr(1);
        check_parsed(said, url_number(who), now);
        check_separation(said, who, now);
        jar.set(urls[who], said, now);
        check_jar(jar, bounds, now);
        now += std::chrono::seconds(1);
        if (const auto when = parse_cookie_date(said)) {
            LIDO_ASSERT(*when >= std::chrono::sys_days(std::chrono::year(1601) / 1 / 1));
            LIDO_ASSERT(*when < std::chrono::sys_days(std::chrono::year(10000) / 1 / 1));
        }
    }
    return 0;
}

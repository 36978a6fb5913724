#include "lido/sql/database_url.hpp"

#include "sql/hexadecimal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace lido::sql {
namespace {

constexpr std::size_t longest_url = 8192;
constexpr std::size_t most_places = 32;

error wrong(std::string_view what) {
    return {lido::errc::invalid_argument, fmt::format("database URL: {}", what),
            "postgresql://user:password@host:port/database, mysql://…, sqlite:file.db or sqlite::memory:"};
}

struct known_scheme {
    std::string_view name;
    database_kind kind;
};
constexpr std::array<known_scheme, 5> schemes{{{"postgresql", database_kind::postgres},
                                               {"postgres", database_kind::postgres},
                                               {"mysql", database_kind::mysql},
                                               {"mariadb", database_kind::mysql},
                                               {"sqlite", database_kind::sqlite}}};

/// `name` is for the error, which must not show the part itself.
result<std::string> decode(std::string_view part, std::string_view name) {
    std::string decoded;
    decoded.reserve(part.size());
    for (std::size_t i = 0; i < part.size(); ++i) {
        if (part[i] != '%') {
            decoded.push_back(part[i]);
            continue;
        }
        const int high = i + 2 < part.size() ? hexadecimal_digit(part[i + 1]) : -1;
        const int low = i + 2 < part.size() ? hexadecimal_digit(part[i + 2]) : -1;
        if (high < 0 || low < 0) return wrong(fmt::format("the {} has a '%' without two hexadecimal digits", name));
        if (high == 0 && low == 0) return wrong(fmt::format("the {} has a zero byte", name));
        decoded.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return decoded;
}

/// The other way round: letters, digits, "-._~" and what is in `plain` stay as they are.
std::string encode(std::string_view part, std::string_view plain) {
    constexpr std::string_view unreserved = "-._~";
    std::string encoded;
    encoded.reserve(part.size());
    for (const char each : part) {
        const bool alphanumeric =
            (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9');
        if (alphanumeric || unreserved.find(each) != std::string_view::npos ||
            plain.find(each) != std::string_view::npos) {
            encoded.push_back(each);
        } else {
            encoded.push_back('%');
            append_hexadecimal(encoded, static_cast<std::uint8_t>(each));
        }
    }
    return encoded;
}

result<server_place> parse_place(std::string_view text) {
    server_place place;
    std::string_view host = text;
    std::string_view port;
    if (!text.empty() && text.front() == '[') {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return wrong("an IPv6 address is not closed by ]");
        host = text.substr(1, end - 1);
        const std::string_view behind = text.substr(end + 1);
        if (!behind.empty() && behind.front() != ':') return wrong("something stands behind an IPv6 address");
        if (!behind.empty()) port = behind.substr(1);
        if (!behind.empty() && port.empty()) return wrong("a port is empty");
    } else if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        if (port.empty()) return wrong("a port is empty");
        if (host.find(':') != std::string_view::npos) return wrong("an IPv6 address has no brackets");
    }
    auto decoded = decode(host, "host");
    if (!decoded) return std::move(decoded).error();
    place.host = std::move(*decoded);
    if (port.empty()) return place;
    const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), place.port);
    if (code != std::errc() || end != port.data() + port.size() || place.port == 0) {
        return wrong("a port is no number within 1 … 65535");
    }
    return place;
}

result<void> parse_options(std::string_view text, database_url& into) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('&'), text.size());
        const std::string_view one = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = one.find('=');
        if (equals == std::string_view::npos || equals == 0) return wrong("an option has no name or no '='");
        auto name = decode(one.substr(0, equals), "name of an option");
        if (!name) return std::move(name).error();
        auto value = decode(one.substr(equals + 1), "value of an option");
        if (!value) return std::move(value).error();
        if (into.option(*name)) return wrong(fmt::format("the option {} stands there twice", *name));
        into.options.emplace_back(std::move(*name), std::move(*value));
    }
    return {};
}

result<void> parse_user(std::string_view text, database_url& into) {
    const std::size_t colon = text.find(':');
    auto user = decode(text.substr(0, colon), "user");
    if (!user) return std::move(user).error();
    into.user = std::move(*user);
    if (colon == std::string_view::npos) return {};
    auto password = decode(text.substr(colon + 1), "password");
    if (!password) return std::move(password).error();
    into.password = secret(*password);
    explicit_bzero(password->data(), password->size());
    return {};
}

/// What stands behind "postgresql://".
result<void> parse_server(std::string_view text, database_url& into) {
    const std::size_t slash = text.find('/');
    std::string_view authority = text.substr(0, slash);
    // A password may contain an '@' only as %40, so the last one is the separator in both readings.
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        if (auto user = parse_user(authority.substr(0, at), into); !user) return user;
        authority.remove_prefix(at + 1);
    }
    while (true) {
        const std::size_t comma = std::min(authority.find(','), authority.size());
        auto place = parse_place(authority.substr(0, comma));
        if (!place) return std::move(place).error();
        into.places.push_back(std::move(*place));
        if (into.places.size() > most_places) return wrong(fmt::format("it names more than {} hosts", most_places));
        if (comma == authority.size()) break;
        authority.remove_prefix(comma + 1);
    }
    if (slash == std::string_view::npos) return {};
    auto database = decode(text.substr(slash + 1), "database");
    if (!database) return std::move(database).error();
    into.database = std::move(*database);
    return {};
}

bool may_hold_secret(std::string_view option) noexcept {
    return option.find("password") != std::string_view::npos || option.find("secret") != std::string_view::npos ||
           option.find("key") != std::string_view::npos;
}

std::string_view name_of(database_kind kind) noexcept {
    switch (kind) {
        case database_kind::postgres:
            return "postgresql";
        case database_kind::mysql:
            return "mysql";
        case database_kind::sqlite:
            break;
    }
    return "sqlite";
}

}  // namespace

result<database_url> database_url::parse(std::string_view text) {
    if (text.size() > longest_url) return wrong(fmt::format("it is longer than {} bytes", longest_url));
    const bool clean = std::all_of(text.begin(), text.end(), [](char each) { return each > ' ' && each != '\x7f'; });
    if (!clean) return wrong("it has a space, a control or a non-ASCII character; write it as %XX");
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return wrong("it has no scheme");
    const std::string_view scheme = text.substr(0, colon);
    const auto known = std::find_if(schemes.begin(), schemes.end(),
                                    [scheme](const known_scheme& each) { return each.name == scheme; });
    if (known == schemes.end()) return wrong(fmt::format("the scheme {} is not known", scheme));

    database_url made;
    made.kind = known->kind;
    std::string_view rest = text.substr(colon + 1);
    const std::size_t question = rest.find('?');
    if (question != std::string_view::npos) {
        if (auto options = parse_options(rest.substr(question + 1), made); !options) return std::move(options).error();
        rest = rest.substr(0, question);
    }
    if (rest.find('#') != std::string_view::npos) return wrong("it has a '#'; write it as %23");
    if (made.kind != database_kind::sqlite) {
        if (!rest.starts_with("//")) return wrong("// is missing behind the scheme");
        if (auto server = parse_server(rest.substr(2), made); !server) return std::move(server).error();
        return made;
    }
    if (rest.starts_with("//") && !rest.starts_with("///")) return wrong("a file has no host: sqlite:/absolute.db");
    if (rest.starts_with("///")) rest.remove_prefix(2);
    auto file = decode(rest, "file");
    if (!file) return std::move(file).error();
    if (file->empty()) return wrong("no file is named");
    made.database = std::move(*file);
    return made;
}

std::string database_url::to_text() const {
    std::string text = fmt::format("{}:", name_of(kind));
    if (kind == database_kind::sqlite) {
        // Two slashes at its front would be taken for a host's.
        text += database.starts_with("//") ? "//" : "";
        text += encode(database, "/:,@+");
    } else {
        text += "//";
        if (!user.empty()) text += encode(user, "") + "@";
        for (std::size_t i = 0; i < places.size(); ++i) {
            const bool bracketed = places[i].host.find(':') != std::string::npos;
            text += fmt::format("{}{}{}{}", i == 0 ? "" : ",", bracketed ? "[" : "", encode(places[i].host, ":"),
                                bracketed ? "]" : "");
            if (places[i].port != 0) text += fmt::format(":{}", places[i].port);
        }
        text += "/" + encode(database, "/:,@+");
    }
    char separator = '?';
    for (const auto& [name, value] : options) {
        if (may_hold_secret(name)) continue;
        text += fmt::format("{}{}={}", std::exchange(separator, '&'), encode(name, ""), encode(value, "/:,@+"));
    }
    return text;
}

std::optional<std::string_view> database_url::option(std::string_view name) const noexcept {
    for (const auto& [known, value] : options) {
        if (known == name) return value;
    }
    return std::nullopt;
}

}  // namespace lido::sql

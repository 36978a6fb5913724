#include "target_url.hpp"

#include "command_error.hpp"
#include "lido/http/headers.hpp"
#include "without_password.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace lido::cli {
namespace {

[[noreturn]] void refuse(const std::string& url, std::string_view what, std::string_view remedy) {
    throw usage_error(fmt::format("the URL '{}' {}; {}", without_password(url), what, remedy));
}

void check_port(const std::string& url, std::string_view port) {
    unsigned value = 0;
    const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), value);
    if (code == std::errc() && end == port.data() + port.size() && value >= 1 && value <= 65535) return;
    refuse(url, fmt::format("has '{}' where a port 1 … 65535 belongs", port), "write host:8080, or leave the port out");
}

void check_authority(const std::string& url, std::string_view authority) {
    if (authority.find('@') != std::string_view::npos) {
        refuse(url, "has a user name or password in it", "send them by --header 'Authorization: …'");
    }
    std::size_t host_end = std::min(authority.find(':'), authority.size());
    if (!authority.empty() && authority.front() == '[') {
        const std::size_t bracket = authority.find(']');
        if (bracket == std::string_view::npos) refuse(url, "has a '[' without ']'", "write http://[::1]:8080/");
        host_end = bracket + 1;
    }
    if (host_end == 0) refuse(url, "has no host", "write http://host/path");
    if (host_end == authority.size()) return;
    if (authority[host_end] != ':') refuse(url, "has something between host and port", "write http://[::1]:8080/");
    check_port(url, authority.substr(host_end + 1));
}

}  // namespace

target_url split_url(const std::string& url) {
    const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7F'; });
    if (!printable) {
        refuse(url, "has a space or a character that is not ASCII", "percent-encode it: a space is %20");
    }
    const std::size_t scheme_end = url.find("://");
    if (url.starts_with("sqlite:")) refuse(url, "is a database's", "use lido sql, lido check or lido simulate --sql");
    if (scheme_end == std::string::npos) {
        refuse(url, "has no scheme", fmt::format("write http://{}", without_password(url)));
    }
    const std::string_view scheme = std::string_view(url).substr(0, scheme_end);
    const bool plain = http::same_name(scheme, "http");
    if (!plain && !http::same_name(scheme, "https")) {
        const bool is_database =
            scheme == "postgresql" || scheme == "postgres" || scheme == "mysql" || scheme == "mariadb";
        refuse(url, fmt::format("has the scheme '{}'", scheme),
               is_database ? "use http or https; a database is for lido sql, lido check and lido simulate --sql"
                           : "use http or https");
    }
    const std::size_t begin = scheme_end + 3;
    const std::size_t authority_end = std::min(url.find_first_of("/?#", begin), url.size());
    const std::string authority = url.substr(begin, authority_end - begin);
    check_authority(url, authority);
    target_url parts;
    parts.origin = fmt::format("{}://{}", plain ? "http" : "https", authority);
    parts.target = url.substr(authority_end, std::min(url.find('#'), url.size()) - authority_end);
    if (parts.target.empty() || parts.target.front() != '/') parts.target.insert(0, "/");
    return parts;
}

}  // namespace lido::cli

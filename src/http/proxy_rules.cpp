#include "http/proxy_rules.hpp"

#include "http/authority.hpp"
#include "http/grammar.hpp"
#include "lido/net/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <netinet/in.h>

namespace lido::http {
namespace {

constexpr std::string_view between_entries = ", \t\r\n";

/// The port behind the last colon of "host:port" or "[::1]:port", cut off `text`; 0 when there is none, nothing when it
/// is no port.
std::optional<std::uint16_t> cut_off_port(std::string_view& text) {
    const bool bracketed = text.starts_with('[');
    const std::size_t colon = text.rfind(':');
    const std::size_t bracket = text.rfind(']');
    if (colon == std::string_view::npos) return 0;
    if (bracketed ? bracket != colon - 1 : text.find(':') != colon) return 0;  // a bare IPv6 address has several
    const auto port = parse_decimal(text.substr(colon + 1), 65535);
    if (!port || *port == 0) return std::nullopt;
    text = text.substr(0, colon);
    return static_cast<std::uint16_t>(*port);
}

result<std::vector<proxy>> from_variable(const proxy_rules::environment& variables,
                                         std::initializer_list<const char*> names, const net::tls_settings& secure) {
    for (const char* const name : names) {
        const std::optional<std::string> text = variables(name);
        if (!text || text->empty()) continue;
        auto read = parse_proxies(*text, secure);
        if (!read) return std::move(read).error().with_context(fmt::format("environment variable {}", name));
        return read;
    }
    return std::vector<proxy>();
}

std::optional<std::string> from_process(const char* name) {
    const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody here changes the environment
    if (text == nullptr) return std::nullopt;
    return std::string(text);
}

}  // namespace

std::optional<no_proxy_list::network> no_proxy_list::network_of(std::string_view address) {
    const auto literal = net::address::from_literal(address.substr(0, address.find('%')), 0);
    if (!literal) return std::nullopt;
    network made;
    made.is_ipv6 = literal->is_ipv6();
    made.bits = made.is_ipv6 ? 128 : 32;
    if (made.is_ipv6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, literal->data(), sizeof v6);
        std::memcpy(made.bytes.data(), &v6.sin6_addr, 16);
    } else {
        sockaddr_in v4{};
        std::memcpy(&v4, literal->data(), sizeof v4);
        std::memcpy(made.bytes.data(), &v4.sin_addr, 4);
    }
    return made;
}

/// Nothing when it cannot be read.
std::optional<no_proxy_list::entry> no_proxy_list::entry_of(std::string_view text) {
    entry made;
    if (text == "*") return made;
    if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
        made.where = network_of(text.substr(0, slash));
        if (!made.where) return std::nullopt;
        const auto bits = parse_decimal(text.substr(slash + 1), made.where->bits);
        if (!bits) return std::nullopt;
        made.where->bits = static_cast<std::uint8_t>(*bits);
        return made;
    }
    const auto port = cut_off_port(text);
    if (!port) return std::nullopt;
    made.port = *port;
    made.where = network_of(text);
    if (made.where) return made;
    if (text.starts_with("*.")) text.remove_prefix(1);
    if (text.starts_with('.')) text.remove_prefix(1);
    auto name = canonical_host(text);
    if (!name) return std::nullopt;
    made.name = std::move(*name);
    return made;
}

result<no_proxy_list> no_proxy_list::parse(std::string_view text) {
    no_proxy_list made;
    while (true) {
        const std::size_t begin = text.find_first_not_of(between_entries);
        if (begin == std::string_view::npos) return made;
        text.remove_prefix(begin);
        const std::string_view one = text.substr(0, text.find_first_of(between_entries));
        auto read = entry_of(one);
        if (!read) {
            return error(errc::invalid_argument, fmt::format("entry '{}' cannot be read", one.substr(0, 100)),
                         "entries are hosts, addresses, networks such as 10.0.0.0/8, or *");
        }
        made.entries_.push_back(std::move(*read));
        text.remove_prefix(one.size());
    }
}

bool no_proxy_list::covers(const entry& which, const origin& to, const std::optional<network>& address) {
    if (which.port != 0 && which.port != to.port) return false;
    if (which.where) {
        if (!address || address->is_ipv6 != which.where->is_ipv6) return false;
        const std::size_t whole = which.where->bits / 8U;
        if (!std::equal(address->bytes.begin(), address->bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                        which.where->bytes.begin())) {
            return false;
        }
        const unsigned rest = which.where->bits % 8U;
        if (rest == 0) return true;
        return ((address->bytes[whole] ^ which.where->bytes[whole]) >> (8U - rest)) == 0;
    }
    if (which.name.empty()) return true;
    if (address) return false;  // an address has nothing below it
    if (to.host == which.name) return true;
    return to.host.size() > which.name.size() && to.host.ends_with(which.name) &&
           to.host[to.host.size() - which.name.size() - 1] == '.';
}

bool no_proxy_list::contains(const origin& to) const {
    if (entries_.empty()) return false;
    const std::optional<network> address = network_of(to.host);
    return std::any_of(entries_.begin(), entries_.end(), [&](const entry& each) { return covers(each, to, address); });
}

result<proxy_rules> proxy_rules::make(const client_settings& settings, const environment& variables) {
    proxy_rules made;
    auto except = no_proxy_list::parse(settings.no_proxy);
    if (!except) return std::move(except).error().with_context("client setting no_proxy");
    made.except_ = std::move(*except);
    auto named = parse_proxies(settings.proxy, settings.proxy_tls);
    if (!named) return std::move(named).error().with_context("client setting proxy");
    made.plain_ = made.secure_ = std::move(*named);
    if (!made.plain_.empty() || !settings.proxy_from_environment) return made;

    auto all = from_variable(variables, {"all_proxy", "ALL_PROXY"}, settings.proxy_tls);
    if (!all) return std::move(all).error();
    auto plain = from_variable(variables, {"http_proxy"}, settings.proxy_tls);
    if (!plain) return std::move(plain).error();
    auto secure = from_variable(variables, {"https_proxy", "HTTPS_PROXY"}, settings.proxy_tls);
    if (!secure) return std::move(secure).error();
    made.plain_ = plain->empty() ? *all : std::move(*plain);
    made.secure_ = secure->empty() ? std::move(*all) : std::move(*secure);
    for (const char* const name : {"no_proxy", "NO_PROXY"}) {
        const std::optional<std::string> text = variables(name);
        if (!text || text->empty()) continue;
        auto list = no_proxy_list::parse(*text);
        if (!list) return std::move(list).error().with_context(fmt::format("environment variable {}", name));
        made.except_too_ = std::move(*list);
        break;
    }
    return made;
}

result<proxy_rules> proxy_rules::make(const client_settings& settings) {
    return make(settings, from_process);
}

const std::vector<proxy>& proxy_rules::for_origin(const origin& to) const {
    static const std::vector<proxy> none;
    const std::vector<proxy>& found = to.secure ? secure_ : plain_;
    if (found.empty() || except_.contains(to) || except_too_.contains(to)) return none;
    return found;
}

}  // namespace lido::http

// Any bytes as a list of proxies, a list of who needs none, and a URL: a line each. What is taken is the same when it
// is printed and read again, shows no credential, and lists mean what they say.
#include "http/proxy.hpp"

#include "http/connect_tunnel.hpp"
#include "http/origin.hpp"
#include "http/proxy_rules.hpp"
#include "http/socks5.hpp"
#include "lido/base/assert.hpp"
#include "lido/net/endpoint.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lido::http;

void check_proxy(const proxy& one) {
    LIDO_ASSERT(!one.host.empty() && one.port != 0);
    LIDO_ASSERT(one.user.size() <= 255 && one.password.reveal().size() <= 255);
    LIDO_ASSERT(one.user.find(':') == std::string::npos);
    const auto is_legal = [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; };
    LIDO_ASSERT(std::all_of(one.user.begin(), one.user.end(), is_legal));
    const auto again = parse_proxies(one.to_text(), one.tls);
    LIDO_ASSERT(again.has_value() && again->size() == 1);
    proxy without_credentials = one;
    without_credentials.user.clear();
    without_credentials.password = {};
    LIDO_ASSERT(again->front() == without_credentials);
    // What goes over the wire: base64 alone, and lengths of one byte.
    const lido::secret field = proxy_authorization(one);
    LIDO_ASSERT(field.empty() == one.user.empty());
    LIDO_ASSERT(std::all_of(field.reveal().begin(), field.reveal().end(), is_legal));
    const std::string login = socks5::login(one);
    LIDO_ASSERT(login.size() == 3 + one.user.size() + one.password.reveal().size());
}

proxy_rules::environment environment_of(std::string_view proxies, std::string_view except) {
    return [proxies, except](const char* name) -> std::optional<std::string> {
        const std::string_view wanted = name;
        if (wanted == "all_proxy") return std::string(proxies);
        if (wanted == "no_proxy") return std::string(except);
        return std::nullopt;
    };
}

/// Whoever is named in a list is in it, and by a port nobody but by that port.
void check_named(const origin& whom) {
    const auto list = no_proxy_list::parse(whom.host);
    LIDO_ASSERT(list.has_value() && list->contains(whom));
    LIDO_ASSERT(no_proxy_list::parse("*")->contains(whom));
    LIDO_ASSERT(!no_proxy_list().contains(whom));
    const bool literal = whom.host.find(':') != std::string::npos;
    const std::string bracketed = literal ? "[" + whom.host.substr(0, whom.host.find('%')) + "]" : whom.host;
    const auto by_port = no_proxy_list::parse(bracketed + ":" + std::to_string(whom.port));
    LIDO_ASSERT(by_port.has_value() && by_port->contains(whom));
    origin elsewhere = whom;
    elsewhere.port = whom.port == 1 ? 2 : 1;
    LIDO_ASSERT(!by_port->contains(elsewhere));
}

void check_lists(std::string_view text, const origin& whom) {
    const auto list = no_proxy_list::parse(text);
    if (!list) return;
    // Two lists, one behind the other, are both of them.
    const auto twice = no_proxy_list::parse(std::string(text) + " ," + std::string(text));
    LIDO_ASSERT(twice.has_value() && twice->contains(whom) == list->contains(whom));
    const auto more = no_proxy_list::parse(std::string(text) + "," + whom.host);
    LIDO_ASSERT(more.has_value() && more->contains(whom));
    // What holds for a name holds for those below it, unless a port or an address was named.
    origin below = whom;
    below.host = "below." + whom.host;
    const bool is_name =
        whom.host.find(':') == std::string::npos && !lido::net::address::from_literal(whom.host, 0).has_value();
    if (is_name && below.host.size() <= 255 && list->contains(whom)) LIDO_ASSERT(list->contains(below));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string_view proxies = text.substr(0, text.find('\n'));
    std::string_view rest = text.substr(std::min(size, proxies.size() + 1));
    const std::string_view except = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), except.size() + 1));

    const auto made = parse_proxies(proxies, {});
    if (made) {
        LIDO_ASSERT(made->size() <= max_proxies);
        for (const proxy& one : *made) check_proxy(one);
    } else if (const std::size_t at = proxies.rfind('@'); at != std::string_view::npos) {
        // An error tells nothing of what may be a password: here a word that is nowhere else.
        constexpr std::string_view secret = "~Qx7Zk9~";
        const std::string with_secret = std::string(proxies.substr(0, at)).append(secret).append(proxies.substr(at));
        const auto with = parse_proxies(with_secret, {});
        LIDO_ASSERT(with.has_value() || with.error().message().find(secret) == std::string::npos);
    }
    const auto url = parse_url(rest);
    if (!url) return 0;
    check_named(url->origin);
    check_lists(except, url->origin);
    client_settings settings;
    settings.proxy_from_environment = true;
    const auto rules = proxy_rules::make(settings, environment_of(proxies, except));
    if (!rules || !made) return 0;
    const auto list = no_proxy_list::parse(except);
    LIDO_ASSERT(list.has_value());
    const bool goes_directly = made->empty() || list->contains(url->origin);
    LIDO_ASSERT(rules->for_origin(url->origin).size() == (goes_directly ? 0 : made->size()));
    return 0;
}

// Lido: which requests go through which proxies.
#pragma once

#include "http/origin.hpp"
#include "http/proxy.hpp"
#include "lido/http/client.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::http {

/// Who is reached without a proxy: a list of entries, separated by commas or white space, as curl and others read it.
///
/// "*" is everybody. "shop.example" and ".shop.example" are that host and all below it. "10.0.0.0/8" and "fd00::/8" are
/// addresses, as is "127.0.0.1"; they are compared to hosts that are written as addresses, names are not looked up.
/// ":8080" behind a name or an address (in brackets for IPv6) restricts it to that port.
class no_proxy_list {
public:
    no_proxy_list() = default;
    /// Errors: `invalid_argument` that says which entry cannot be read.
    [[nodiscard]] static result<no_proxy_list> parse(std::string_view text);

    [[nodiscard]] bool contains(const origin& to) const;
    [[nodiscard]] friend bool operator==(const no_proxy_list&, const no_proxy_list&) = default;

private:
    /// An address, or all that begin like it.
    struct network {
        std::array<unsigned char, 16> bytes{};
        std::uint8_t bits = 0;
        bool is_ipv6 = false;
        [[nodiscard]] friend bool operator==(const network&, const network&) = default;
    };
    struct entry {
        std::string name;              ///< without a leading dot; empty: `where` counts
        std::optional<network> where;  ///< neither: everybody
        std::uint16_t port = 0;        ///< 0: any
        [[nodiscard]] friend bool operator==(const entry&, const entry&) = default;
    };
    [[nodiscard]] static std::optional<network> network_of(std::string_view address);
    [[nodiscard]] static std::optional<entry> entry_of(std::string_view text);
    [[nodiscard]] static bool covers(const entry& which, const origin& to, const std::optional<network>& address);

    std::vector<entry> entries_;
};

/// Decides by what way an origin is reached. A pure value.
class proxy_rules {
public:
    /// Value of an environment variable; nothing when it is not set.
    using environment = std::function<std::optional<std::string>(const char* name)>;

    /// No proxies.
    proxy_rules() = default;
    /// By the settings: `proxy` and `no_proxy`, or where `proxy` is empty and `proxy_from_environment` is set, by the
    /// environment: `http_proxy` for http targets, `https_proxy` or `HTTPS_PROXY` for https targets, `all_proxy` or
    /// `ALL_PROXY` for both where there is none of these, and `no_proxy` or `NO_PROXY` beside `no_proxy` of the
    /// settings.
    ///
    /// `HTTP_PROXY` is not looked at, as curl does not: in a CGI program that variable holds a field "Proxy" of the
    /// request, so that whoever sends one could lead what the program asks for to himself (CVE-2016-5385 and others).
    ///
    /// Errors: `invalid_argument` that names the setting or variable, without any credential.
    [[nodiscard]] static result<proxy_rules> make(const client_settings& settings, const environment& variables);
    /// The same with the environment of this process.
    [[nodiscard]] static result<proxy_rules> make(const client_settings& settings);

    /// The proxies to go through, in this order; empty: none. Valid as long as this.
    [[nodiscard]] const std::vector<proxy>& for_origin(const origin& to) const;
    [[nodiscard]] friend bool operator==(const proxy_rules&, const proxy_rules&) = default;

private:
    std::vector<proxy> plain_;
    std::vector<proxy> secure_;
    no_proxy_list except_;
    no_proxy_list except_too_;  // of the environment
};

}  // namespace lido::http

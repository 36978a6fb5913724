#include "sql/mysql/place.hpp"

#include "lido/net/endpoint.hpp"
#include "lido/sql/database_url.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace lido::mysql {
namespace {

constexpr std::uint16_t default_port = 3306;

error wrong(std::string_view what, std::string_view remedy) {
    return {lido::errc::invalid_argument, fmt::format("MySQL setting url: {}", what), std::string(remedy)};
}

std::optional<tls_mode> mode_of(std::string_view word) noexcept {
    constexpr std::array<std::pair<std::string_view, tls_mode>, 4> words{
        {{"automatic", tls_mode::automatic},
         {"disabled", tls_mode::disabled},
         {"verify-full", tls_mode::verify_full},
         {"without-verification", tls_mode::without_verification}}};
    for (const auto& [name, mode] : words) {
        if (name == word) return mode;
    }
    return std::nullopt;
}

bool is_loopback(std::string_view host) {
    if (host == "localhost") return true;
    const auto literal = net::address::from_literal(host, 0);
    if (!literal) return false;
    return literal->host_text().starts_with("127.") || literal->host_text() == "::1";
}

/// The options of the URL, into the place and the mode.
result<void> take_options(const sql::database_url& url, place& into, tls_mode& mode) {
    for (const auto& [name, value] : url.options) {
        if (name == "ssl-mode") {
            const auto named = mode_of(value);
            if (!named) {
                return wrong(fmt::format("ssl-mode={} is not known", value),
                             "automatic, disabled, verify-full or without-verification");
            }
            mode = *named;
        } else if (name == "ssl-ca") {
            into.ca_file = value;
        } else if (name == "ssl-cert") {
            into.certificate_file = value;
        } else if (name == "ssl-key") {
            into.key_file = value;
        } else if (name == "socket") {
            into.unix_socket = value;
        } else {
            return wrong(fmt::format("the option {} is not known", name),
                         "allowed are ssl-mode, ssl-ca, ssl-cert, ssl-key and socket");
        }
    }
    return {};
}

}  // namespace

result<place> place::of(const pool_settings& from) {
    auto url = sql::database_url::parse(from.url);
    if (!url) return std::move(url).error().with_context("MySQL setting url");
    if (url->kind != sql::database_kind::mysql) return wrong("it is no mysql: URL", "mysql://user@host/database");
    if (url->places.size() != 1) {
        return wrong("it names several hosts", "name one, and put several behind an upstream::service");
    }
    place made;
    made.ca_file = from.ca_file;
    made.certificate_file = from.certificate_file;
    made.key_file = from.key_file;
    made.user = url->user;
    made.password = url->password;
    made.database = url->database;
    tls_mode mode = from.tls;
    if (auto taken = take_options(*url, made, mode); !taken) return std::move(taken).error();
    const std::string& host = url->places.front().host;
    if (host.starts_with('/')) {
        if (!made.unix_socket.empty()) return wrong("it names two UNIX sockets", "name one");
        made.unix_socket = host;
    } else if (!made.unix_socket.empty()) {
        if (!host.empty()) return wrong("it names a host and a UNIX socket", "mysql:///database?socket=/path");
    } else {
        made.host = host.empty() ? "127.0.0.1" : host;
        made.port = url->places.front().port == 0 ? default_port : url->places.front().port;
    }
    if (made.certificate_file.empty() != made.key_file.empty()) {
        return wrong("a client certificate needs its key, and the other way round", "give both or none");
    }
    const bool is_near = !made.unix_socket.empty() || is_loopback(made.host);
    made.verify = mode == tls_mode::verify_full || (mode == tls_mode::automatic && !is_near);
    made.tls = made.verify || mode == tls_mode::without_verification;
    return made;
}

std::string place::to_text() const {
    return unix_socket.empty() ? net::host_and_port(host, port) : unix_socket;
}

}  // namespace lido::mysql

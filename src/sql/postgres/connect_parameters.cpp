#include "sql/postgres/connect_parameters.hpp"

#include "lido/sql/database_url.hpp"

#include <fmt/format.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>

#include <unistd.h>

namespace lido::postgres {
namespace {

error wrong(std::string what, std::string remedy) {
    return {lido::errc::invalid_argument, std::move(what), std::move(remedy)};
}

template <class T>
using words = std::initializer_list<std::pair<std::string_view, T>>;

template <class T>
result<T> choose(std::string_view name, std::string_view word, words<T> known) {
    for (const auto& [text, value] : known) {
        if (text == word) return value;
    }
    std::string allowed;
    for (const auto& each : known) allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", each.first);
    return wrong(fmt::format("database URL: option {}={} is not known", name, word),
                 fmt::format("choose one of {}", allowed));
}

constexpr std::string_view allowed_options =
    "sslmode, sslrootcert, sslcert, sslkey, application_name, role, host, transaction_pooling, shared_connections, "
    "pipeline_depth, shared_patience";

result<std::uint32_t> number(std::string_view name, std::string_view word) {
    std::uint32_t value = 0;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (code == std::errc() && end == word.data() + word.size()) return value;
    return wrong(fmt::format("database URL: option {} is no number", name), fmt::format("{}=8", name));
}

bool says_how_to_use(std::string_view name) noexcept {
    return name == "transaction_pooling" || name == "shared_connections" || name == "pipeline_depth" ||
           name == "shared_patience";
}

result<void> apply_use(const std::string& name, const std::string& value, settings& to) {
    if (name == "transaction_pooling") {
        auto on = choose<bool>(name, value, {{"on", true}, {"off", false}});
        if (!on) return std::move(on).error();
        to.transaction_pooling = *on;
        return {};
    }
    const auto amount = number(name, value);
    if (!amount) return amount.error();
    if (name == "shared_connections") to.shared_connections = *amount;
    if (name == "pipeline_depth") to.pipeline_depth = *amount;
    if (name == "shared_patience") to.shared_patience = std::chrono::milliseconds(*amount);
    return {};
}

result<void> apply_option(const std::string& name, const std::string& value, target& to) {
    if (says_how_to_use(name)) return {};  // see with_url_options
    if (name == "sslmode") {
        auto mode = choose<tls_mode>(name, value,
                                     {{"disable", tls_mode::disable},
                                      {"require", tls_mode::encrypt},
                                      {"verify-ca", tls_mode::verify_ca},
                                      {"verify-full", tls_mode::verify_full}});
        if (!mode) return std::move(mode).error();
        to.tls = *mode;
    } else if (name == "role" || name == "target_session_attrs") {
        auto role = choose<server_role>(name, value,
                                        {{"any", server_role::any},
                                         {"primary", server_role::primary},
                                         {"read-write", server_role::primary},
                                         {"replica", server_role::replica},
                                         {"standby", server_role::replica}});
        if (!role) return std::move(role).error();
        to.role = *role;
    } else if (name == "sslrootcert") {
        to.ca_file = value;
    } else if (name == "sslcert") {
        to.certificate_file = value;
    } else if (name == "sslkey") {
        to.key_file = value;
    } else if (name == "application_name") {
        to.application_name = value;
    } else if (name == "host") {
        for (sql::server_place& each : to.places) {
            if (each.host.empty()) each.host = value;
        }
    } else {
        return wrong(fmt::format("database URL: option {} is not known", name),
                     fmt::format("allowed are {}", allowed_options));
    }
    return {};
}

/// Where the system keeps its authorities; libpq 15 does not know. Empty: nowhere that is known.
const std::string& system_ca_file() {
    static const std::string found = [] {
        const std::array<const char*, 4> candidates{X509_get_default_cert_file(), "/etc/ssl/certs/ca-certificates.crt",
                                                    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
        const auto* const first = std::find_if(candidates.begin(), candidates.end(),
                                               [](const char* each) { return access(each, R_OK) == 0; });
        return first == candidates.end() ? std::string() : std::string(*first);
    }();
    return found;
}

std::string_view sslmode_of(tls_mode mode, bool nearby) noexcept {
    switch (mode) {
        case tls_mode::automatic:
            return nearby ? "disable" : "verify-full";
        case tls_mode::disable:
            return "disable";
        case tls_mode::encrypt:
            return "require";
        case tls_mode::verify_ca:
            return "verify-ca";
        case tls_mode::verify_full:
            break;
    }
    return "verify-full";
}

}  // namespace

result<target> read_target(const settings& from) {
    auto url = sql::database_url::parse(from.url);
    if (!url) return std::move(url).error();
    if (url->kind != sql::database_kind::postgres) {
        return wrong("database URL: it is not one of PostgreSQL", "postgresql://user@host/database");
    }
    target made;
    made.user = url->user;
    made.password = url->password;
    made.database = url->database;
    made.places = url->places;
    made.role = from.role;
    made.tls = from.tls;
    made.ca_file = from.ca_file;
    made.certificate_file = from.certificate_file;
    made.key_file = from.key_file;
    made.application_name = from.application_name;
    for (const auto& [name, value] : url->options) {
        if (auto applied = apply_option(name, value, made); !applied) return std::move(applied).error();
    }
    return made;
}

result<settings> with_url_options(settings from) {
    auto url = sql::database_url::parse(from.url);
    if (!url) return std::move(url).error();
    for (const auto& [name, value] : url->options) {
        if (!says_how_to_use(name)) continue;
        if (auto applied = apply_use(name, value, from); !applied) return std::move(applied).error();
    }
    return from;
}

bool is_unix_socket(const sql::server_place& place) noexcept {
    return place.host.empty() || place.host.front() == '/' || place.host.front() == '@';
}

bool is_loopback(std::string_view host, std::string_view address) noexcept {
    return host == "localhost" || address.starts_with("127.") || address == "::1";
}

connect_parameters::connect_parameters(const target& to, const sql::server_place& place, std::string_view address) {
    const bool nearby = is_unix_socket(place) || is_loopback(place.host, address);
    const std::string_view mode = sslmode_of(to.tls, nearby);
    // libpq takes what is empty here from its environment variables, which are the user's.
    add("host", place.host);
    add("hostaddr", std::string(address));
    add("port", place.port == 0 ? std::string() : fmt::format("{}", place.port));
    add("user", to.user);
    add("password", std::string(to.password.reveal()));
    add("dbname", to.database);
    add("application_name", to.application_name);
    add("client_encoding", "UTF8");
    add("sslmode", std::string(mode));
    if (mode.starts_with("verify")) add("sslrootcert", to.ca_file.empty() ? system_ca_file() : to.ca_file);
    add("sslcert", to.certificate_file);
    add("sslkey", to.key_file);
    add("ssl_min_protocol_version", "TLSv1.2");
    add("gssencmode", "disable");
    // Also bounds the blocking connect of PQcancel.
    add("tcp_user_timeout", "30000");
    add("keepalives_idle", "30");
    add("keepalives_interval", "10");
    add("target_session_attrs", "any");  // the role is looked at by Lido itself
    for (const auto& [name, value] : pairs_) {
        names_.push_back(name);
        values_.push_back(value.c_str());
    }
    names_.push_back(nullptr);
    values_.push_back(nullptr);
}

connect_parameters::~connect_parameters() {
    for (auto& [name, value] : pairs_) explicit_bzero(value.data(), value.size());
}

void connect_parameters::add(const char* name, std::string value) {
    if (!value.empty()) pairs_.emplace_back(name, std::move(value));
}

std::string_view connect_parameters::value_of(std::string_view name) const noexcept {
    for (const auto& [known, value] : pairs_) {
        if (known == name) return value;
    }
    return {};
}

}  // namespace lido::postgres

// Lido: how libpq is told where and how to connect.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/secret.hpp"
#include "lido/sql/database_url.hpp"
#include "lido/sql/postgres/settings.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::postgres {

/// Where and how to connect: settings and URL together, as they count.
struct target {
    std::string user;
    secret password;
    std::string database;
    std::vector<sql::server_place> places;
    server_role role = server_role::primary;
    tls_mode tls = tls_mode::automatic;
    std::string ca_file;
    std::string certificate_file;
    std::string key_file;
    std::string application_name;
};

/// `invalid_argument` naming what is wrong with the URL or an option of it.
[[nodiscard]] result<target> read_target(const settings& from);
/// The settings with those options of their URL that say how connections are used. Errors: as `read_target`.
[[nodiscard]] result<settings> with_url_options(settings from);

/// libpq's parameters. Their values hold the password: wiped when they die.
class connect_parameters {
public:
    /// `address`: of a TCP server, numeric; empty for a UNIX socket.
    connect_parameters(const target& to, const sql::server_place& place, std::string_view address);
    connect_parameters(connect_parameters&&) noexcept = default;
    ~connect_parameters();

    [[nodiscard]] const char* const* names() const noexcept { return names_.data(); }
    [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
    /// For tests; empty when it is not given.
    [[nodiscard]] std::string_view value_of(std::string_view name) const noexcept;

private:
    void add(const char* name, std::string value);

    std::vector<std::pair<const char*, std::string>> pairs_;
    std::vector<const char*> names_;
    std::vector<const char*> values_;
};

[[nodiscard]] bool is_unix_socket(const sql::server_place& place) noexcept;
/// "localhost", 127.0.0.0/8, ::1.
[[nodiscard]] bool is_loopback(std::string_view host, std::string_view address) noexcept;

}  // namespace lido::postgres

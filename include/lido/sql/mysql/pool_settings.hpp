// Lido: what can be set about a pool of MySQL or MariaDB connections.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/pool_settings.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace lido::mysql {

/// How a connection is protected.
enum class tls_mode : std::uint8_t {
    automatic,             ///< `verify_full`, but `disabled` for loopback addresses and UNIX sockets
    disabled,              ///< never
    verify_full,           ///< always, with a certificate of a trusted CA for the host that is named
    without_verification,  ///< always, with any certificate: anyone in between can read and change everything
};

struct pool_settings {
    /// "mysql://user:password@host:port/database", see `sql::database_url`; one host. Its options are
    /// `ssl-mode` (automatic, disabled, verify-full, without-verification), `ssl-ca`, `ssl-cert`, `ssl-key` and
    /// `socket` (the path of a UNIX socket, instead of the host); they count instead of the members below.
    std::string url;

    tls_mode tls = tls_mode::automatic;
    /// PEM files: trusted CAs (empty: the system's), this client's certificate and its key (both or none).
    std::string ca_file;
    std::string certificate_file;
    std::string key_file;

    sql::pool_settings pool;

    /// `invalid_argument` naming what is wrong; the password is never shown.
    [[nodiscard]] result<void> validate() const;
    /// Those for a URL and what all kinds of databases have in common. Errors: as `validate`.
    [[nodiscard]] static result<pool_settings> from(std::string_view url, const sql::pool_settings& common);
};

}  // namespace lido::mysql

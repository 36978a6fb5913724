// Lido: where a database is, as one line.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/secret.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::sql {

enum class database_kind : std::uint8_t { postgres, mysql, sqlite };

/// One place of a database server.
struct server_place {
    std::string host;  ///< a name, an address, or a folder of UNIX sockets that begins with '/'; empty: the default
    std::uint16_t port = 0;  ///< 0: the default
    [[nodiscard]] friend bool operator==(const server_place&, const server_place&) = default;
};

/// A database URL, taken apart:
///
///     postgresql://user:password@host1:5432,host2/database?sslmode=verify-full    (also postgres:)
///     mysql://user:password@host/database?ssl-ca=/path                            (also mariadb:)
///     sqlite:relative.db    sqlite:/absolute.db    sqlite::memory:    sqlite:file.db?mode=ro
///
/// Parts are percent-decoded. What the options after '?' mean is the kind's matter; each stands there once at most.
struct database_url {
    database_kind kind = database_kind::sqlite;
    std::string user;
    secret password;
    std::vector<server_place> places;  ///< at least one; none for SQLite
    std::string database;              ///< for SQLite the file, or ":memory:"
    std::vector<std::pair<std::string, std::string>> options;

    /// `invalid_argument` saying what is wrong, and never what the password is.
    [[nodiscard]] static result<database_url> parse(std::string_view text);
    /// Without the password, and without options that may hold one. What is not fit for a URL is percent-encoded.
    [[nodiscard]] std::string to_text() const;
    [[nodiscard]] std::optional<std::string_view> option(std::string_view name) const noexcept;
};

}  // namespace lido::sql

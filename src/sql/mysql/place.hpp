// Lido: where a server is, and how it is spoken to, worked out from the settings.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/secret.hpp"
#include "lido/sql/mysql/pool_settings.hpp"

#include <cstdint>
#include <string>

namespace lido::mysql {

/// All that a connect needs.
struct place {
    std::string host;         ///< empty with a socket
    std::uint16_t port = 0;   ///< 0: the default
    std::string unix_socket;  ///< empty: none
    std::string user;
    secret password;
    std::string database;
    bool tls = false;
    bool verify = false;
    std::string ca_file;
    std::string certificate_file;
    std::string key_file;

    /// `invalid_argument` naming the setting or the URL's option.
    [[nodiscard]] static result<place> of(const pool_settings& from);
    /// "db.example:3306" or the path of the socket.
    [[nodiscard]] std::string to_text() const;
};

}  // namespace lido::mysql

// Lido: a connection to a MySQL or MariaDB server.
#pragma once

#include "lido/base/task.hpp"
#include "lido/base/time.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/session.hpp"
#include "lido/sql/statement.hpp"
#include "lido/sql/value.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace lido::mysql {

/// A connection; see `sql::session` for what it can do. Made by `connector` only.
class session {
public:
    class implementation;

    explicit session(std::unique_ptr<implementation> made) noexcept;
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session();

    [[nodiscard]] task<result<sql::rows>> run(const sql::statement& what, const sql::parameters& with,
                                              time_point deadline);
    [[nodiscard]] task<result<void>> start(const sql::statement& what, const sql::parameters& with,
                                           time_point deadline);
    [[nodiscard]] task<result<bool>> fetch(sql::rows& into, time_point deadline);
    [[nodiscard]] sql::session_state state() const noexcept;

    /// The server's number for it, as in SHOW PROCESSLIST.
    [[nodiscard]] std::uint64_t id() const noexcept;
    /// "10.11.6-MariaDB", as the server says.
    [[nodiscard]] std::string server_version() const;
    /// "TLSv1.3", or empty when the connection is not protected.
    [[nodiscard]] std::string tls_version() const;
    /// "TLSv1.3 TLS_AES_256_GCM_SHA384", "none", or "not a network" for a UNIX socket.
    [[nodiscard]] std::string protection() const;

private:
    friend class connector;
    std::unique_ptr<implementation> implementation_;
};

}  // namespace lido::mysql

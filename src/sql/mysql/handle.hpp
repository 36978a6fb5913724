// Lido: libmariadb's handle of a connection.
#pragma once

#include <mysql.h>

#include <memory>

namespace lido::mysql {

/// Closes a connection politely, or at once when it was shut down before.
struct handle_closer {
    void operator()(MYSQL* handle) const noexcept { mysql_close(handle); }
};
using unique_handle = std::unique_ptr<MYSQL, handle_closer>;

}  // namespace lido::mysql

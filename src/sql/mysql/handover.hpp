// Lido: from libmariadb, which logs in, to Lido.
#pragma once

#include "lido/base/result.hpp"
#include "sql/channel.hpp"

#include <mysql.h>

namespace lido::mysql {

/// The socket, and its TLS where it has it, of a connection on which nothing is on its way. `connect_failed` where
/// libmariadb has read more than the login, or has a TLS that is none of OpenSSL's.
[[nodiscard]] result<sql::channel> channel_of(MYSQL* connected);

}  // namespace lido::mysql

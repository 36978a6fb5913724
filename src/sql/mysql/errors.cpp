#include "sql/mysql/errors.hpp"

#include "sql/remedy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lido::mysql {
namespace {

using sql::errc;

/// MariaDB's "Error Codes" page; where MySQL differs, both.
constexpr std::array<std::pair<unsigned, errc>, 54> numbers{{
    {1022, errc::unique_violation},
    {1062, errc::unique_violation},
    {1169, errc::unique_violation},
    {1586, errc::unique_violation},
    {1216, errc::foreign_key_violation},
    {1217, errc::foreign_key_violation},
    {1451, errc::foreign_key_violation},
    {1452, errc::foreign_key_violation},
    {1048, errc::not_null_violation},
    {1364, errc::not_null_violation},
    {3819, errc::check_violation},
    {4025, errc::check_violation},
    {1064, errc::syntax_error},
    {1149, errc::syntax_error},
    {1210, errc::syntax_error},
    {1049, errc::no_such_object},
    {1051, errc::no_such_object},
    {1054, errc::no_such_object},
    {1146, errc::no_such_object},
    {1305, errc::no_such_object},
    {1044, errc::permission_denied},
    {1142, errc::permission_denied},
    {1143, errc::permission_denied},
    {1227, errc::permission_denied},
    {1370, errc::permission_denied},
    {1045, errc::authentication_failed},
    {1130, errc::authentication_failed},
    {1251, errc::authentication_failed},
    {1698, errc::authentication_failed},
    {1862, errc::authentication_failed},
    {1040, errc::too_many_connections},
    {1203, errc::too_many_connections},
    {1226, errc::too_many_connections},
    {1792, errc::read_only},
    {1836, errc::read_only},
    {1213, errc::deadlock},
    {1614, errc::deadlock},
    {1020, errc::serialization_failure},
    {1205, errc::lock_timeout},
    {3572, errc::lock_timeout},
    {1317, errc::statement_cancelled},
    {1927, errc::statement_cancelled},
    {1969, errc::statement_cancelled},
    {3024, errc::statement_cancelled},
    {1264, errc::invalid_value},
    {1292, errc::invalid_value},
    {1366, errc::invalid_value},
    {1406, errc::invalid_value},
    {1021, errc::disk_full},
    {1114, errc::disk_full},
    {1053, errc::shutting_down},
    {1077, errc::shutting_down},
    {1194, errc::corrupt},
    {1712, errc::corrupt},
}};

/// "The MariaDB server is running with the %s option so it cannot execute this statement".
constexpr unsigned prevented_by_option = 1290;

/// In all languages the option is named as it is: --read-only, --super-read-only; but also --secure-file-priv.
bool is_about_read_only(std::string_view message) noexcept {
    return message.find("read-only") != std::string_view::npos || message.find("read_only") != std::string_view::npos;
}

/// What a message quotes of the values that it refuses is left out; the names of columns and keys behind stay.
std::string without_value(unsigned number, std::string_view message) {
    // Duplicate entry '…' for key 'k'; Incorrect integer value: '…' for column `c` at row 1; Truncated incorrect … '…'
    constexpr std::array quoting{1062U, 1292U, 1366U, 1411U, 1525U, 1586U};
    if (std::find(quoting.begin(), quoting.end(), number) == quoting.end()) return std::string(message);
    const std::size_t from = message.find('\'');
    std::size_t to = message.rfind("' for ");
    if (to == std::string_view::npos || to <= from) to = message.rfind('\'');
    if (from == std::string_view::npos || to <= from) return std::string(message);
    return fmt::format("{}…{}", message.substr(0, from + 1), message.substr(to));
}

}  // namespace

errc errc_of(unsigned number, std::string_view state, std::string_view message) noexcept {
    if (number == prevented_by_option) return is_about_read_only(message) ? errc::read_only : errc::permission_denied;
    const auto known =
        std::find_if(numbers.begin(), numbers.end(), [number](const auto& each) { return each.first == number; });
    return known != numbers.end() ? known->second : sql::errc_of_sqlstate(state);
}

bool means_lost(unsigned number) noexcept {
    // CR_SERVER_GONE_ERROR, CR_SERVER_LOST, CR_COMMANDS_OUT_OF_SYNC, CR_SERVER_LOST_EXTENDED, ER_CONNECTION_KILLED, and
    // the server's broken packets: after none of them anything is certain about what comes next.
    constexpr std::array lost{2006U, 2013U, 2014U, 2027U, 2055U, 1927U, 1158U, 1159U, 1160U, 1161U};
    return std::find(lost.begin(), lost.end(), number) != lost.end();
}

error make_error(unsigned number, std::string_view state, std::string_view message) {
    if (means_lost(number) && number >= 2000) {
        return {lido::errc::maybe_executed,
                fmt::format("the connection to the database broke before the answer came ({}: {})", number, message)};
    }
    const errc meaning = errc_of(number, state, message);
    return {meaning, fmt::format("{} ({}, SQLSTATE {})", without_value(number, message), number, state),
            sql::remedy_of(meaning)};
}

error make_connect_error(unsigned number, std::string_view state, std::string_view message, std::string_view where) {
    const errc meaning = errc_of(number, state, message);
    constexpr unsigned tls_failed = 2026;
    if (number == tls_failed) {
        return {lido::errc::tls_failed, fmt::format("connect to {}: {}", where, message),
                "check the CA (ssl-ca), the host name, or whether the server offers TLS"};
    }
    constexpr unsigned plugin_not_allowed = 5010;
    if (number == plugin_not_allowed) {
        return {
            errc::authentication_failed,
            fmt::format("connect to {}: the server wants the password as it is, over a connection without TLS", where),
            "connect with ssl-mode=verify-full; if the server has no such user, somebody else may be answering"};
    }
    if (number >= 2000) {
        return {lido::errc::connect_failed, fmt::format("connect to {}: {} ({})", where, message, number)};
    }
    return {meaning, fmt::format("connect to {}: {} ({})", where, message, number), sql::remedy_of(meaning)};
}

}  // namespace lido::mysql

// Lido: what stands in the packets of a MySQL server's answer.
#pragma once

#include "lido/sql/session.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lido::mysql {

// The flags of the server's status that count here.
constexpr std::uint16_t status_in_transaction = 0x0001;
constexpr std::uint16_t status_autocommit = 0x0002;
constexpr std::uint16_t status_more_results = 0x0008;

/// A statement has been executed, and has no rows; or a ping.
struct ok_packet {
    std::uint64_t affected = 0;
    std::uint64_t last_insert_id = 0;
    std::uint16_t status = 0;
};

/// The server's error.
struct refusal {
    unsigned number = 0;
    std::string state;  ///< SQLSTATE
    std::string message;
};

/// A statement that was prepared.
struct prepared_packet {
    std::uint32_t id = 0;
    std::uint16_t columns = 0;
    std::uint16_t parameters = 0;
};

/// A result is about to come.
struct result_packet {
    std::size_t columns = 0;
    bool has_definitions = true;  ///< false: they are those that came last (MariaDB)
};

// Each gives nothing for a packet that is not of its form.

/// What follows the flags (warnings, a message, changes of the session) is not looked at: nobody needs it, and servers
/// and proxies differ there. `first`: its first byte, which is another one at the end of rows where that has this form.
[[nodiscard]] std::optional<ok_packet> read_ok(std::string_view packet, std::uint8_t first = 0x00) noexcept;
/// The status at the end of definitions or rows (EOF).
[[nodiscard]] std::optional<std::uint16_t> read_end(std::string_view packet) noexcept;
/// Errors with numbers that only clients have are none.
[[nodiscard]] std::optional<refusal> read_refusal(std::string_view packet);
[[nodiscard]] std::optional<prepared_packet> read_prepared(std::string_view packet) noexcept;
[[nodiscard]] std::optional<result_packet> read_result(std::string_view packet) noexcept;

/// How far a statement of MariaDB's has come: it looks like an error, and says nothing.
[[nodiscard]] bool is_progress(std::string_view packet) noexcept;

/// Idle or open, by the server's flags.
[[nodiscard]] sql::session_state state_of(std::uint16_t status) noexcept;
/// Does a statement alone last? Otherwise it begins a transaction.
[[nodiscard]] constexpr bool commits_by_itself(std::uint16_t status) noexcept {
    return (status & status_autocommit) != 0;
}

}  // namespace lido::mysql

#include "sql/mysql/answer_packets.hpp"

#include "sql/mysql/packet_body.hpp"

namespace lido::mysql {
namespace {

constexpr std::uint8_t first_of_ok = 0x00;
constexpr std::uint8_t first_of_end = 0xfe;
constexpr std::uint8_t first_of_refusal = 0xff;
constexpr std::size_t size_of_state = 5;
/// Servers stop at 4096.
constexpr std::uint64_t most_columns = 0xffff;

}  // namespace

std::optional<ok_packet> read_ok(std::string_view packet, std::uint8_t first) noexcept {
    packet_body from(packet);
    if (from.byte() != first) return std::nullopt;
    ok_packet made;
    made.affected = from.length();
    made.last_insert_id = from.length();
    made.status = from.number16();
    if (from.failed()) return std::nullopt;
    return made;
}

std::optional<std::uint16_t> read_end(std::string_view packet) noexcept {
    packet_body from(packet);
    if (from.byte() != first_of_end) return std::nullopt;
    static_cast<void>(from.number16());  // warnings
    const std::uint16_t status = from.number16();
    if (!from.is_complete()) return std::nullopt;
    return status;
}

std::optional<refusal> read_refusal(std::string_view packet) {
    packet_body from(packet);
    if (from.byte() != first_of_refusal) return std::nullopt;
    refusal made;
    made.number = from.number16();
    made.state = "HY000";
    if (from.is_next('#')) made.state = from.bytes(1 + size_of_state).substr(from.failed() ? 0 : 1);
    made.message = from.rest();
    // Any other may be: SIGNAL lets a procedure say 2013, which is a library's own, or 65535.
    if (from.failed() || made.number == 0) return std::nullopt;
    return made;
}

std::optional<prepared_packet> read_prepared(std::string_view packet) noexcept {
    packet_body from(packet);
    if (from.byte() != first_of_ok) return std::nullopt;
    prepared_packet made;
    made.id = from.number32();
    made.columns = from.number16();
    made.parameters = from.number16();
    if (from.failed()) return std::nullopt;  // warnings follow
    return made;
}

std::optional<result_packet> read_result(std::string_view packet) noexcept {
    packet_body from(packet);
    result_packet made;
    const std::uint64_t columns = from.length();
    if (columns == 0 || columns > most_columns) return std::nullopt;
    made.columns = static_cast<std::size_t>(columns);
    // Only a MariaDB that keeps definitions has this byte.
    if (from.left() > 0) {
        const std::uint8_t follow = from.byte();
        if (follow > 1) return std::nullopt;
        made.has_definitions = follow == 1;
    }
    if (!from.is_complete()) return std::nullopt;
    return made;
}

bool is_progress(std::string_view packet) noexcept {
    packet_body from(packet);
    if (from.byte() != first_of_refusal || from.number16() != 0xffff || from.failed()) return false;
    return !from.is_next('#');  // an error has its SQLSTATE there
}

sql::session_state state_of(std::uint16_t status) noexcept {
    return (status & status_in_transaction) != 0 ? sql::session_state::open : sql::session_state::idle;
}

}  // namespace lido::mysql

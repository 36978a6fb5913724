#include "sql/mysql/result_shape.hpp"

#include "sql/mysql/packet_body.hpp"

#include <utility>

namespace lido::mysql {
namespace {

constexpr std::size_t size_field = 4;
/// The 4096 columns that a server has at most, with names as long as they may be, have less than half of that.
constexpr std::size_t most_bytes = std::size_t{16} * 1024 * 1024;
/// Between two results.
constexpr std::size_t most_kept = std::size_t{64} * 1024;
constexpr std::size_t size_of_fixed = 12;
constexpr std::uint16_t unsigned_flag = 0x20;
/// The number of the character set "binary": what distinguishes bytes from text.
constexpr std::uint16_t binary_character_set = 63;

bool has_bytes(column_type type, std::uint16_t character_set) noexcept {
    switch (type) {
        case column_type::bit:
        case column_type::vector:
            return true;
        case column_type::tiny_blob:
        case column_type::medium_blob:
        case column_type::long_blob:
        case column_type::blob:
        case column_type::var_string:
        case column_type::string:
        case column_type::varchar:
        case column_type::geometry:
            return character_set == binary_character_set;
        default:
            return false;  // decimals, dates and times
    }
}

bool is_known(column_type type) noexcept {
    switch (type) {
        case column_type::old_decimal:
        case column_type::int8:
        case column_type::int16:
        case column_type::int32:
        case column_type::real32:
        case column_type::real64:
        case column_type::null:
        case column_type::timestamp:
        case column_type::int64:
        case column_type::int24:
        case column_type::date:
        case column_type::time:
        case column_type::datetime:
        case column_type::year:
        case column_type::new_date:
        case column_type::varchar:
        case column_type::bit:
        case column_type::vector:
        case column_type::json:
        case column_type::decimal:
        case column_type::enumeration:
        case column_type::set:
        case column_type::tiny_blob:
        case column_type::medium_blob:
        case column_type::long_blob:
        case column_type::blob:
        case column_type::var_string:
        case column_type::string:
        case column_type::geometry:
            return true;
    }
    return false;  // the byte came from the server
}

bool read_definition(std::string_view packet, std::string& name, result_column& into) {
    packet_body from(packet);
    for (int skipped = 0; skipped < 4; ++skipped)
        static_cast<void>(from.text());  // catalogue, schema, table and its name
    name = from.text();
    static_cast<void>(from.text());  // the column's own name
    // MariaDB's words about types that are none of the protocol's.
    if (from.left() > 1 + size_of_fixed) static_cast<void>(from.text());
    if (from.length() != size_of_fixed) return false;
    const std::uint16_t character_set = from.number16();
    static_cast<void>(from.number32());  // the longest value
    into.type = static_cast<column_type>(from.byte());
    into.is_unsigned = (from.number16() & unsigned_flag) != 0;
    into.decimals = from.byte();
    static_cast<void>(from.number16());
    into.is_binary = has_bytes(into.type, character_set);
    return from.is_complete() && is_known(into.type);
}

}  // namespace

void column_definitions::clear() noexcept {
    all_.clear();
    if (all_.capacity() > most_kept) all_ = std::string();
}

bool column_definitions::add(std::string_view packet) {
    if (all_.size() + packet.size() > most_bytes) return false;
    append_number(all_, packet.size(), size_field);
    all_.append(packet);
    return true;
}

std::shared_ptr<const result_shape> column_definitions::shape(const std::shared_ptr<const result_shape>& known) {
    if (known != nullptr && known->definitions == all_) {
        all_.clear();
        return known;
    }
    auto made = std::make_shared<result_shape>();
    auto names = std::make_shared<std::vector<std::string>>();
    for (packet_body from(all_); from.left() > 0;) {
        const std::string_view packet = from.bytes(from.number32());
        if (!read_definition(packet, names->emplace_back(), made->columns.emplace_back())) return nullptr;
    }
    made->names = std::move(names);
    made->definitions = std::exchange(all_, {});
    return made;
}

}  // namespace lido::mysql

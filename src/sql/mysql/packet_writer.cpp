#include "sql/mysql/packet_writer.hpp"

#include "sql/mysql/packet_body.hpp"
#include "sql/mysql/parameter_encoding.hpp"

#include <cstring>

namespace lido::mysql {
namespace {

enum class command : std::uint8_t {
    query = 0x03,
    ping = 0x0e,
    prepare = 0x16,
    execute = 0x17,
    close_statement = 0x19,
    reset_connection = 0x1f,
};

/// Without a cursor.
constexpr std::uint8_t no_flags = 0;

void put_header(char* at, std::size_t size, std::size_t number) noexcept {
    at[0] = static_cast<char>(size & 0xffU);
    at[1] = static_cast<char>(size >> 8U & 0xffU);
    at[2] = static_cast<char>(size >> 16U);
    at[3] = static_cast<char>(number & 0xffU);
}

}  // namespace

/// A command that is being written: how many packets it needs is known at its end.
class packet_writer::one {
public:
    one(packet_writer& of, command what) : of_(of), begin_(of.to_.size()) {
        of_.to_.append(packet_header_size, '\0');
        of_.to_.push_back(static_cast<char>(what));
    }
    one(const one&) = delete;
    one& operator=(const one&) = delete;

    void end() {
        const std::size_t size = of_.to_.size() - begin_ - packet_header_size;
        const std::size_t further = size / most_of_packet;
        if (further > 0) part(size, further);
        put_header(of_.to_.data() + begin_, further > 0 ? most_of_packet : size, 0);
        of_.next_number_ = static_cast<std::uint8_t>(further + 1);
    }

private:
    /// Makes room for the headers of its further pieces, the last piece first.
    void part(std::size_t size, std::size_t further) {
        of_.to_.append(further * packet_header_size, '\0');
        char* const body = of_.to_.data() + begin_ + packet_header_size;
        for (std::size_t piece = further; piece > 0; --piece) {
            const std::size_t from = piece * most_of_packet;
            const std::size_t length = piece == further ? size - from : most_of_packet;
            char* const to = body + from + piece * packet_header_size;
            std::memmove(to, body + from, length);
            put_header(to - packet_header_size, length, piece);
        }
    }

    packet_writer& of_;
    std::size_t begin_;
};

void packet_writer::prepare(std::string_view text) {
    one made(*this, command::prepare);
    to_.append(text);
    made.end();
}

void packet_writer::execute(std::uint32_t statement, const sql::parameters& with) {
    constexpr std::uint32_t once = 1;
    one made(*this, command::execute);
    append_number(to_, statement, 4);
    append_number(to_, no_flags, 1);
    append_number(to_, once, 4);
    append_parameters(to_, with);
    made.end();
}

void packet_writer::close_statement(std::uint32_t statement) {
    one made(*this, command::close_statement);
    append_number(to_, statement, 4);
    made.end();
}

void packet_writer::query(std::string_view text) {
    one made(*this, command::query);
    to_.append(text);
    made.end();
}

void packet_writer::ping() {
    one(*this, command::ping).end();
}

void packet_writer::reset_connection() {
    one(*this, command::reset_connection).end();
}

}  // namespace lido::mysql

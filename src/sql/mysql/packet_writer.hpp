// Lido: the commands that a MySQL server is sent.
#pragma once

#include "lido/sql/value.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lido::mysql {

/// The length and the number.
constexpr std::size_t packet_header_size = 4;
/// A packet that has so many bytes goes on in the next one.
constexpr std::size_t most_of_packet = 0xff'ffff;

/// Appends commands to a text, each in as many packets as it needs. No I/O.
class packet_writer {
public:
    explicit packet_writer(std::string& to) noexcept : to_(to) {}

    void prepare(std::string_view text);
    /// `with` has one value for each placeholder, and `check_parameters` allows them.
    void execute(std::uint32_t statement, const sql::parameters& with);
    /// The server does not answer.
    void close_statement(std::uint32_t statement);
    /// A statement as text.
    void query(std::string_view text);
    void ping();
    void reset_connection();

    /// The number that the answer's first packet has.
    [[nodiscard]] std::uint8_t next_number() const noexcept { return next_number_; }

private:
    class one;
    std::string& to_;
    std::uint8_t next_number_ = 0;
};

}  // namespace lido::mysql

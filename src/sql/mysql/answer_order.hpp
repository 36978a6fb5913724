// Lido: in which order a MySQL server answers.
#pragma once

#include "sql/mysql/answer_packets.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lido::mysql {

/// What a command's answer consists of.
enum class answer_kind : std::uint8_t {
    acknowledged,  ///< an OK: a ping, a reset
    prepared,      ///< a statement's number, and the definitions of its parameters and columns
    binary,        ///< results of a prepared statement
    text,          ///< results of a statement that was sent as text
};

/// Where the server is in its answer to a command. It decides what each packet of the answer means, and which one has
/// no place there. An ordinary value; rows and definitions are not looked into.
class answer_order {
public:
    /// Without `ends_definitions` the definitions have no packet behind them, and the end of rows has the form of an OK
    /// (CLIENT_DEPRECATE_EOF).
    answer_order(answer_kind kind, bool ends_definitions) noexcept : kind_(kind), ends_definitions_(ends_definitions) {}

    enum class meaning : std::uint8_t {
        out_of_order,
        nothing,          ///< a step that brings nothing
        acknowledged,     ///< see `ok`
        prepared,         ///< see `prepared`; definitions may follow
        result,           ///< see `result`; definitions may follow
        definition,       ///< of a column
        row,              ///< of a result
        rows_ended,       ///< of a result
        refused,          ///< see `read_refusal`; the answer's end
        asks_for_a_file,  ///< which it is not given
    };
    [[nodiscard]] meaning take(std::string_view packet) noexcept;

    // What the packets of that meaning have said.
    [[nodiscard]] const ok_packet& ok() const noexcept { return ok_; }
    [[nodiscard]] const prepared_packet& prepared() const noexcept { return prepared_; }
    [[nodiscard]] const result_packet& result() const noexcept { return result_; }
    /// The server's flags, in its last packet that had any.
    [[nodiscard]] std::uint16_t status() const noexcept { return status_; }

    /// Definitions of columns, or their end, are still to come.
    [[nodiscard]] bool is_defining() const noexcept { return stage_ == stage::columns || stage_ == stage::columns_end; }
    /// Nothing more comes of it.
    [[nodiscard]] bool has_ended() const noexcept { return stage_ == stage::ended; }

private:
    enum class stage : std::uint8_t { head, parameters, parameters_end, columns, columns_end, rows, ended };
    [[nodiscard]] meaning take_head(std::string_view packet) noexcept;
    [[nodiscard]] meaning take_prepared(std::string_view packet) noexcept;
    [[nodiscard]] meaning take_ok(std::string_view packet) noexcept;
    [[nodiscard]] meaning take_result(std::string_view packet) noexcept;
    [[nodiscard]] meaning take_definition(meaning as, stage end) noexcept;
    [[nodiscard]] meaning take_definitions_end(std::string_view packet) noexcept;
    [[nodiscard]] meaning take_row(std::string_view packet) noexcept;
    /// Behind an OK or the end of rows there may be another result.
    void end_result(std::uint16_t status) noexcept;
    /// After what ends definitions, or would.
    void go_on() noexcept;
    void expect_columns(std::size_t count) noexcept;

    answer_kind kind_;
    bool ends_definitions_;
    stage stage_ = stage::head;
    std::size_t left_ = 0;  // definitions
    ok_packet ok_;
    prepared_packet prepared_;
    result_packet result_;
    std::uint16_t status_ = 0;
};

}  // namespace lido::mysql

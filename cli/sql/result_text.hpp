// Lido: results of queries as text.
#pragma once

#include "lido/sql/rows.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lido::cli::sql {

enum class result_form { table, json, csv };

/// A result as text, piece by piece while it comes. A table for people, whose columns are as wide as its first rows
/// want; `{"columns": […], "rows": [[…]], "affected": n}`; or CSV (RFC 4180) with a line of names, where NULL is empty
/// and empty text is quoted. Bytes are hexadecimal behind \x.
class result_text {
public:
    /// Rows of a table that are held back to see how wide its columns are, and bytes of them.
    static constexpr std::size_t rows_looked_at = 1000;
    static constexpr std::size_t bytes_looked_at = std::size_t{1} << 20;

    explicit result_text(result_form form) noexcept : form_(form) {}

    /// The text of further rows.
    [[nodiscard]] std::string add(const lido::sql::rows& more);
    /// What is left when the result has ended.
    [[nodiscard]] std::string finish();

private:
    void take_columns(const lido::sql::rows& from, std::string& to);
    void add_table_row(const lido::sql::row& from, std::string& to);
    void add_table_line(const std::string* cells, std::string& to) const;
    void release_held(std::string& to);

    result_form form_;
    bool begun_ = false;
    std::vector<std::string> names_;
    std::uint64_t rows_ = 0;
    std::uint64_t affected_ = 0;
    // Of a table.
    std::vector<std::size_t> widths_;
    std::vector<std::string> held_;  ///< cells that are looked at
    std::size_t held_bytes_ = 0;
    bool widths_are_fixed_ = false;
};

}  // namespace lido::cli::sql

// Lido: the columns of a prepared statement's result, and the cells that come in them.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/rows.hpp"

#include <mysql.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lido::mysql {

/// Where libmariadb puts a row, and how that becomes cells. Must not move while a result is fetched.
class result_columns {
public:
    result_columns() = default;
    result_columns(const result_columns&) = delete;
    result_columns& operator=(const result_columns&) = delete;

    /// Takes the columns of an executed statement and binds them. False: libmariadb refused.
    [[nodiscard]] bool bind(MYSQL_STMT* statement);
    void add_names(sql::rows& to) const;
    /// Appends the row that was fetched last. False: libmariadb could not hand out a column.
    [[nodiscard]] bool append(MYSQL_STMT* statement, sql::rows& to);

private:
    enum class kind : std::uint8_t { integer, unsigned_integer, real, text, bytes };
    struct column {
        std::string name;
        kind what = kind::text;
        std::int64_t integer = 0;
        double real = 0.0;
        unsigned long size = 0;
        my_bool is_null = 0;
        my_bool is_cut = 0;
    };
    [[nodiscard]] static kind kind_of(const MYSQL_FIELD& field) noexcept;
    [[nodiscard]] bool append_text(MYSQL_STMT* statement, std::size_t number, sql::rows& to);

    std::vector<column> columns_;
    std::vector<MYSQL_BIND> binds_;
    std::string buffer_;
};

}  // namespace lido::mysql

#include "sql/sqlite/keyword.hpp"

#include "sql/keyword.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace lido::sqlite {

using sql::first_keyword;

bool looks_like_reading(std::string_view statement) {
    if (statement.starts_with("SELECT ") || statement.starts_with("select ")) return true;  // nearly all of them
    constexpr std::array<std::string_view, 4> reading{"SELECT", "VALUES", "WITH", "EXPLAIN"};
    return std::find(reading.begin(), reading.end(), first_keyword(statement)) != reading.end();
}

}  // namespace lido::sqlite

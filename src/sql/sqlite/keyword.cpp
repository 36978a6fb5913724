#include "sql/sqlite/keyword.hpp"

#include "sql/keyword.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace lido::sqlite {

using sql::first_keyword;
using sql::without_gap;

transaction_end ends_transaction(std::string_view statement) {
    const std::string keyword = first_keyword(statement);
    if (keyword == "COMMIT" || keyword == "END") return transaction_end::commit;
    if (keyword != "ROLLBACK") return transaction_end::none;
    // ROLLBACK [TRANSACTION] [TO [SAVEPOINT] name]
    std::string_view rest = without_gap(statement).substr(keyword.size());
    std::string next = first_keyword(rest);
    if (next == "TRANSACTION") {
        rest = without_gap(rest).substr(next.size());
        next = first_keyword(rest);
    }
    return next == "TO" ? transaction_end::none : transaction_end::rollback;
}

bool looks_like_reading(std::string_view statement) {
    if (statement.starts_with("SELECT ") || statement.starts_with("select ")) return true;  // nearly all of them
    constexpr std::array<std::string_view, 4> reading{"SELECT", "VALUES", "WITH", "EXPLAIN"};
    return std::find(reading.begin(), reading.end(), first_keyword(statement)) != reading.end();
}

}  // namespace lido::sqlite

#include "sql/sqlite/keyword.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace lido::sqlite {
namespace {

constexpr std::size_t longest = 16;

[[nodiscard]] bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Without leading white space, comments and empty statements.
std::string_view without_gap(std::string_view text) {
    while (!text.empty()) {
        std::size_t end = 0;
        if (text.starts_with("--")) {
            end = text.find('\n');
        } else if (text.starts_with("/*")) {
            end = text.find("*/", 2);
            if (end != std::string_view::npos) ++end;
        } else if (std::string_view(" \t\r\n\f;").find(text.front()) == std::string_view::npos) {
            return text;
        }
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    return text;
}

}  // namespace

std::string first_keyword(std::string_view statement) {
    const std::string_view text = without_gap(statement);
    std::string word;
    for (const char c : text.substr(0, longest)) {
        if (!is_letter(c)) break;
        word.push_back(static_cast<char>(c & ~0x20));
    }
    return word;
}

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
    constexpr std::array<std::string_view, 4> reading{"SELECT", "VALUES", "WITH", "EXPLAIN"};
    return std::find(reading.begin(), reading.end(), first_keyword(statement)) != reading.end();
}

}  // namespace lido::sqlite

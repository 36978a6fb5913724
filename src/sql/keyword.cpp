#include "sql/keyword.hpp"

#include <cstddef>

namespace lido::sql {
namespace {

constexpr std::size_t longest = 16;
/// SQLite passes over it wherever white space may be.
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

[[nodiscard]] bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// What no keyword has, and a name may have.
[[nodiscard]] bool is_part_of_name(char c) noexcept {
    return (c >= '0' && c <= '9') || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::string_view without_gap(std::string_view text) {
    while (!text.empty()) {
        std::size_t end = 0;
        if (text.starts_with("--")) {
            end = text.find('\n');
        } else if (text.starts_with("/*")) {
            end = text.find("*/", 2);
            if (end != std::string_view::npos) ++end;
        } else if (text.starts_with(byte_order_mark)) {
            end = byte_order_mark.size() - 1;
        } else if (std::string_view(" \t\r\n\v\f;").find(text.front()) == std::string_view::npos) {
            return text;
        }
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    return text;
}

std::string first_keyword(std::string_view statement) {
    const std::string_view text = without_gap(statement);
    std::string word;
    for (const char c : text.substr(0, longest)) {
        if (is_part_of_name(c)) return {};
        if (!is_letter(c)) break;
        word.push_back(static_cast<char>(c & ~0x20));
    }
    return word;
}

transaction_end ends_transaction(std::string_view statement) {
    const std::string keyword = first_keyword(statement);
    if (keyword == "COMMIT" || keyword == "END") return transaction_end::commit;
    if (keyword != "ROLLBACK") return transaction_end::none;
    // ROLLBACK [TRANSACTION | WORK] [TO [SAVEPOINT] name]
    std::string_view rest = without_gap(statement).substr(keyword.size());
    std::string next = first_keyword(rest);
    if (next == "TRANSACTION" || next == "WORK") {
        rest = without_gap(rest).substr(next.size());
        next = first_keyword(rest);
    }
    return next == "TO" ? transaction_end::none : transaction_end::rollback;
}

}  // namespace lido::sql

#include "sql/postgres/statement_kind.hpp"

#include <algorithm>
#include <array>

namespace lido::postgres {
namespace {

constexpr char upper(char of) noexcept {
    return of >= 'a' && of <= 'z' ? static_cast<char>(of - 'a' + 'A') : of;
}

constexpr bool is_letter(char of) noexcept {
    return upper(of) >= 'A' && upper(of) <= 'Z';
}

}  // namespace

bool may_share_connection(std::string_view text) noexcept {
    constexpr std::array<std::string_view, 8> words{"SELECT", "INSERT", "UPDATE", "DELETE",
                                                    "WITH",   "VALUES", "MERGE",  "TABLE"};
    if (text.starts_with("SELECT ") || text.starts_with("select ")) return true;  // nearly all of them
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return false;
    text.remove_prefix(begin);
    return std::any_of(words.begin(), words.end(), [text](std::string_view word) {
        if (text.size() <= word.size() || is_letter(text[word.size()]) || text[word.size()] == '_') return false;
        return std::equal(word.begin(), word.end(), text.begin(),
                          [](char wanted, char given) { return wanted == upper(given); });
    });
}

}  // namespace lido::postgres

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

/// Begins the text with the word, in any case, and not with a longer one?
constexpr bool begins_with(std::string_view text, std::string_view word) noexcept {
    if (text.size() <= word.size() || is_letter(text[word.size()]) || text[word.size()] == '_') return false;
    return std::equal(word.begin(), word.end(), text.begin(),
                      [](char wanted, char given) { return wanted == upper(given); });
}

/// SELECT … INTO makes a table, which may be the session's own. The word may also stand in quotes or a comment, or
/// behind INSERT; that costs the statement no more than its place on a shared connection, while what is taken for
/// quotes by mistake would cost the session.
constexpr bool may_select_into(std::string_view text) noexcept {
    bool inside_name = false;
    for (; !text.empty(); text.remove_prefix(1)) {
        if (!inside_name && begins_with(text, "INTO")) return true;
        // A digit may stand right before a word, and so may the end of a text in dollars.
        inside_name =
            is_letter(text.front()) || text.front() == '_' || static_cast<unsigned char>(text.front()) >= 0x80;
    }
    return false;
}

}  // namespace

bool may_share_connection(std::string_view text) noexcept {
    constexpr std::array<std::string_view, 6> harmless{"INSERT", "UPDATE", "DELETE", "VALUES", "MERGE", "TABLE"};
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return false;
    text.remove_prefix(begin);
    if (begins_with(text, "SELECT") || begins_with(text, "WITH")) return !may_select_into(text);
    return std::any_of(harmless.begin(), harmless.end(),
                       [text](std::string_view word) { return begins_with(text, word); });
}

}  // namespace lido::postgres

#include "sql/statement_text.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>

namespace lido::cli::sql {
namespace {

bool is_of_word(char c) noexcept {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

/// How much of `text`, which is not empty, is a comment, a quoted text or name, or PostgreSQL's $tag$ text; 0: nothing.
std::size_t size_of_aside(std::string_view text) noexcept {
    const auto up_to = [text](std::string_view end, std::size_t from) {
        const std::size_t found = text.find(end, from);
        return found == std::string_view::npos ? text.size() : found + end.size();
    };
    if (text.starts_with("--")) return up_to("\n", 2);
    if (text.starts_with("/*")) return up_to("*/", 2);
    const char first = text.front();
    if (first == '\'' || first == '"' || first == '`') return up_to(text.substr(0, 1), 1);
    if (first != '$') return 0;
    const std::size_t end = text.find('$', 1);
    if (end == std::string_view::npos ||
        !std::all_of(text.begin() + 1, text.begin() + static_cast<long>(end), is_of_word)) {
        return 0;
    }
    return up_to(text.substr(0, end + 1), end + 1);
}

/// Takes the next word away from `text`; empty at its end. In small letters.
std::string next_word(std::string_view& text) {
    while (!text.empty() && !is_of_word(text.front())) {
        text.remove_prefix(std::max<std::size_t>(size_of_aside(text), 1));
    }
    std::string word;
    for (; !text.empty() && is_of_word(text.front()); text.remove_prefix(1)) {
        word += static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    }
    return word;
}

}  // namespace

bool only_reads(std::string_view statement) {
    const std::string first = next_word(statement);
    return first == "select" || first == "values";
}

bool brings_rows(std::string_view statement) {
    std::string word = next_word(statement);
    if (word == "select" || word == "with" || word == "values" || word == "table") return true;
    for (; !word.empty(); word = next_word(statement)) {
        if (word == "returning") return true;
    }
    return false;
}

}  // namespace lido::cli::sql

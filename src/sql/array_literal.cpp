#include "sql/array_literal.hpp"

namespace lido::sql {
namespace {

using elements = std::vector<std::optional<std::string>>;

error not_an_array(std::string_view why) {
    return {lido::errc::invalid_argument, std::string("not a one-dimensional array: ").append(why)};
}

bool is_space(char of) noexcept {
    return of == ' ' || (of >= '\t' && of <= '\r');
}

/// NULL in any case.
bool is_null_word(std::string_view word) noexcept {
    constexpr std::string_view null_word = "null";
    if (word.size() != null_word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if ((word[i] | 0x20) != null_word[i]) return false;
    }
    return true;
}

/// Reads one element at a time from what stands between the braces.
class element_reader {
public:
    explicit element_reader(std::string_view inside) noexcept : rest_(inside) {}

    [[nodiscard]] result<std::optional<std::string>> next() {
        skip_spaces();
        if (!rest_.empty() && rest_.front() == '"') return quoted();
        return plain();
    }
    /// Is there another one? Takes the comma before it.
    [[nodiscard]] result<bool> more() {
        skip_spaces();
        if (rest_.empty()) return false;
        if (rest_.front() != ',') return not_an_array("something stands behind an element");
        rest_.remove_prefix(1);
        return true;
    }

private:
    void skip_spaces() noexcept {
        while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    }
    [[nodiscard]] result<std::optional<std::string>> quoted() {
        std::string text;
        for (rest_.remove_prefix(1); !rest_.empty() && rest_.front() != '"'; rest_.remove_prefix(1)) {
            if (rest_.front() == '\\') rest_.remove_prefix(1);
            if (rest_.empty()) break;
            text.push_back(rest_.front());
        }
        if (rest_.empty()) return not_an_array("a quote is not closed");
        rest_.remove_prefix(1);
        return std::optional<std::string>(std::move(text));
    }
    [[nodiscard]] result<std::optional<std::string>> plain() {
        std::string text;
        bool escaped = false;
        while (!rest_.empty() && rest_.front() != ',') {
            char each = rest_.front();
            if (each == '{' || each == '}' || each == '"')
                return not_an_array("it has a nested array or a stray quote");
            if (each == '\\') {
                rest_.remove_prefix(1);
                if (rest_.empty()) return not_an_array("it ends in a backslash");
                each = rest_.front();
                escaped = true;
            }
            text.push_back(each);
            rest_.remove_prefix(1);
        }
        while (!text.empty() && is_space(text.back())) text.pop_back();
        if (text.empty()) return not_an_array("an element is empty");
        if (!escaped && is_null_word(text)) return std::optional<std::string>();
        return std::optional<std::string>(std::move(text));
    }

    std::string_view rest_;
};

}  // namespace

result<elements> parse_array_literal(std::string_view text) {
    if (text.size() < 2 || text.front() != '{' || text.back() != '}') return not_an_array("it has no braces");
    const std::string_view inside = text.substr(1, text.size() - 2);
    elements all;
    if (inside.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos) return all;
    element_reader reader(inside);
    while (true) {
        auto element = reader.next();
        if (!element) return std::move(element).error();
        all.push_back(std::move(*element));
        const auto more = reader.more();
        if (!more) return more.error();
        if (!*more) return all;
    }
}

std::string to_array_literal(const elements& from) {
    std::string text = "{";
    for (const std::optional<std::string>& each : from) {
        if (text.size() > 1) text.push_back(',');
        if (!each) {
            text += "NULL";
            continue;
        }
        text.push_back('"');
        for (const char character : *each) {
            if (character == '"' || character == '\\') text.push_back('\\');
            text.push_back(character);
        }
        text.push_back('"');
    }
    text.push_back('}');
    return text;
}

}  // namespace lido::sql

#include "sql/parameter.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

namespace lido::cli::sql {
namespace {

template <class Number>
std::optional<Number> whole(std::string_view text) {
    Number value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

lido::sql::value parameter_of(std::string_view word) {
    if (word == "null:") return lido::sql::null;
    if (word.starts_with("text:")) return word.substr(5);
    if (const auto number = whole<std::int64_t>(word)) return *number;
    // "nan" and "inf" are words.
    if (const auto real = whole<double>(word); real && std::isfinite(*real)) return *real;
    return word;
}

}  // namespace lido::cli::sql

#include "sql/parameter.hpp"

#include <fmt/format.h>

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
    // Only what is written back as it was given: "0123" is somebody's telephone number, "1.10" somebody's money.
    if (const auto number = whole<std::int64_t>(word); number && fmt::to_string(*number) == word) return *number;
    // "nan" and "inf" are words.
    const auto real = whole<double>(word);
    if (real && std::isfinite(*real) && fmt::to_string(*real) == word) return *real;
    return word;
}

}  // namespace lido::cli::sql

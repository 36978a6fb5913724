// Lido: what the value of an option does, for the usual kinds.
#pragma once

#include "command_error.hpp"
#include "command_line.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::cli {

// Each stores into `target`, which must outlive the command line.

[[nodiscard]] inline command_line::setter text_into(std::string& target) {
    return [&target](std::string_view, const std::string& value) { target = value; };
}

[[nodiscard]] inline command_line::setter time_into(duration& target, duration least, duration most) {
    return [&target, least, most](std::string_view option, const std::string& value) {
        target = duration_value(option, value, least, most);
    };
}

template <class Number>
[[nodiscard]] command_line::setter count_into(Number& target, std::uint64_t least, std::uint64_t most) {
    return [&target, least, most](std::string_view option, const std::string& value) {
        target = static_cast<Number>(count_value(option, value, least, most));
    };
}

/// One of several words, each of which means a value.
template <class T>
[[nodiscard]] command_line::setter one_of(T& target, std::vector<std::pair<std::string, T>> choices) {
    return [&target, choices = std::move(choices)](std::string_view option, const std::string& value) {
        std::string names;
        for (const auto& [name, meaning] : choices) {
            if (name == value) {
                target = meaning;
                return;
            }
            names += names.empty() ? name : (name == choices.back().first ? " or " : ", ") + name;
        }
        throw usage_error(fmt::format("{} must be {}, got '{}'", option, names, value));
    };
}

}  // namespace lido::cli

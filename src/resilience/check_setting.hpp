// Lido: what is said about a setting that is out of range, the same for all policies.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace lido::resilience {

/// Checks the settings of one policy; remembers the first that is out of range.
class setting_check {
public:
    /// `policy` is what the messages call it ("retry budget") and must outlive the check.
    explicit setting_check(std::string_view policy) noexcept : policy_(policy) {}

    /// `lowest` … `highest`, both included; NaN is out of range.
    template <class Number>
    setting_check& number(std::string_view name, Number value, Number lowest, Number highest) {
        if (!(value >= lowest && value <= highest)) {
            refuse(name, fmt::format("{}", value), fmt::format("{} … {}", lowest, highest));
        }
        return *this;
    }

    setting_check& time(std::string_view name, duration value, duration lowest, duration highest) {
        if (value < lowest || value > highest) {
            refuse(name, to_text(value), fmt::format("{} … {}", to_text(lowest), to_text(highest)));
        }
        return *this;
    }

    /// For what is more than a range of one setting.
    setting_check& holds(bool condition, std::string_view name, const std::string& value, std::string_view range) {
        if (!condition) refuse(name, value, range);
        return *this;
    }

    [[nodiscard]] result<void> outcome() {
        if (problem_) return std::move(*problem_);
        return {};
    }

private:
    void refuse(std::string_view name, const std::string& value, std::string_view range) {
        if (problem_) return;
        problem_.emplace(errc::invalid_argument,
                         fmt::format("{} setting {} = {} is out of range {}", policy_, name, value, range),
                         fmt::format("set {} within {}", name, range));
    }

    std::string_view policy_;
    std::optional<error> problem_;
};

}  // namespace lido::resilience

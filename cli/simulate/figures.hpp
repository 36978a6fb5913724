// Lido: numbers for people.
#pragma once

#include "lido/base/time.hpp"

#include <cstdint>
#include <string>

namespace lido::cli::simulate {

/// "1,234,567"
[[nodiscard]] std::string grouped(std::uint64_t value);
/// "0.045 ms", "1.24 ms", "12.4 ms", "1,240 ms", "12.4 s": three digits or so.
[[nodiscard]] std::string in_milliseconds(duration value);
/// "12,345", below a hundred with a digit after the point: "4.5".
[[nodiscard]] std::string as_rate(double per_second);
/// "10.0 s", "1 min 10 s"
[[nodiscard]] std::string in_seconds(duration value);
/// "1.4 MB"
[[nodiscard]] std::string in_bytes(std::uint64_t value);

/// Both for division by what may be zero: then it is zero.
[[nodiscard]] double per(double amount, double divisor) noexcept;
[[nodiscard]] double seconds_of(duration value) noexcept;

}  // namespace lido::cli::simulate

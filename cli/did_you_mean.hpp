// Lido: the name that was probably meant.
#pragma once

#include <span>
#include <string_view>

namespace lido::cli {

/// The name that differs least from `given`, by insertions, deletions, replacements and swaps of neighbours; empty when
/// none is near: when more than a third of it would have to change.
[[nodiscard]] std::string_view did_you_mean(std::string_view given, std::span<const std::string_view> names);

}  // namespace lido::cli

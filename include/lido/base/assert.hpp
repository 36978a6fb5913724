// Lido: assertions that stay on in release builds.
#pragma once

#include <source_location>

namespace lido::detail {

/// Prints the broken condition with its place on standard error and aborts: after a broken invariant of the pool any
/// further step could hand one borrower's data to the next.
[[noreturn]] void assertion_failed(const char* condition, std::source_location where) noexcept;

}  // namespace lido::detail

/// Aborts when `condition` is false, in every build. For invariants and preconditions, never for input from outside.
#define LIDO_ASSERT(condition)             \
    (static_cast<bool>(condition) ? void() \
                                  : ::lido::detail::assertion_failed(#condition, std::source_location::current()))

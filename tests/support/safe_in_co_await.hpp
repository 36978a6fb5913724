// Lido: what GCC 12 can have inside a co_await expression.
#pragma once

#include <type_traits>

namespace lido::test {

/// True when an object of `T` may be made by braces inside a `co_await` expression. GCC 12.2 destroys a temporary of
/// aggregate type there twice; a trivial destructor makes that harmless, and a class with constructors of its own is
/// not an aggregate. Assert it for every public type that users write there.
template <class T>
inline constexpr bool lido_safe_in_co_await = !std::is_aggregate_v<T> || std::is_trivially_destructible_v<T>;

}  // namespace lido::test

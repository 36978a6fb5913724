// Lido: is this build watched by a sanitizer, and so several times slower?
#pragma once

namespace lido::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

/// ThreadSanitizer ends a child process that starts threads.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool children_have_one_thread = true;
#else
inline constexpr bool children_have_one_thread = false;
#endif

}  // namespace lido::test

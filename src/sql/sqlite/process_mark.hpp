// Lido: telling a process from its child.
#pragma once

#include <cstdint>

namespace lido::sqlite {

/// A number that stays the same in one process and is another one in a child that it forks, however it does that: the
/// kernel wipes the page on which the number is (MADV_WIPEONFORK). Never 0. Costs a few nanoseconds, where getpid is a
/// system call.
[[nodiscard]] std::uint64_t process_mark() noexcept;

}  // namespace lido::sqlite

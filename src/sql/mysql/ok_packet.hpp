// Lido: the server's flags in its OK packet, for the answers in which libmariadb does not look.
#pragma once

#include <optional>
#include <span>

namespace lido::mysql {

/// The status flags (SERVER_STATUS_…). Nothing when that is no OK packet, or ends before its flags.
[[nodiscard]] std::optional<unsigned> flags_of_ok(std::span<const unsigned char> packet) noexcept;

}  // namespace lido::mysql

// What a person wrote, to be shown again.
#pragma once

#include <string>
#include <string_view>

namespace lido::cli {

/// The word with *** in place of what may be a password: between the user's name and the last '@' of what looks like a
/// URL, or behind "password=".
[[nodiscard]] std::string without_password(std::string_view word);

}  // namespace lido::cli

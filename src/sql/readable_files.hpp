// Lido: are the files that settings name there?
#pragma once

#include "lido/base/result.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace lido::sql {

/// A file, and the setting that names it; an empty path is not looked at.
struct named_file {
    std::string_view setting;
    const std::string& path;
};

/// `tls_failed` naming the first that cannot be read: the drivers' own messages do not say which, or go on without it.
[[nodiscard]] result<void> check_readable(std::initializer_list<named_file> files);

}  // namespace lido::sql

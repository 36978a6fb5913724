#include "sql/readable_files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace lido::sql {

result<void> check_readable(std::initializer_list<named_file> files) {
    for (const named_file& each : files) {
        if (each.path.empty() || ::access(each.path.c_str(), R_OK) == 0) continue;
        return error(lido::errc::tls_failed, fmt::format("{} {}: {}", each.setting, each.path, std::strerror(errno)),
                     "correct the path, or allow this user to read the file");
    }
    return {};
}

}  // namespace lido::sql

#include "lido/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace lido::detail {

void assertion_failed(const char* condition, std::source_location where) noexcept {
    std::fprintf(stderr, "%s:%u: %s: assertion failed: %s\n", where.file_name(), where.line(), where.function_name(),
                 condition);
    std::abort();
}

}  // namespace lido::detail

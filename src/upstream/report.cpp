#include "lido/upstream/report.hpp"

namespace lido::upstream {

std::string_view name_of(membership value) noexcept {
    switch (value) {
        case membership::active:
            return "active";
        case membership::draining:
            return "draining";
    }
    return "unknown";
}

}  // namespace lido::upstream

// Lido: versions of HTTP for people.
#pragma once

#include "lido/http/response.hpp"

#include <string_view>

namespace lido::cli {

[[nodiscard]] constexpr std::string_view name_of_protocol(http::version version) noexcept {
    switch (version) {
        case http::version::http_1_0:
            return "HTTP/1.0";
        case http::version::http_1_1:
            return "HTTP/1.1";
        case http::version::http_2:
            return "HTTP/2";
    }
    return "HTTP";
}

}  // namespace lido::cli

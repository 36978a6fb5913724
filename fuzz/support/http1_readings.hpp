// What three parsers of HTTP/1.1 make of the same bytes: Lido's, http_parser 2.9 (what Node.js had up to version 12)
// and Boost.Beast's. In one form, so that it can be compared.
#pragma once

#include "lido/http/method.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::fuzz {

/// One final response, read from all the bytes and the end of the connection behind them.
struct http1_reading {
    bool accepted = false;
    std::string refusal;   ///< in the parser's words; empty when accepted
    bool cut_off = false;  ///< not accepted because it wants more than there is
    unsigned status = 0;
    int minor = 0;  ///< of HTTP/1.minor
    std::string reason;
    std::vector<std::pair<std::string, std::string>> fields;  ///< with trailers behind; values without blanks around
    std::string body;
    std::size_t consumed = 0;  ///< bytes, interim responses and their like included
    bool keep_alive = false;   ///< may the connection be used again, as far as the response says
};

[[nodiscard]] http1_reading read_by_lido(std::string_view text, const http::method& request);
[[nodiscard]] http1_reading read_by_http_parser(std::string_view text, const http::method& request);
[[nodiscard]] http1_reading read_by_beast(std::string_view text, const http::method& request);

}  // namespace lido::fuzz

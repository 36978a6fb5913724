// Lido: responses and times for tests of the cache.
#pragma once

#include "http/freshness.hpp"
#include "http/response_reader.hpp"
#include "http/stored_response.hpp"
#include "lido/base/assert.hpp"

#include <ctime>
#include <string>
#include <string_view>

namespace lido::http::test {

inline constexpr time_point first_moment{std::chrono::hours(1000)};
inline constexpr std::chrono::sys_seconds first_wall =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(12);

/// An HTTP-date so long after `first_wall`.
inline std::string http_date(std::chrono::seconds after = std::chrono::seconds(0)) {
    const std::time_t when = std::chrono::system_clock::to_time_t(first_wall + after);
    std::tm parts{};
    gmtime_r(&when, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

/// A response as a server sends it: `lines` of its head, each with its line end, and a body, whose length is added.
inline response made_response(unsigned status, std::string_view lines, std::string_view body = "") {
    static const http_limits limits;
    std::string text = "HTTP/1.1 " + std::to_string(status) + " Some Reason\r\n" + std::string(lines);
    const bool has_body = status != 204 && status != 304;
    if (has_body) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text += "\r\n";
    if (has_body) text += body;
    response_reader reader;
    reader.reset(method::get, limits);
    reader.feed(text);
    LIDO_ASSERT(reader.state() == read_state::complete);
    return reader.take();
}

/// Asked for and answered in no time, so long after the first moment.
inline cache_arrival arrived(std::chrono::seconds after = std::chrono::seconds(0)) {
    return {first_moment + after, first_moment + after, first_wall + after};
}

}  // namespace lido::http::test

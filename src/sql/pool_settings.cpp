#include "lido/sql/pool_settings.hpp"

#include <fmt/format.h>

namespace lido::sql {
namespace {

error wrong(std::string_view name, const std::string& value, std::string_view range) {
    return {lido::errc::invalid_argument,
            fmt::format("database pool setting {} = {} is out of range {}", name, value, range),
            fmt::format("choose {} within {}", name, range)};
}

result<void> check(std::string_view name, std::size_t value, std::size_t lowest, std::size_t highest) {
    if (value >= lowest && value <= highest) return {};
    return wrong(name, fmt::format("{}", value), fmt::format("{} … {}", lowest, highest));
}

}  // namespace

result<void> pool_settings::validate() const {
    using namespace std::chrono_literals;
    constexpr std::size_t kibibyte = 1024;
    constexpr std::size_t mebibyte = kibibyte * kibibyte;
    if (auto valid = connections.validate(); !valid) return valid;
    if (statement_timeout < 1ms || statement_timeout > 24h) {
        return wrong("statement_timeout", to_text(statement_timeout), "1 ms … 24 h");
    }
    if (auto valid = check("max_result_bytes", max_result_bytes, kibibyte, 2048 * mebibyte); !valid) return valid;
    if (auto valid = check("max_statement_bytes", max_statement_bytes, kibibyte, 1024 * mebibyte - 5); !valid)
        return valid;
    if (auto valid = check("statement_cache", statement_cache, 0, 10'000); !valid) return valid;
    if (auto valid = check("stream_rows", stream_rows, 1, 100'000); !valid) return valid;
    if (look_up_interval != duration::zero() && (look_up_interval < 1s || look_up_interval > 24h)) {
        return wrong("look_up_interval", to_text(look_up_interval), "1 s … 24 h, or 0");
    }
    return check("stream_bytes", stream_bytes, kibibyte, 64 * mebibyte);
}

}  // namespace lido::sql

#include "lido/pool/settings.hpp"

#include <fmt/format.h>

namespace lido::pool {
namespace {

using namespace std::chrono_literals;

constexpr duration days(long count) {
    return count * 24h;
}

error out_of_range(std::string_view field, const std::string& value, const std::string& range) {
    return {errc::invalid_argument, fmt::format("pool setting {} = {} is out of range {}", field, value, range),
            fmt::format("choose {} within {}", field, range)};
}

template <class Number>
std::optional<error> check_number(std::string_view field, Number value, Number lowest, Number highest) {
    if (value >= lowest && value <= highest) return std::nullopt;
    return out_of_range(field, fmt::format("{}", value), fmt::format("{} ... {}", lowest, highest));
}

enum class endless : bool { refused, allowed };

std::optional<error> check_duration(std::string_view field, duration value, duration lowest, duration highest,
                                    endless forever = endless::refused) {
    if (forever == endless::allowed && value == settings::forever) return std::nullopt;
    if (value >= lowest && value <= highest) return std::nullopt;
    const char* note = forever == endless::allowed ? ", or forever" : "";
    return out_of_range(field, value == settings::forever ? "forever" : to_text(value),
                        fmt::format("{} ... {}{}", to_text(lowest), to_text(highest), note));
}

}  // namespace

result<void> settings::validate() const {
    if (name.empty() || name.size() > 100) {
        return out_of_range("name", fmt::format("a text of {} characters", name.size()), "1 ... 100 characters");
    }
    for (const std::optional<error>& problem : {
             check_number<std::size_t>("max_size", max_size, 1, 100'000),
             check_number<std::size_t>("min_size", min_size, 0, max_size),
             max_idle == unlimited ? std::nullopt : check_number<std::size_t>("max_idle", max_idle, min_size, 100'000),
             check_number<std::size_t>("max_waiters", max_waiters, 1, 10'000'000),
             check_number<std::size_t>("max_overflow", max_overflow, 1, 100'000),
             check_duration("acquire_timeout", acquire_timeout, 1ms, 1h),
             check_duration("down_fail_fast", down_fail_fast, 0ms, 1h),
             check_duration("priority_ageing", priority_ageing, 0ms, 1h),
             check_duration("idle_timeout", idle_timeout, 1ms, days(30), endless::allowed),
             check_duration("max_lifetime", max_lifetime, 1ms, days(365), endless::allowed),
             check_number("lifetime_jitter", lifetime_jitter, 0.0, 0.5),
             check_number<std::uint64_t>("max_uses", max_uses, 0, 1'000'000'000'000'000),
             check_duration("check_after_idle", check_after_idle, 0ms, days(30), endless::allowed),
             check_duration("keep_alive", keep_alive, 1ms, days(30), endless::allowed),
             check_duration("check_timeout", check_timeout, 1ms, 10min),
             check_duration("connect_timeout", connect_timeout, 1ms, 10min),
             check_number<std::uint32_t>("expected_capacity", expected_capacity, 1, 1'000'000),
             check_number<std::size_t>("max_concurrent_connects", max_concurrent_connects, 1, 1000),
             check_duration("close_timeout", close_timeout, 1ms, 10min),
             check_duration("drain_timeout", drain_timeout, 0ms, 1h),
             check_duration("leak_after", leak_after, 1ms, days(30), endless::allowed),
         }) {
        if (problem) return *problem;
    }
    const auto* adaptive = std::get_if<adaptive_sizing>(&sizing);
    if (budget != nullptr && adaptive == nullptr) {
        return error(errc::invalid_argument, "pool setting budget needs an adaptive sizing",
                     "set sizing to adaptive_sizing::by_load(), or leave the budget out");
    }
    if (budget != nullptr && on_full == when_full::overflow) {
        return error(errc::invalid_argument, "pool setting budget allows no overflow",
                     "set on_full to wait or fail, or leave the budget out");
    }
    if (adaptive != nullptr) {
        if (auto valid = adaptive->validate(); !valid) return valid;
    }
    return back_off.validate();
}

}  // namespace lido::pool

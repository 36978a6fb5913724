#include "simulate/record.hpp"

#include "simulate/figures.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace lido::cli::simulate {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::string_view format = "lido workload 1";
/// Whole numbers up to here are exact in JSON.
constexpr double largest_count = 9e15;

std::string times_text(const pool::measured_times& times) {
    const auto milliseconds = [](duration value) { return seconds_of(value) * 1000.0; };
    return fmt::format(
        R"({{"mean": {:.6f}, "variation": {:.4f}, "p50": {:.6f}, "p95": {:.6f}, "p99": {:.6f}, "max": {:.6f}}})",
        milliseconds(times.mean), times.variation, milliseconds(times.p50), milliseconds(times.p95),
        milliseconds(times.p99), milliseconds(times.max));
}

/// Reads numbers and remembers the first that is wrong.
class reader {
public:
    explicit reader(const json::object& from) : from_(from) {}

    [[nodiscard]] double number(std::string_view name, double most) { return number_in(from_, {}, name, most); }
    [[nodiscard]] std::size_t count(std::string_view name) {
        const double value = number(name, largest_count);
        if (value != std::floor(value)) refuse(fmt::format("{} must be a whole number, got {}", name, value));
        return static_cast<std::size_t>(value);
    }
    [[nodiscard]] pool::measured_times times(std::string_view name) {
        pool::measured_times read;
        const json::value* const found = from_.if_contains(json::string_view(name.data(), name.size()));
        if (found == nullptr || !found->is_object()) {
            refuse(fmt::format("{} must be an object", name));
            return read;
        }
        const json::object& inner = found->get_object();
        constexpr double most = 1e12;
        const auto time = [&](std::string_view part) {
            return duration(static_cast<duration::rep>(number_in(inner, name, part, most) * 1e6));
        };
        read.mean = time("mean");
        read.variation = number_in(inner, name, "variation", 1000.0);
        read.p50 = time("p50");
        read.p95 = time("p95");
        read.p99 = time("p99");
        read.max = time("max");
        return read;
    }
    void refuse(const std::string& what) {
        if (!problem_) problem_.emplace(errc::invalid_argument, what, "record the run again");
    }
    [[nodiscard]] std::optional<error>& problem() noexcept { return problem_; }

private:
    [[nodiscard]] double number_in(const json::object& in, std::string_view of, std::string_view name, double most) {
        const json::value* const found = in.if_contains(json::string_view(name.data(), name.size()));
        const std::string path = of.empty() ? std::string(name) : fmt::format("{}.{}", of, name);
        if (found == nullptr || !found->is_number()) {
            refuse(fmt::format("{} must be a number", path));
            return 0.0;
        }
        const double value = found->to_number<double>();
        if (value >= 0.0 && value <= most) return value;
        refuse(fmt::format("{} must be 0 … {:g}, got {:g}", path, most, value));
        return 0.0;
    }

    const json::object& from_;
    std::optional<error> problem_;
};

}  // namespace

pool::workload workload_of(const options& asked, const leg_report& leg) {
    pool::workload made;
    made.length = leg.elapsed;
    made.requests = leg.counts.requests();
    made.failed = leg.counts.failed();
    made.users = asked.num_users;
    made.pool_size = asked.effective_pool_size();
    made.peak_in_use = leg.pool.peak_in_use;
    made.arrival_variation = leg.counts.arrival_variation();
    made.response = pool::measured_times::of(leg.counts.latency());
    made.wait = pool::measured_times::of(leg.pool.wait);
    made.connect = pool::measured_times::of(leg.pool.connect);
    made.service = made.response;
    made.service.mean = std::max<duration>(made.response.mean - made.wait.mean, 1us);
    // The variance of a sum of what is independent is the sum of the variances.
    const double response = made.response.variation * seconds_of(made.response.mean);
    const double wait = made.wait.variation * seconds_of(made.wait.mean);
    made.service.variation =
        std::sqrt(std::max(response * response - wait * wait, 0.0)) / seconds_of(made.service.mean);
    return made;
}

std::string workload_text(const pool::workload& record) {
    return fmt::format(
        "{{\"format\": \"{}\",\n"
        " \"length_seconds\": {:.6f}, \"requests\": {}, \"failed\": {}, \"users\": {},\n"
        " \"pool_size\": {}, \"peak_in_use\": {}, \"mean_in_use\": {:.4f}, \"utilisation\": {:.4f},\n"
        " \"arrivals_per_second\": {:.4f}, \"arrival_variation\": {:.4f},\n"
        " \"service_ms\": {},\n \"wait_ms\": {},\n \"response_ms\": {},\n \"connect_ms\": {}}}\n",
        format, seconds_of(record.length), record.requests, record.failed, record.users, record.pool_size,
        record.peak_in_use, record.concurrency(), record.utilisation(), record.arrival_rate(), record.arrival_variation,
        times_text(record.service), times_text(record.wait), times_text(record.response), times_text(record.connect));
}

result<pool::workload> read_workload(std::string_view text) {
    if (text.size() > most_record_bytes) {
        return error(errc::invalid_argument, fmt::format("it has more than {} bytes", most_record_bytes),
                     "give a file that lido simulate --record has written");
    }
    boost::system::error_code failure;
    json::parse_options strict;
    strict.max_depth = 4;
    const json::value whole = json::parse(json::string_view(text.data(), text.size()), failure, {}, strict);
    const json::object* const found = failure ? nullptr : whole.if_object();
    const json::value* const kind = found == nullptr ? nullptr : found->if_contains("format");
    if (kind == nullptr || !kind->is_string() || std::string_view(kind->get_string().c_str()) != format) {
        return error(errc::invalid_argument, fmt::format("it is no record of the format \"{}\"", format),
                     "give a file that lido simulate --record has written");
    }
    reader from(*found);
    pool::workload read;
    read.length = duration(static_cast<duration::rep>(from.number("length_seconds", 1e9) * 1e9));
    read.requests = from.count("requests");
    read.failed = from.count("failed");
    read.users = from.count("users");
    read.pool_size = from.count("pool_size");
    read.peak_in_use = from.count("peak_in_use");
    read.arrival_variation = from.number("arrival_variation", 1000.0);
    read.service = from.times("service_ms");
    read.wait = from.times("wait_ms");
    read.response = from.times("response_ms");
    read.connect = from.times("connect_ms");
    if (from.problem()) return *std::move(from.problem());
    if (auto valid = read.validate(); !valid) return std::move(valid).error();
    return read;
}

}  // namespace lido::cli::simulate

#include "simulate/tally.hpp"

#include "command_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace lido::cli::simulate {
namespace {

std::size_t kind_of(const error& failure) noexcept {
    const std::error_code code = failure.code();
    if (code.category() != error_category()) return 0;
    const auto value = static_cast<std::size_t>(code.value());
    return value < tally::error_kinds ? value : 0;
}

}  // namespace

void tally::record(const result<http::response>& outcome, time_point begin, time_point end) {
    last_end_ = end;
    if (outcome) {
        latency_.record(end - begin);
        const std::size_t status = std::min<std::size_t>(outcome->status(), status_limit - 1);
        ++statuses_[status];
        bytes_ += outcome->body().size();
        if (status < 400) ++succeeded_;
        return;
    }
    ++failed_;
    const std::size_t kind = kind_of(outcome.error());
    if (errors_[kind]++ == 0) examples_[kind] = in_words_of_options(outcome.error());
}

void tally::record_gap(duration gap) noexcept {
    const double length = std::chrono::duration<double>(gap).count();
    gaps_ += 1.0;
    gap_sum_ += length;
    gap_squares_ += length * length;
}

double tally::arrival_variation() const noexcept {
    if (gaps_ < 10.0 || gap_sum_ <= 0.0) return 1.0;
    const double mean = gap_sum_ / gaps_;
    return std::sqrt(std::max(gap_squares_ / gaps_ - mean * mean, 0.0)) / mean;
}

void tally::merge(const tally& other) {
    latency_.merge(other.latency_);
    last_end_ = std::max(last_end_, other.last_end_);
    failed_ += other.failed_;
    succeeded_ += other.succeeded_;
    unfinished_ += other.unfinished_;
    slow_ += other.slow_;
    cycles_ += other.cycles_;
    bytes_ += other.bytes_;
    gaps_ += other.gaps_;
    gap_sum_ += other.gap_sum_;
    gap_squares_ += other.gap_squares_;
    for (std::size_t i = 0; i < status_limit; ++i) statuses_[i] += other.statuses_[i];
    for (std::size_t i = 0; i < error_kinds; ++i) {
        errors_[i] += other.errors_[i];
        if (examples_[i].empty()) examples_[i] = other.examples_[i];
    }
}

std::string_view tally::name_of_error(std::size_t kind) noexcept {
    return kind == 0 ? "other" : name_of(static_cast<errc>(kind));
}

std::string tally::main_cause() const {
    const auto error = std::max_element(errors_.begin(), errors_.end());
    const auto status = std::max_element(statuses_.begin(), statuses_.end());
    const auto kind = static_cast<std::size_t>(std::distance(errors_.begin(), error));
    if (*error >= *status) return fmt::format("{} × {}: {}", *error, name_of_error(kind), examples_[kind]);
    return fmt::format("{} × status {}; see that the URL and the method are right", *status,
                       std::distance(statuses_.begin(), status));
}

}  // namespace lido::cli::simulate

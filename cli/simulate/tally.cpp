#include "simulate/tally.hpp"

#include "command_error.hpp"
#include "lido/sql/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace lido::cli::simulate {
namespace {

constexpr std::size_t first_of_databases = tally::error_kinds / 2;

std::size_t kind_of(const error& failure) noexcept {
    const std::error_code code = failure.code();
    const auto value = static_cast<std::size_t>(code.value());
    if (value >= first_of_databases) return 0;
    if (code.category() == error_category()) return value;
    if (code.category() != lido::sql::error_category() || failure == lido::sql::errc::other) return 0;
    return first_of_databases + value;
}

}  // namespace

void tally::record(const result<answer>& outcome, time_point begin, time_point end) {
    last_end_ = end;
    if (outcome) {
        latency_.record(end - begin);
        const std::size_t status = std::min<std::size_t>(outcome->status, status_limit - 1);
        if (status < 400) ++succeeded_;
        if (status != 0) {
            ++statuses_[status];
            bytes_ += outcome->bytes;
        } else {
            ++(outcome->wrote ? statements_.writing : statements_.reading);
            statements_.rows += outcome->rows;
            statements_.changed += outcome->changed;
        }
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
    statements_.reading += other.statements_.reading;
    statements_.writing += other.statements_.writing;
    statements_.rows += other.statements_.rows;
    statements_.changed += other.statements_.changed;
    for (std::size_t i = 0; i < status_limit; ++i) statuses_[i] += other.statuses_[i];
    for (std::size_t i = 0; i < error_kinds; ++i) {
        errors_[i] += other.errors_[i];
        if (examples_[i].empty()) examples_[i] = other.examples_[i];
    }
}

std::string_view tally::name_of_error(std::size_t kind) noexcept {
    if (kind == 0) return "other";
    if (kind < first_of_databases) return name_of(static_cast<errc>(kind));
    return lido::sql::name_of(static_cast<lido::sql::errc>(kind - first_of_databases));
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

// Lido: the load of a simulation as a record, for `lido tune`.
#pragma once

#include "lido/pool/workload.hpp"
#include "simulate/report.hpp"

#include <string>
#include <string_view>

namespace lido::cli::simulate {

/// What a leg with one pool has measured. How long connections were held follows from response times and waits, which
/// are independent of each other where callers are served in turn; of its quantiles only upper bounds are known.
[[nodiscard]] pool::workload workload_of(const options& asked, const leg_report& leg);

/// The record as a JSON object of fixed size, see docs/guide/tune.md.
[[nodiscard]] std::string workload_text(const pool::workload& record);

/// The inverse. Errors: `invalid_argument`, saying what is missing, wrong or out of range. Not for more than
/// `most_record_bytes`.
[[nodiscard]] result<pool::workload> read_workload(std::string_view text);
inline constexpr std::size_t most_record_bytes = 64 * 1024;

}  // namespace lido::cli::simulate

#include "lido/sql/postgres/settings.hpp"

#include "sql/postgres/connect_parameters.hpp"

#include <fmt/format.h>

namespace lido::postgres {
namespace {

error wrong(std::string_view name, const std::string& value, std::string_view range) {
    return {lido::errc::invalid_argument,
            fmt::format("PostgreSQL setting {} = {} is out of range {}", name, value, range),
            fmt::format("choose {} within {}", name, range)};
}

result<void> check_use(const settings& of) {
    using namespace std::chrono_literals;
    if (of.pipeline_depth < 1 || of.pipeline_depth > 256) {
        return wrong("pipeline_depth", fmt::format("{}", of.pipeline_depth), "1 … 256");
    }
    if (of.shared_connections > 1000) {
        return wrong("shared_connections", fmt::format("{}", of.shared_connections), "0 … 1000");
    }
    if (of.shared_patience < 1ms || of.shared_patience > 1h) {
        return wrong("shared_patience", to_text(of.shared_patience), "1 ms … 1 h");
    }
    if (of.transaction_pooling && of.pool.reset == sql::reset_policy::full) {
        return error(lido::errc::invalid_argument,
                     "PostgreSQL setting transaction_pooling does not go with reset_policy::full",
                     "choose reset_policy::rollback: the proxy resets its sessions itself");
    }
    return {};
}

}  // namespace

result<void> settings::validate() const {
    if (auto valid = pool.validate(); !valid) return valid;
    const auto to = read_target(*this);
    if (!to) return to.error();
    if (to->application_name.size() > 63) {
        return wrong("application_name", fmt::format("a text of {} bytes", to->application_name.size()),
                     "0 … 63 bytes");
    }
    const auto counting = with_url_options(*this);
    if (!counting) return counting.error();
    return check_use(*counting);
}

result<settings> settings::from(std::string_view url, const sql::pool_settings& common) {
    settings made;
    made.url = std::string(url);
    made.pool = common;
    if (auto valid = made.validate(); !valid) return std::move(valid).error();
    return made;
}

}  // namespace lido::postgres

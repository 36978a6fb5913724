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

}  // namespace

result<void> settings::validate() const {
    using namespace std::chrono_literals;
    if (auto valid = pool.validate(); !valid) return valid;
    if (auto read = read_target(*this); !read) return std::move(read).error();
    if (application_name.size() > 63) {
        return wrong("application_name", fmt::format("a text of {} bytes", application_name.size()), "0 … 63 bytes");
    }
    if (pipeline_depth < 1 || pipeline_depth > 256) {
        return wrong("pipeline_depth", fmt::format("{}", pipeline_depth), "1 … 256");
    }
    if (shared_connections > 1000) {
        return wrong("shared_connections", fmt::format("{}", shared_connections), "0 … 1000");
    }
    if (shared_patience < 1ms || shared_patience > 1h) {
        return wrong("shared_patience", to_text(shared_patience), "1 ms … 1 h");
    }
    if (transaction_pooling && pool.reset == sql::reset_policy::full) {
        return error(lido::errc::invalid_argument,
                     "PostgreSQL setting transaction_pooling does not go with reset_policy::full",
                     "choose reset_policy::rollback: the proxy resets its sessions itself");
    }
    return {};
}

}  // namespace lido::postgres

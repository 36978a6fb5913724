// Lido: where the requests of simulated users go.
#pragma once

#include "lido/http/client.hpp"
#include "lido/http/service.hpp"
#include "simulate/report.hpp"

#include <memory>
#include <optional>

namespace lido::cli::simulate {

/// One client, or one service of several regions with its policies; the users do not see which. Thread-safe, as both
/// are. Must be closed before it is destroyed, so that nothing waits there.
class traffic {
public:
    traffic() = default;
    traffic(const traffic&) = delete;
    traffic& operator=(const traffic&) = delete;
    virtual ~traffic() = default;

    [[nodiscard]] virtual operation<http::response> send(http::request what) = 0;
    /// Can the service be reached at all?
    [[nodiscard]] virtual operation<std::size_t> reach() = 0;
    /// Opens so many connections, of a service to each region.
    [[nodiscard]] virtual operation<std::size_t> warm_up(std::size_t count) = 0;
    [[nodiscard]] virtual operation<std::size_t> close(duration patience) = 0;
    /// Adds what its pools did.
    virtual void describe(pool_report& into) const = 0;
    /// How its regions stand; nothing for a client.
    [[nodiscard]] virtual std::optional<upstream::health_report> health() const = 0;
};

[[nodiscard]] std::unique_ptr<traffic> to_client(scheduler_group& group, http::client_settings settings);

/// `reach` opens a connection that is not one of the service, to see that at least one region can be reached: which can
/// and which cannot is what the service is there to find out.
[[nodiscard]] std::unique_ptr<traffic> to_service(scheduler_group& group, http::service_settings settings);

}  // namespace lido::cli::simulate

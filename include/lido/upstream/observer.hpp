// Lido: what a service tells those who watch it.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/time.hpp"
#include "lido/resilience/circuit_breaker.hpp"
#include "lido/upstream/health_check.hpp"
#include "lido/upstream/outcome.hpp"

#include <string_view>

namespace lido::upstream {

/// Derive from it and override what matters; each default does nothing. Called after the fact, without any lock of the
/// service, on whatever thread caused it, so an observer must be thread-safe, quick, and must not throw; what two
/// threads cause at once may be told in either order. It must outlive the service and its calls. Calls that succeed at
/// once are not reported one by one: they are counted, see `health_report`.
class observer {
public:
    virtual ~observer() = default;

    virtual void breaker_changed(std::string_view service, std::string_view endpoint, resilience::breaker_state from,
                                 resilience::breaker_state to) noexcept {
        static_cast<void>(service);
        static_cast<void>(endpoint);
        static_cast<void>(from);
        static_cast<void>(to);
    }
    /// By its checks.
    virtual void health_changed(std::string_view service, std::string_view endpoint, health_state from,
                                health_state to) noexcept {
        static_cast<void>(service);
        static_cast<void>(endpoint);
        static_cast<void>(from);
        static_cast<void>(to);
    }
    /// It fails more than the others, and gets no calls for that time.
    virtual void ejected(std::string_view service, std::string_view endpoint, duration time) noexcept {
        static_cast<void>(service);
        static_cast<void>(endpoint);
        static_cast<void>(time);
    }
    /// Its ejection is over; seen at the first call after its time.
    virtual void returned(std::string_view service, std::string_view endpoint) noexcept {
        static_cast<void>(service);
        static_cast<void>(endpoint);
    }
    /// A call is made again after an attempt at `endpoint` that ended so.
    virtual void repeated(std::string_view service, std::string_view endpoint, outcome ended, duration pause) noexcept {
        static_cast<void>(service);
        static_cast<void>(endpoint);
        static_cast<void>(ended);
        static_cast<void>(pause);
    }
    /// A call is made a second time beside an attempt that takes long.
    virtual void hedged(std::string_view service) noexcept { static_cast<void>(service); }
    /// A call was refused without any attempt: by a limit, because no endpoint can serve, or because all is closed.
    virtual void refused(std::string_view service, const error& reason) noexcept {
        static_cast<void>(service);
        static_cast<void>(reason);
    }

protected:
    observer() = default;
    observer(const observer&) = default;
    observer& operator=(const observer&) = default;
};

}  // namespace lido::upstream

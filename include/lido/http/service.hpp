// Lido: an HTTP service in several regions.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/http/client.hpp"
#include "lido/http/request.hpp"
#include "lido/http/response.hpp"
#include "lido/upstream/fallback.hpp"
#include "lido/upstream/observer.hpp"
#include "lido/upstream/report.hpp"
#include "lido/upstream/settings.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lido::http {

/// One place where the service is found.
struct region {
    /// "http://host[:port][/prefix]"; names the region, too.
    std::string base_url;
    /// Its part of the requests, relative to the others'. 0 … 1,000,000; 0: none.
    double weight = 1.0;
    /// Gets requests only while no other region can.
    bool backup = false;
    /// Gets only requests whose method is safe (RFC 9110 §9.2.1).
    bool read_only = false;
};

/// Why a request has no answer of the service: an error, or a status of `service_settings::failure_statuses`.
struct unanswered {
    std::optional<error> failure;
    unsigned status = 0;
};

/// What answers instead when no region does; see `upstream::fallback` for its members.
using fallback = upstream::fallback<response, request, unanswered>;

/// The settings of a service. `validate` names what is out of range; a service is never made from invalid settings.
struct service_settings {
    /// With the settings of each region's client that suit a service: no waiting for a server that is down, and
    /// looking again often.
    service_settings();

    /// At least one.
    std::vector<region> regions;
    /// Of each region's client. `base_url`, `retry` and `timeout` are not used: the service has its own. `cache` is
    /// asked before a region is chosen, and is the last to stand in for a failure, after the fallbacks; to it, all is
    /// at the URL of the region that is the first one when the service is made.
    client_settings client;
    /// Deadlines, limits, the choice, breakers, checks, retries, hedges.
    upstream::settings policies{};

    /// Statuses by which a region fails: they count against it, and the request is made again elsewhere if its method
    /// is one of `methods`. 100 … 599 each. 429 says that nothing was done: it counts for nothing, and any request is
    /// made again. A `Retry-After` is obeyed, see `upstream::repeat_settings`.
    std::vector<int> failure_statuses{500, 502, 503, 504};
    /// Methods whose requests may be made twice without harm: they are made again after a failure, and may be hedged.
    std::vector<std::string> methods{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    /// The path, below the base URL, that checks GET; any status below 500 is good. Empty: a check only connects, so
    /// that a server that accepts and never answers passes it.
    std::string check_path;
    /// A region's name is looked up again this often, by its checks; connections to addresses that it has no longer
    /// serve nothing new, the others stay. A look-up that fails changes nothing. 1 s … 24 h, or 0: names are looked up
    /// for new connections only.
    duration look_up_interval = std::chrono::seconds(30);
    /// Asked in their order when no region answered, unless it may have done what was asked. Without any, or when none
    /// has an answer, the result is the error, or the response with the status of failure.
    std::vector<fallback> fallbacks;

    [[nodiscard]] result<void> validate() const;
};

/// A region's client, see `service_statistics`.
struct region_statistics {
    std::string base_url;
    client_statistics client;
};

using upstream::fallback_statistics;

/// A snapshot of a service. `report` has each region's share, health, ejections and breaker, and its changes over time.
struct service_statistics {
    std::uint64_t requests = 0;  ///< operations that ended
    std::uint64_t failed = 0;    ///< of these, without a response, or with a status of failure
    upstream::health_report report;
    std::vector<region_statistics> regions;
    std::vector<fallback_statistics> fallbacks;
    /// Of `client_settings::cache`, if there is one. What was answered from it without asking counts as a request.
    std::optional<cache_statistics> cache;
};

/// An HTTP service in several regions: a client for each, and between them and the caller the policies, in the order
/// of docs/design/upstream.md: limits, choice of region by strategy, weights and health, breakers, retries and hedges
/// from one budget, and fallbacks.
///
/// Thread-safe. `group` must outlive it. Requests that run when it is destroyed are cut, as those of `client` are.
class service {
public:
    /// Throws `lido::exception` naming the setting when `settings` are invalid. `watcher`, if there is one, is told
    /// what happens, and must outlive the service and its requests.
    service(scheduler_group& group, service_settings settings, upstream::observer* watcher = nullptr);
    service(const service&) = delete;
    service& operator=(const service&) = delete;
    ~service();

    /// `target` is a path below the regions' base URLs. The response may have any status. Errors: those of the client,
    /// and those of the policies: `rate_limited`, `queue_full`, `circuit_open`, `timeout`, `pool_closed`.
    [[nodiscard]] operation<response> get(std::string_view target);
    [[nodiscard]] operation<response> post(std::string_view target, std::string body,
                                           std::string_view content_type = "application/octet-stream");
    [[nodiscard]] operation<response> send(request what);

    /// The regions from now on; those that stay, by base URL, keep their connections, those that are missing end their
    /// requests first. A region that becomes read-only or a backup, or the other way round, gets new connections.
    [[nodiscard]] result<void> set_regions(std::span<const region> regions);
    /// The region's connections are used for nothing new, and what runs on them says nothing about it any more. False:
    /// there is no such region.
    bool retire(std::string_view base_url);
    /// For operators: `closed`, `open`, `forced_open` or `disabled`. False: there is no such region.
    bool set_breaker(std::string_view base_url, resilience::breaker_state to);

    /// Opens `count` connections to each region. The result is how many are open; regions that cannot be reached count
    /// for nothing, and when none can, the error is the first one's.
    [[nodiscard]] operation<std::size_t> warm_up(std::size_t count);

    /// Refuses new requests, lets running ones end until `timeout`, then cuts them. Idempotent. The result is the
    /// number of connections that had to be cut.
    [[nodiscard]] operation<std::size_t> close(duration timeout = std::chrono::seconds(10));

    [[nodiscard]] service_statistics statistics() const;
    [[nodiscard]] const service_settings& settings() const noexcept;

    class implementation;

private:
    std::shared_ptr<implementation> self_;
};

/// Another service answers; `other` must outlive those that use it.
[[nodiscard]] fallback fallback_to(service& other, std::string name, bool safe_only = false);

/// A fixed answer: an empty page, a notice. For safe methods. `stale`: it is marked so, see `response::is_stale`.
[[nodiscard]] fallback fallback_to(response fixed, const std::string& name, bool stale = false);

/// An error at once; what stands behind it in the list is not asked.
[[nodiscard]] fallback fallback_to(error at_once, const std::string& name, bool safe_only = false);

}  // namespace lido::http

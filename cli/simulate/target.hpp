// Lido: what simulated users act on.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/random.hpp"
#include "lido/base/task.hpp"
#include "simulate/answer.hpp"
#include "simulate/report.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lido::cli::simulate {

/// What a simulated user carries from one action to the next.
struct simulated_user {
    explicit simulated_user(std::uint64_t seed) noexcept : random(seed) {}
    random_source random;
    unsigned choice = 0;  ///< the outfit that it looks at, the statement that it runs
};

/// A service or a database with the pools in front of it; users do not see which. Thread-safe. Must be closed before it
/// is destroyed, so that nothing waits there.
class target {
public:
    target() = default;
    target(const target&) = delete;
    target& operator=(const target&) = delete;
    virtual ~target() = default;

    /// How many make a cycle of a user.
    [[nodiscard]] virtual std::size_t actions() const noexcept = 0;
    /// Action number `index` of a cycle. This object and `who` live until the task has ended.
    [[nodiscard]] virtual task<result<answer>> act(simulated_user& who, std::size_t index) = 0;
    /// "GET /outfits/7": what the user did by `act`, for messages, without what may be a secret.
    [[nodiscard]] virtual std::string name_of_action(const simulated_user& who, std::size_t index) const = 0;

    /// Before the users start: opens so many connections (of a service to each region); 0: sees whether it can be
    /// reached at all.
    [[nodiscard]] virtual operation<std::size_t> prepare(std::size_t connections) = 0;
    [[nodiscard]] virtual operation<std::size_t> close(duration patience) = 0;
    /// Adds what its pools did.
    virtual void describe(pool_report& into) const = 0;
    /// How its regions stand, where it has such.
    [[nodiscard]] virtual std::optional<upstream::health_report> health() const { return std::nullopt; }
};

/// Where the lines of `--log-requests` go; empty: nowhere. Called on I/O threads.
using line_log = std::function<void(const std::string&)>;

/// What `asked` says, of which one is made for each pool of a leg. `origin` is the service's, if it is one. `first`:
/// the first target of the whole run, which prepares what there is to prepare once.
[[nodiscard]] std::unique_ptr<target> make_target(scheduler_group& group, const options& asked,
                                                  const std::string& origin, way how, bool first, line_log log);

// One for each kind.

/// A client, or with policies a service of one or several regions. Of a service `prepare(0)` opens a connection that is
/// not one of its own, to see that at least one region can be reached: which can and which cannot is what the service
/// is there to find out.
[[nodiscard]] std::unique_ptr<target> make_http_target(scheduler_group& group, const options& asked,
                                                       const std::string& origin, way how, line_log log);
/// A pool of database connections. `prepare` runs the statements of `--setup` if it is the first.
[[nodiscard]] std::unique_ptr<target> make_sql_target(scheduler_group& group, const options& asked, way how, bool first,
                                                      line_log log);

}  // namespace lido::cli::simulate

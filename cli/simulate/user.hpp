// Lido: what a simulated user does.
#pragma once

#include "lido/base/random.hpp"
#include "lido/http/request.hpp"
#include "simulate/options.hpp"

#include <cstddef>

namespace lido::cli::simulate {

/// The one request of a user on a URL. Not validated.
[[nodiscard]] http::request url_request(const options& asked);

/// The actions of a cycle: on the demo service it lists the outfits, looks at one and rates it; on a URL it makes the
/// one request. Immutable, shared by all users.
class script {
public:
    explicit script(const options& asked);

    [[nodiscard]] std::size_t actions() const noexcept { return on_demo_service_ ? 3 : 1; }
    /// Action number `index` of a cycle. `outfit` is the user's memory of what it looks at, `random` its dice.
    [[nodiscard]] http::request action(std::size_t index, random_source& random, unsigned& outfit) const;
    /// "GET /outfits/7", without a query, which may hold secrets.
    [[nodiscard]] std::string name_of_action(std::size_t index, unsigned outfit) const;

private:
    bool on_demo_service_;
    http::request first_;
};

/// A pause drawn from half to one and a half of `average`, so that users who started together do not stay in step.
[[nodiscard]] duration drawn_think_time(duration average, random_source& random) noexcept;

}  // namespace lido::cli::simulate

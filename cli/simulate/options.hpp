// Lido: what a simulation is asked to do.
#pragma once

#include "http_options.hpp"
#include "lido/http/client.hpp"
#include "simulate/database_load.hpp"
#include "simulate/policies.hpp"
#include "target_url.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lido::cli::simulate {

enum class way : std::uint8_t {
    shared_pool,      ///< all users through one pool
    per_user_pools,   ///< a pool for each user: the old way
    new_connections,  ///< a connection for each request: without any pool, as it were
};
/// "shared pool", for people.
[[nodiscard]] const char* title_of(way value) noexcept;
/// "shared_pool", for programs.
[[nodiscard]] const char* key_of(way value) noexcept;

enum class output_form : std::uint8_t { text, json };

struct options {
    /// Nothing, and no database: the built-in demo service.
    std::optional<target_url> url;
    request_options request;
    connection_options connection;
    std::optional<database_load> database;

    std::size_t num_users = 1;
    std::optional<std::size_t> pool_size;  ///< nothing: auto
    pool::sizing sizing = pool::fixed_sizing{};
    /// Where everything begins that no option names; nothing: the library's defaults.
    std::optional<http::client_settings> profile;
    pool::when_full when_full = pool::when_full::wait;
    duration run_time = std::chrono::seconds(10);
    std::optional<std::uint64_t> cycles;  ///< of each user, instead of `run_time`
    duration think_time = duration::zero();
    std::size_t warm_up = 0;
    std::uint32_t threads = 1;

    resilience::retry_settings retry;
    resilience::retry_budget_settings retry_budget;
    policy_options policies;
    duration connect_timeout = std::chrono::seconds(5);
    duration read_timeout = std::chrono::seconds(30);
    duration acquire_timeout = std::chrono::seconds(30);
    duration timeout = std::chrono::seconds(60);

    bool per_user_pools = false;
    bool compare = false;

    output_form output = output_form::text;
    std::string report_file;
    std::string record_file;
    bool log_requests = false;
    duration slow = std::chrono::seconds(5);
    std::uint64_t seed = 0;

    /// Unless it was given, max(10, 2 × users), and of a database 10: servers of databases take a hundred or so in all.
    [[nodiscard]] std::size_t effective_pool_size() const noexcept;
    /// In the order in which they are run.
    [[nodiscard]] std::vector<way> ways() const;
};

/// Reads the command line; nothing when only help was wanted, which has been printed. Throws `usage_error`.
[[nodiscard]] std::optional<options> read_options(const std::vector<std::string>& arguments);

/// The settings of one client of the simulation.
[[nodiscard]] http::client_settings client_settings_for(const options& asked, const std::string& origin, way how);

}  // namespace lido::cli::simulate

// Lido: the table of subcommands.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lido::cli {

/// One subcommand: a row of the table in subcommands.cpp and a file of its name.
struct subcommand {
    std::string_view name;
    std::string_view summary;
    /// Takes what stands behind the name; returns the exit code. Throws `command_error`.
    int (*run)(const std::vector<std::string>& arguments);
};

[[nodiscard]] std::span<const subcommand> subcommands() noexcept;
/// The row of that name, or null.
[[nodiscard]] const subcommand* find_subcommand(std::string_view name) noexcept;

int run_simulate(const std::vector<std::string>& arguments);
int run_fetch(const std::vector<std::string>& arguments);
int run_tune(const std::vector<std::string>& arguments);
int run_sql(const std::vector<std::string>& arguments);
int run_check(const std::vector<std::string>& arguments);
int run_demo_server(const std::vector<std::string>& arguments);
int run_help(const std::vector<std::string>& arguments);
int run_version(const std::vector<std::string>& arguments);

/// The whole command: finds the subcommand, runs it, and turns errors into one line on standard error.
[[nodiscard]] int run_command(const std::vector<std::string>& arguments);

}  // namespace lido::cli

// Lido: what ends the command early.
#pragma once

#include "exit_code.hpp"
#include "lido/base/error.hpp"

#include <stdexcept>
#include <string>

namespace lido::cli {

/// Ends a subcommand: the one line that says what, where and the remedy, and the exit code. Whoever catches it puts the
/// subcommand's name before the line.
class command_error : public std::runtime_error {
public:
    command_error(exit_code code, const std::string& line) : std::runtime_error(line), code_(code) {}
    [[nodiscard]] exit_code code() const noexcept { return code_; }

private:
    exit_code code_;
};

/// An error of the library in one line, with the names of options where the library says those of settings.
[[nodiscard]] std::string in_words_of_options(const lido::error& failure);

/// A mistake on the command line.
class usage_error : public command_error {
public:
    explicit usage_error(const std::string& line) : command_error(exit_usage, line) {}
};

}  // namespace lido::cli

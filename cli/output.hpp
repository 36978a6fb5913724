// Lido: what the command prints.
#pragma once

#include <string>
#include <string_view>

namespace lido::cli {

/// Writes all of `text` to a descriptor; 0 or errno.
[[nodiscard]] int write_all(int descriptor, std::string_view text) noexcept;

/// Writes to standard output. A reader that has gone away (`lido … | head -1`) is its own decision and no error; any
/// other failure, such as a full disk, throws `command_error`.
void print_output(std::string_view text);

/// Writes one line to standard error, in one piece. Line breaks in it become spaces: an error is one line. What of it
/// came from elsewhere cannot make a terminal do anything.
void print_error(std::string line);

/// Writes `text` to the file, so that at any time it has either the old content or all of the new. What is there and no
/// ordinary file (/dev/stderr, a pipe) is written to directly. Throws `command_error` with the file's name and the
/// reason.
void write_file(const std::string& path, std::string_view text);

/// Throws as `write_file` would, as far as that can be known without writing: before a long run, not after it.
void check_writable(const std::string& path);

/// The content of a file; throws `usage_error` with `option`, the file's name and the reason.
[[nodiscard]] std::string read_file(std::string_view option, const std::string& path);

}  // namespace lido::cli

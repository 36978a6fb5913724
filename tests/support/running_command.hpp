// Lido: the command, run by a test.
#pragma once

#include "support/temporary_directory.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace lido::test {

/// How `lido` ended, and what it wrote. After a signal the code is 128 and its number, as shells have it.
struct command_outcome {
    int code = -1;
    std::string output;
    std::string errors;
    std::size_t peak_kibibytes = 0;  ///< of its memory
};

/// `lido` with arguments, in a process of its own that never outlives this object.
class running_command {
public:
    using variables = std::vector<std::pair<std::string, std::string>>;

    explicit running_command(const std::vector<std::string>& arguments, const variables& environment = {});
    running_command(const running_command&) = delete;
    running_command& operator=(const running_command&) = delete;
    ~running_command();

    void signal(int number) const;
    /// What it has written to standard output so far.
    [[nodiscard]] std::string output_so_far() const;
    /// Waits for its end; throws when that takes longer than a minute.
    [[nodiscard]] command_outcome wait();

private:
    temporary_directory folder_;
    pid_t process_ = -1;
};

/// Runs it to its end.
[[nodiscard]] command_outcome run_command(const std::vector<std::string>& arguments,
                                          const running_command::variables& environment = {});

}  // namespace lido::test

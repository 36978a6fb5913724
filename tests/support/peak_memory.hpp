// Lido: how much memory a test has had.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace lido::test {

/// The most memory that this process has had since `forget_peak`, in bytes.
[[nodiscard]] inline std::size_t peak_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
    }
    return 0;
}

inline void forget_peak() {
    std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace lido::test

// The fuzz targets that this program can replay inputs through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace lido::replay {

struct target {
    std::string_view name;
    int (*run)(const std::uint8_t* data, std::size_t size);
};

/// Made by CMake from the sources in fuzz.
[[nodiscard]] const std::vector<target>& all_targets();

}  // namespace lido::replay

// replay TARGET FOLDER...: sends every file of the folders through a fuzz target. What an input breaks aborts, behind a
// line that names the input. A target without a single input has lost its corpus, and fails.
#include "replay/targets.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

namespace files = std::filesystem;

std::vector<files::path> inputs_in(const files::path& folder) {
    std::vector<files::path> found;
    if (!files::is_directory(folder)) return found;
    for (const files::directory_entry& each : files::directory_iterator(folder)) {
        if (each.is_regular_file()) found.push_back(each.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

/// Memory of exactly the input's size, so that a sanitizer sees what is read behind its end.
std::vector<std::uint8_t> content_of(const files::path& file) {
    std::ifstream from(file, std::ios::binary);
    std::vector<std::uint8_t> content{std::istreambuf_iterator<char>(from), std::istreambuf_iterator<char>()};
    content.shrink_to_fit();
    return content;
}

}  // namespace

int main(int count, char** words) {
    const std::vector<std::string> arguments(words + 1, words + count);
    const auto& all = lido::replay::all_targets();
    const auto found = std::find_if(all.begin(), all.end(), [&](const lido::replay::target& each) {
        return !arguments.empty() && each.name == arguments.front();
    });
    if (found == all.end()) {
        std::fputs("replay: usage: replay TARGET FOLDER...; TARGET is a source in fuzz\n", stderr);
        return 2;
    }
    std::size_t replayed = 0;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        for (const files::path& input : inputs_in(arguments[i])) {
            std::fprintf(stderr, "replay: %s\n", input.c_str());
            const std::vector<std::uint8_t> content = content_of(input);
            found->run(content.data(), content.size());
            ++replayed;
        }
    }
    std::printf("replay: %s: %zu inputs\n", arguments.front().c_str(), replayed);
    if (replayed > 0) return 0;
    std::fputs("replay: there is no input; put valid ones into fuzz/corpus/TARGET\n", stderr);
    return 1;
}

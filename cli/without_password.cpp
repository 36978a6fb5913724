#include "without_password.hpp"

#include <algorithm>
#include <cstddef>

namespace lido::cli {
namespace {

constexpr std::string_view hidden = "***";

void hide_in_authority(std::string& word) {
    const std::size_t scheme = word.find("://");
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    // The last one: a password may have one too, and so may have any of the characters that end an authority.
    const std::size_t at = word.rfind('@');
    const std::size_t colon = word.find(':', begin);
    if (at == std::string::npos || colon == std::string::npos || colon > at) return;
    word.replace(colon + 1, at - colon - 1, hidden);
}

void hide_in_options(std::string& word) {
    constexpr std::string_view name = "password=";
    for (std::size_t at = word.find(name); at != std::string::npos; at = word.find(name, at + name.size())) {
        const std::size_t begin = at + name.size();
        const std::size_t end = std::min(word.find('&', begin), word.size());
        word.replace(begin, end - begin, hidden);
    }
}

}  // namespace

std::string without_password(std::string_view word) {
    std::string shown(word);
    hide_in_authority(shown);
    hide_in_options(shown);
    return shown;
}

}  // namespace lido::cli

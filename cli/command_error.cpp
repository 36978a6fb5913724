#include "command_error.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace lido::cli {
namespace {

/// Setting of the library, option of the command.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> names{{
    {"ca_file", "--cacert"},
    {"client setting proxy", "--proxy"},
    {"set redirect_settings::allow_downgrade to follow it all the same", "name the new URL to go there"},
    {"raise redirect_settings::max, or see", "see"},
    {"certificate_file", "--tls-cert"},
    {"key_file", "--tls-key"},
    {"connect_timeout", "--connect-timeout"},
    {"read_timeout", "--read-timeout"},
    {"statement_timeout", "--timeout"},
    {"acquire_timeout", "--acquire-timeout"},
    {"max_connections_per_origin", "--pool-size"},
    {"max_size", "--pool-size"},
}};

/// Not part of something longer, such as the path of a file.
bool is_word(std::string_view line, std::size_t at, std::size_t size) noexcept {
    const bool begins = at == 0 || line[at - 1] == ' ';
    const std::size_t end = at + size;
    return begins && (end == line.size() || std::string_view(" ,;:").find(line[end]) != std::string_view::npos);
}

}  // namespace

std::string in_words_of_options(const lido::error& failure) {
    const std::string remedy = failure.remedy();
    std::string line = remedy.empty() ? failure.what() : fmt::format("{}; {}", failure.what(), remedy);
    // The names of its settings are those of the server's.
    const bool of_proxy = line.find("proxy https://") != std::string::npos;
    for (const auto& [setting, usual] : names) {
        const std::string_view option = of_proxy && setting == "ca_file" ? "--proxy-cacert" : usual;
        for (std::size_t at = line.find(setting); at != std::string::npos;
             at = line.find(setting, at + option.size())) {
            if (is_word(line, at, setting.size())) line.replace(at, setting.size(), option);
        }
    }
    return line;
}

}  // namespace lido::cli

// Lido: what `lido fetch` is asked for.
#pragma once

#include "http_options.hpp"
#include "lido/http/client.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lido::cli::fetch {

struct options {
    std::vector<std::string> urls;
    request_options request;
    connection_options connection;
    std::optional<duration> timeout;
    http::client_settings client;
    std::string output_file;  ///< empty: standard output; "-": that, even for binary data on a terminal
    bool with_head = false;
    bool follow = false;
    bool fail = false;
    bool statistics = false;
    std::size_t repeat = 1;
    std::size_t parallel = 1;
};

/// Nothing when help was wanted, which is printed. Throws `usage_error`.
[[nodiscard]] std::optional<options> read_options(const std::vector<std::string>& arguments);

/// A request of these options to one of their URLs.
[[nodiscard]] http::request request_of(const options& asked, const std::string& url);

}  // namespace lido::cli::fetch

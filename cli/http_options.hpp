// Lido: the options of every subcommand that sends HTTP requests.
#pragma once

#include "command_line.hpp"
#include "lido/http/client.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::cli {

/// How a client reaches its servers, and which versions of HTTP it speaks there.
struct connection_options {
    bool http1 = false;
    bool http2 = false;
    bool http2_prior_knowledge = false;
    bool insecure = false;
    std::string ca_file;
    std::string proxy;
    bool proxy_insecure = false;
    std::string proxy_ca_file;
    std::string no_proxy;
    std::string unix_socket;

    /// Into the current group of `line`, which must not outlive this object.
    void declare(command_line& line);
    /// The names of what `declare` declares, for who takes them only together with something else.
    [[nodiscard]] static std::span<const char* const> names() noexcept;
    /// Throws `usage_error` when options exclude each other.
    void check_together() const;
    void apply(http::client_settings& to) const;
};

/// What a request says.
struct request_options {
    std::string method = "GET";
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<std::string> data;

    /// As above.
    void declare(command_line& line);
    [[nodiscard]] static std::span<const char* const> names() noexcept;
    /// A body without a method makes it a POST.
    void complete(const command_line& line);
    /// Not validated. `data_type` is the Content-Type of a body that no header gives one.
    [[nodiscard]] http::request to(const std::string& target, std::string_view data_type) const;
};

}  // namespace lido::cli

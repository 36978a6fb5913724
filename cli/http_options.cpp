#include "http_options.hpp"

#include "command_error.hpp"
#include "output.hpp"
#include "setters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace lido::cli {
namespace {

constexpr std::array<const char*, 10> connection_names{
    "--http1", "--http2",        "--http2-prior-knowledge", "--cacert",   "--insecure",
    "--proxy", "--proxy-cacert", "--proxy-insecure",        "--no-proxy", "--unix-socket"};
constexpr std::array<const char*, 3> request_names{"--method", "--header", "--data"};

/// "post" is meant to be POST: methods are case-sensitive, and nobody has one of that name in small letters.
std::string method_value(std::string_view option, const std::string& value) {
    const auto known = http::method::parse(value);
    if (!known) throw usage_error(fmt::format("{} must be a method such as GET, got '{}'", option, value));
    std::string upper = value;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    using http::method;
    for (const method& each : {method::get, method::head, method::post, method::put, method::delete_, method::options,
                               method::trace, method::patch}) {
        if (upper == each.text()) return upper;
    }
    return value;
}

/// A field's value may be a secret, so no message repeats it.
std::pair<std::string, std::string> header_value(std::string_view option, const std::string& value) {
    const std::size_t colon = value.find(':');
    if (colon == std::string::npos || colon == 0) throw usage_error(fmt::format("{} must be 'Name: value'", option));
    const std::size_t begin = std::min(value.find_first_not_of(" \t", colon + 1), value.size());
    std::pair<std::string, std::string> made(value.substr(0, colon), value.substr(begin));
    http::headers probe;
    if (const auto added = probe.add(made.first, made.second); !added) {
        throw usage_error(fmt::format("{}: {}", option, in_words_of_options(added.error())));
    }
    return made;
}

/// The name of a file that can be read.
auto readable_into(std::string& name) {
    return [&name](auto option, const std::string& value) {
        static_cast<void>(read_file(option, value));
        name = value;
    };
}

}  // namespace

void connection_options::declare(command_line& line) {
    line.flag("--http1", "HTTP/1.1 only", http1);
    line.flag("--http2", "HTTP/2 only: where the server does not speak it, that is an error", http2);
    line.flag("--http2-prior-knowledge", "the same, by the name that curl has for it without TLS",
              http2_prior_knowledge);
    line.option("--cacert", "FILE", "PEM file of the CAs to trust, instead of the system's", readable_into(ca_file));
    line.flag("-k, --insecure", "take any certificate of an https server", insecure);
    line.option("-x, --proxy", "URL", "http, https or socks5; several, separated by commas, in turn", text_into(proxy));
    line.option("--proxy-cacert", "FILE", "as --cacert, for an https proxy", readable_into(proxy_ca_file));
    line.flag("--proxy-insecure", "take any certificate of an https proxy", proxy_insecure);
    line.option("--no-proxy", "LIST", "hosts that are reached without it", text_into(no_proxy));
    line.option("--unix-socket", "FILE", "the socket to send everything to", text_into(unix_socket));
}

std::span<const char* const> connection_options::names() noexcept {
    return connection_names;
}

void connection_options::check_together() const {
    if (int(http1) + int(http2) + int(http2_prior_knowledge) > 1) {
        throw usage_error("--http1, --http2 and --http2-prior-knowledge exclude each other; leave one");
    }
    if (insecure && !ca_file.empty()) throw usage_error("--insecure and --cacert exclude each other; leave one");
    if (!proxy.empty() && !unix_socket.empty()) {
        throw usage_error("--proxy and --unix-socket exclude each other; leave one");
    }
    if (proxy_insecure && !proxy_ca_file.empty()) {
        throw usage_error("--proxy-insecure and --proxy-cacert exclude each other; leave one");
    }
    const auto needs_proxy = [this](const char* option, bool given) {
        if (given && proxy.empty()) throw usage_error(fmt::format("{} needs --proxy; leave it out", option));
    };
    needs_proxy("--no-proxy", !no_proxy.empty());
    needs_proxy("--proxy-cacert", !proxy_ca_file.empty());
    needs_proxy("--proxy-insecure", proxy_insecure);
}

void connection_options::apply(http::client_settings& to) const {
    if (http1) to.http_version = http::http_versions::http1;
    if (http2 || http2_prior_knowledge) to.http_version = http::http_versions::http2;
    to.tls.verify = insecure ? net::tls_verify::none : net::tls_verify::full;
    to.tls.ca_file = ca_file;
    to.proxy = proxy;
    to.proxy_tls.verify = proxy_insecure ? net::tls_verify::none : net::tls_verify::full;
    to.proxy_tls.ca_file = proxy_ca_file;
    to.no_proxy = no_proxy;
    to.unix_socket = unix_socket;
}

void request_options::declare(command_line& line) {
    line.option("-X, --method", "NAME", "GET, POST ... (GET; POST with --data)",
                [this](auto option, const std::string& value) { method = method_value(option, value); });
    line.repeated("-H, --header", "'K: V'", "a header field; may be given several times",
                  [this](auto option, const std::string& value) { headers.push_back(header_value(option, value)); });
    line.option("-d, --data", "TEXT|@FILE", "the body, or the file that has it",
                [this](auto option, const std::string& value) {
                    const bool from_file = !value.empty() && value.front() == '@';
                    // "@-" is standard input, as elsewhere.
                    data = from_file ? read_file(option, value == "@-" ? "/dev/stdin" : value.substr(1)) : value;
                });
}

std::span<const char* const> request_options::names() noexcept {
    return request_names;
}

void request_options::complete(const command_line& line) {
    if (data && !line.given("--method")) method = "POST";
}

http::request request_options::to(const std::string& target, std::string_view data_type) const {
    // The method was checked when the option was read.
    http::request made(http::method::parse(method).value_or(http::method::get), target);
    for (const auto& [name, value] : headers) made.header(name, value);
    if (data && made.header("Content-Type")) {
        made.body(*data);
    } else if (data) {
        made.body(*data, data_type);
    }
    return made;
}

}  // namespace lido::cli

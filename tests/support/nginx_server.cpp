#include "support/nginx_server.hpp"

#include "support/free_port.hpp"
#include "support/test_sockets.hpp"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace lido::test {
namespace {

std::string ask(std::uint16_t port, std::string_view request) {
    const net::unique_descriptor to(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const net::address where = *net::address::from_literal("127.0.0.1", port);
    checked_call(connect(to.get(), where.data(), where.size()), "connect to nginx");
    put(to.get(), request);
    std::string answer;
    std::array<char, 4096> space;
    while (true) {
        const auto got = recv(to.get(), space.data(), space.size(), 0);
        if (got <= 0) return answer;
        answer.append(space.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace

nginx_server::nginx_server(nginx_configuration configuration)
    // A master that is killed leaves its children behind.
    : configuration_(std::move(configuration)), process_(configuration_.reloads ? SIGTERM : SIGKILL) {
    for (const char* name : {"files", "temporary"}) std::filesystem::create_directory(folder_.path() / name);
    give_to_server_user(folder_.path());
    if (!configuration_.certificate.empty()) {
        // The test's own folder is for its own user only, and file names are no words of a configuration.
        const auto copy = [this](std::string& file, std::string_view name) {
            const std::string to = folder_.file(name);
            std::filesystem::copy_file(file, to);
            std::filesystem::permissions(to, std::filesystem::perms(0644));
            file = to;
        };
        copy(configuration_.certificate, "server.pem");
        copy(configuration_.key, "server.key");
    }
    port_ = free_port();
    do {
        status_port_ = free_port();
    } while (status_port_ == port_);
    launch();
}

nginx_server::~nginx_server() = default;

std::string nginx_server::url() const {
    return fmt::format("{}:{}", configuration_.certificate.empty() ? "http://127.0.0.1" : "https://localhost", port_);
}

void nginx_server::put_file(std::string_view name, std::string_view content) const {
    const std::filesystem::path where = folder_.path() / "files" / name;
    std::ofstream(where, std::ios::binary) << content;
    std::filesystem::permissions(where, std::filesystem::perms(0644));
}

void nginx_server::remove_file(std::string_view name) const {
    std::filesystem::remove(folder_.path() / "files" / name);
}

std::string nginx_server::configuration_text() const {
    const std::string place = folder_.path().string();
    std::string tls;
    if (!configuration_.certificate.empty()) {
        tls = fmt::format("ssl_certificate {};\nssl_certificate_key {};\n", configuration_.certificate,
                          configuration_.key);
    }
    return fmt::format(R"(daemon off;
master_process {8};
pid {0}/nginx.pid;
error_log {0}/error.log notice;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {0}/temporary/body;
    proxy_temp_path {0}/temporary/proxy;
    fastcgi_temp_path {0}/temporary/fastcgi;
    uwsgi_temp_path {0}/temporary/uwsgi;
    scgi_temp_path {0}/temporary/scgi;
    keepalive_requests 1000000;
    lingering_timeout 2s;
    {1}
    server {{
        listen 127.0.0.1:{2}{3}{7} backlog=4096;
        {4}
        root {0}/files;
        {5}
    }}
    server {{
        listen 127.0.0.1:{6};
        keepalive_timeout 0;
        location / {{ stub_status; }}
    }}
}}
)",
                       place, configuration_.http, port_, tls.empty() ? "" : " ssl", tls, configuration_.server,
                       status_port_, configuration_.http2 ? " http2" : "", configuration_.reloads ? "on" : "off");
}

void nginx_server::launch() {
    const std::string program = find_program({"/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"}, "nginx");
    const std::string file = folder_.write("nginx.conf", configuration_text());
    give_to_server_user(folder_.path());
    const std::string log = folder_.file("error.log");
    process_.start({program, "-p", folder_.path().string(), "-c", file, "-e", log}, log);
    questions_ = 1;  // the probe that finds it listening
    process_.wait_until([this] { return can_connect(status_port_); });
}

void nginx_server::reload() const {
    process_.signal(SIGHUP);
}
void nginx_server::freeze() const {
    process_.signal(SIGSTOP);
}
void nginx_server::thaw() const {
    process_.signal(SIGCONT);
}
void nginx_server::kill() {
    process_.end_with(SIGKILL);
}
void nginx_server::stop() {
    process_.end_with(SIGTERM);
}
void nginx_server::start() {
    launch();
}

nginx_server::status nginx_server::ask_status() {
    const std::string answer = ask(status_port_, "GET / HTTP/1.1\r\nHost: status\r\nConnection: close\r\n\r\n");
    ++questions_;
    // "Active connections: 2 \nserver accepts handled requests\n 5 5 9 \n…"
    const std::size_t active = answer.find("Active connections: ");
    const std::size_t line = answer.find("requests\n ");
    if (active == std::string::npos || line == std::string::npos) {
        throw std::runtime_error("nginx's stub_status answers: " + answer);
    }
    return {std::stoul(answer.substr(active + 20)) - 1, std::stoul(answer.substr(line + 10)) - questions_};
}

std::size_t nginx_server::accepted() {
    return ask_status().accepted;
}
std::size_t nginx_server::active() {
    return ask_status().active;
}

}  // namespace lido::test

#include "support/http_peer.hpp"

#include "support/free_port.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace lido::test {
namespace {

/// What an nginx has, be it the server or what stands behind it.
constexpr const char* pages = R"(
    keepalive_requests 1000000;
    client_max_body_size 100m;
    location /nonce { return 200 "$http_x_nonce"; }
    location /store/ {
        root temporary; dav_methods PUT; create_full_put_path on;
        gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; gzip_comp_level 1;
    }
)";

std::string content_of(const std::string& file) {
    std::ifstream from(file);
    std::ostringstream all;
    all << from.rdbuf();
    return all.str();
}

std::uint16_t another_port(std::initializer_list<std::uint16_t> taken) {
    while (true) {
        const std::uint16_t port = free_port();
        if (std::find(taken.begin(), taken.end(), port) == taken.end()) return port;
    }
}

}  // namespace

std::string_view name_of(http_peer_kind kind) noexcept {
    constexpr std::string_view names[] = {"nginx", "apache", "haproxy", "nghttpx"};
    return names[static_cast<std::size_t>(kind)];
}

http_peer::http_peer(http_peer_kind kind, const certificate_files& shown, std::chrono::milliseconds keep_alive)
    : kind_(kind), keep_alive_(keep_alive), process_(SIGTERM) {
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    for (const char* name : {"store", "temporary"}) std::filesystem::create_directory(folder_.path() / name);
    const std::string certificate = folder_.write("server.pem", content_of(shown.certificate));
    const std::string key = folder_.write("server.key", content_of(shown.key));
    static_cast<void>(folder_.write("both.pem", content_of(certificate) + content_of(key)));
    for (const char* name : {"server.pem", "server.key", "both.pem"}) {
        std::filesystem::permissions(folder_.path() / name, std::filesystem::perms(0644));
    }
    port_ = free_port();
    secure_port_ = another_port({port_});
    http2_port_ = kind_ == http_peer_kind::nginx ? another_port({port_, secure_port_}) : port_;
    std::vector<std::string> command;
    switch (kind_) {
        case http_peer_kind::nginx:
            start_nginx(fmt::format(R"(listen 127.0.0.1:{}; listen 127.0.0.1:{} ssl http2; listen 127.0.0.1:{} http2;
                ssl_certificate {}; ssl_certificate_key {}; keepalive_timeout {}ms;)",
                                    port_, secure_port_, http2_port_, certificate, key, keep_alive_.count()));
            return;
        case http_peer_kind::apache:
            command = apache_command();
            break;
        case http_peer_kind::haproxy:
            start_nginx("keepalive_timeout 60s;");
            command = haproxy_command();
            break;
        case http_peer_kind::nghttpx:
            start_nginx("keepalive_timeout 60s;");
            command = nghttpx_command();
            break;
    }
    give_to_server_user(folder_.path());
    process_.start(command, file("output.log"));
    process_.wait_until([this] { return can_connect(port_) && can_connect(secure_port_); });
}

http_peer::~http_peer() = default;

void http_peer::start_nginx(std::string_view more) {
    nginx_ = std::make_unique<nginx_server>(
        nginx_configuration{.server = std::string(more) + pages, .reloads = kind_ == http_peer_kind::nginx});
}

std::vector<std::string> http_peer::apache_command() {
    std::string modules;
    for (const char* name : {"mpm_event", "authz_core", "headers", "lua", "dav", "dav_fs", "filter", "deflate",
                             "socache_shmcb", "ssl", "http2"}) {
        modules += fmt::format("LoadModule {0}_module /usr/lib/apache2/modules/mod_{0}.so\n", name);
    }
    static_cast<void>(folder_.write("nonce.lua", R"(function handle(r)
    r.content_type = "text/plain"
    r:puts(r.headers_in["X-Nonce"])
    return apache2.OK
end
)"));
    const std::string configuration =
        fmt::format(R"({1}
ServerRoot {0}
ServerName localhost
PidFile {0}/apache.pid
DefaultRuntimeDir {0}
Mutex file:{0}
ErrorLog {0}/error.log
DocumentRoot {0}
StartServers 1
ServerLimit 20
ThreadsPerChild 25
MaxRequestWorkers 500
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout {2}ms
Timeout 20
DavLockDB {0}/temporary/lock
LuaMapHandler ^/nonce$ {0}/nonce.lua
<Directory {0}/store>
    Dav On
    SetOutputFilter DEFLATE
    Require all granted
</Directory>
<Location /nonce>
    Require all granted
</Location>
Listen 127.0.0.1:{3}
Listen 127.0.0.1:{4}
Protocols h2c http/1.1
<VirtualHost 127.0.0.1:{4}>
    Protocols h2 http/1.1
    SSLEngine on
    SSLCertificateFile {0}/server.pem
    SSLCertificateKeyFile {0}/server.key
</VirtualHost>
)",
                    folder_.path().string(), modules, keep_alive_.count(), port_, secure_port_);
    const std::string where = folder_.write("apache.conf", configuration);
    return {find_program({"/usr/sbin/apache2"}, "apache2-bin"), "-D", "FOREGROUND", "-f", where};
}

std::vector<std::string> http_peer::haproxy_command() {
    const std::string configuration =
        fmt::format(R"(global
    maxconn 500
    stats socket {0}/haproxy.sock mode 600 level admin expose-fd listeners
    hard-stop-after 10s
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
    timeout http-keep-alive {1}ms
frontend front
    bind 127.0.0.1:{2}
    bind 127.0.0.1:{3} ssl crt {0}/both.pem alpn h2,http/1.1
    default_backend behind
backend behind
    server nginx 127.0.0.1:{4}
)",
                    folder_.path().string(), keep_alive_.count(), port_, secure_port_, nginx_->port());
    const std::string where = folder_.write("haproxy.cfg", configuration);
    return {find_program({"/usr/sbin/haproxy"}, "haproxy"), "-W", "-db", "-f", where};
}

std::vector<std::string> http_peer::nghttpx_command() {
    const std::string configuration =
        fmt::format(R"(frontend=127.0.0.1,{1};no-tls
frontend=127.0.0.1,{2}
backend=127.0.0.1,{3}
private-key-file={0}/server.key
certificate-file={0}/server.pem
workers=1
errorlog-file={0}/error.log
frontend-keep-alive-timeout={4}ms
frontend-http2-read-timeout={4}ms
)",
                    folder_.path().string(), port_, secure_port_, nginx_->port(), keep_alive_.count());
    const std::string where = folder_.write("nghttpx.conf", configuration);
    return {find_program({"/usr/sbin/nghttpx", "/usr/bin/nghttpx"}, "nghttp2-proxy"), "--conf", where};
}

std::string http_peer::url() const {
    return fmt::format("http://127.0.0.1:{}", port_);
}
std::string http_peer::secure_url() const {
    return fmt::format("https://localhost:{}", secure_port_);
}
std::string http_peer::http2_url() const {
    return fmt::format("http://127.0.0.1:{}", http2_port_);
}

/// Its master does not hear a signal that comes while it is still busy with the last one.
void http_peer::reload_haproxy() const {
    const std::vector<pid_t> before = process_.children();
    const auto has_a_new_one = [&] {
        const std::vector<pid_t> now = process_.children();
        return std::any_of(now.begin(), now.end(),
                           [&](pid_t each) { return std::find(before.begin(), before.end(), each) == before.end(); });
    };
    for (int round = 0; !has_a_new_one(); ++round) {
        if (round % 100 == 0) process_.signal(SIGUSR2);
        if (round == 4000) throw std::runtime_error("haproxy does not read its settings again: " + process_.output());
        // Nothing tells when a process has started another.
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

void http_peer::reload() const {
    switch (kind_) {
        case http_peer_kind::nginx:
            return nginx_->reload();
        case http_peer_kind::apache:
            return process_.signal(SIGUSR1);
        case http_peer_kind::haproxy:
            return reload_haproxy();
        case http_peer_kind::nghttpx:
            return process_.signal(SIGHUP);
    }
}

}  // namespace lido::test

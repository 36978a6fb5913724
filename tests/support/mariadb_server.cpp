#include "support/mariadb_server.hpp"

#include "support/free_port.hpp"

#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <sys/wait.h>

namespace lido::test {

mariadb_server::mariadb_server(std::vector<std::string> options, const std::string& certificate, const std::string& key,
                               const std::string& client_authority)
    : options_(std::move(options)), port_(free_port(database_ports)) {
    const std::filesystem::path data = folder_.path() / "data";
    std::filesystem::create_directory(data);
    if (!certificate.empty()) {
        for (const auto& [from, name] : {std::pair(certificate, "server.pem"), std::pair(key, "server.key")}) {
            std::filesystem::copy_file(from, folder_.file(name));
        }
        options_.push_back("--ssl-cert=" + folder_.file("server.pem"));
        options_.push_back("--ssl-key=" + folder_.file("server.key"));
    }
    if (!client_authority.empty()) {
        std::filesystem::copy_file(client_authority, folder_.file("client-ca.pem"));
        options_.push_back("--ssl-ca=" + folder_.file("client-ca.pem"));
    }
    // Run at each start: the installation itself knows no users yet.
    static_cast<void>(folder_.write("first.sql",
                                    "create database if not exists shop;\n"
                                    "create user if not exists tester@'%' identified by 'lido''s';\n"
                                    "grant all on *.* to tester@'%' with grant option;\n"));
    give_to_server_user(folder_.path());
    server_process maker(SIGKILL);
    maker.start({find_program({"/usr/bin/mariadb-install-db"}, "mariadb-server"), "--no-defaults",
                 "--datadir=" + data.string(), "--auth-root-authentication-method=normal", "--skip-test-db",
                 "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"},
                folder_.file("install.log"));
    if (maker.wait() != 0) throw std::runtime_error("mariadb-install-db failed: " + maker.output());
    start();
}

mariadb_server::~mariadb_server() = default;

std::string mariadb_server::url() const {
    return fmt::format("mysql://tester:lido%27s@127.0.0.1:{}/shop", port_);
}

std::string mariadb_server::socket_url() const {
    return fmt::format("mysql://tester:lido%27s@/shop?socket={}", socket());
}

void mariadb_server::start() {
    std::vector<std::string> command{find_program({"/usr/sbin/mariadbd"}, "mariadb-server"),
                                     "--no-defaults",
                                     "--datadir=" + (folder_.path() / "data").string(),
                                     "--socket=" + socket(),
                                     "--bind-address=127.0.0.1",
                                     fmt::format("--port={}", port_),
                                     "--pid-file=" + folder_.file("pid"),
                                     "--tmpdir=" + folder_.path().string(),
                                     "--innodb-buffer-pool-size=32M",
                                     "--innodb-log-file-size=16M",
                                     "--init-file=" + folder_.file("first.sql"),
                                     "--skip-name-resolve",
                                     "--back-log=512"};
    command.insert(command.end(), options_.begin(), options_.end());
    process_.start(command, folder_.file("error.log"));
    process_.wait_until([this] { return can_connect(port_); }, std::chrono::seconds(60));
}

void mariadb_server::kill() {
    process_.end_with(SIGKILL);
}
void mariadb_server::freeze() const {
    process_.signal(SIGSTOP);
    // The signal takes its time, in which a thread of the server may still answer.
    siginfo_t told{};
    if (waitid(P_PID, static_cast<id_t>(process_.id()), &told, WSTOPPED | WEXITED | WNOWAIT) != 0) {
        throw std::runtime_error("a server cannot be frozen");
    }
}
void mariadb_server::thaw() const {
    process_.signal(SIGCONT);
}
void mariadb_server::stop() {
    process_.end_with(SIGTERM);
}

}  // namespace lido::test

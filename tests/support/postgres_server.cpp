#include "support/postgres_server.hpp"

#include "support/becomes_true.hpp"
#include "support/free_port.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <unistd.h>

namespace lido::test {
namespace {

constexpr auto patience = std::chrono::seconds(30);

std::string program(const std::string& name) {
    return find_program({"/usr/lib/postgresql/15/bin/" + name, "/usr/pgsql-15/bin/" + name, "/usr/local/bin/" + name},
                        "postgresql-15");
}

std::string read_file(const std::string& name) {
    std::ifstream from(name);
    return {std::istreambuf_iterator<char>(from), {}};
}

void run(const std::vector<std::string>& command, const std::string& log) {
    server_process process(SIGKILL);
    process.start(command, log);
    if (const int code = process.wait(); code != 0) {
        throw std::runtime_error(fmt::format("{} ended with {}: {}", command.front(), code, read_file(log)));
    }
}

/// A fresh server's folder, made once for each user and build.
std::filesystem::path fresh_folder() {
    const std::filesystem::path kept =
        std::filesystem::temp_directory_path() / fmt::format("lido-test-postgres-15-{}", geteuid());
    if (std::filesystem::exists(kept / "data" / "PG_VERSION")) return kept / "data";
    const temporary_directory work;
    give_to_server_user(work.path());
    run({program("initdb"), "-D", work.file("data"), "-U", "lido", "--auth=trust", "--encoding=UTF8", "--locale=C",
         "--wal-segsize=1", "--no-sync", "--no-instructions"},
        work.file("log"));
    std::filesystem::create_directories(kept);
    std::filesystem::permissions(kept, std::filesystem::perms::owner_all);
    // Made beside and then renamed: another test may be doing the same.
    const std::filesystem::path beside = kept / fmt::format("data-{}", getpid());
    std::filesystem::copy(work.path() / "data", beside, std::filesystem::copy_options::recursive);
    std::error_code taken;
    std::filesystem::rename(beside, kept / "data", taken);
    if (taken) std::filesystem::remove_all(beside);
    return kept / "data";
}

struct close_connection {
    void operator()(PGconn* each) const noexcept { PQfinish(each); }
};
using plain_connection = std::unique_ptr<PGconn, close_connection>;

plain_connection connect_to(const std::string& folder, std::uint16_t port) {
    return plain_connection(PQconnectdb(
        fmt::format("host={} port={} user=lido dbname=postgres application_name=test connect_timeout=5", folder, port)
            .c_str()));
}

/// The letter that the kernel has for what a process does: T where it is stopped, Z where it has ended and nobody has
/// asked how. A space: there is none.
char state_of(pid_t process) {
    // "7 (postgres: lido postgres [local] idle) T 1 …"
    const std::string line = read_file(fmt::format("/proc/{}/stat", process));
    const std::size_t end = line.rfind(')');
    return end == std::string::npos || line.size() < end + 3 ? ' ' : line[end + 2];
}

/// It has ended, and let go of all that it shared with others; a process whose memory is gone may not have done that.
bool has_ended(pid_t process) {
    const char now = state_of(process);
    return now == ' ' || now == 'Z' || now == 'X';
}

/// Returns when it stands still: a signal takes its time, and until then a process goes on.
void freeze_process(pid_t which) {
    ::kill(which, SIGSTOP);
    const bool stopped = becomes_true([which] { return state_of(which) == 'T' || has_ended(which); });
    if (!stopped) throw std::runtime_error("a server cannot be frozen");
}

}  // namespace

postgres_server::postgres_server(postgres_configuration configuration)
    : configuration_(std::move(configuration)), port_(free_port(database_ports)), process_(SIGQUIT) {
    std::filesystem::copy(fresh_folder(), data(), std::filesystem::copy_options::recursive);
    configure(false);
    start();
}

postgres_server::postgres_server(const postgres_server& primary, postgres_configuration configuration)
    : configuration_(std::move(configuration)),
      port_(free_port(database_ports)),
      primary_folder_(primary.socket_folder()),
      primary_port_(primary.port()),
      process_(SIGQUIT) {
    give_to_server_user(folder_.path());
    run({program("pg_basebackup"), "-D", data(), "-h", primary_folder_, "-p", std::to_string(primary_port_), "-U",
         "lido", "-X", "stream", "-c", "fast", "--no-sync"},
        folder_.file("log"));
    configure(true);
    start();
}

postgres_server::~postgres_server() {
    process_.end();
}

void postgres_server::configure(bool is_replica) {
    std::string tls = "ssl = off\n";
    if (!configuration_.certificate.empty()) {
        std::filesystem::copy_file(configuration_.certificate, folder_.file("server.pem"));
        std::filesystem::copy_file(configuration_.key, folder_.file("server.key"));
        std::filesystem::permissions(folder_.file("server.key"), std::filesystem::perms(0600));
        tls = fmt::format("ssl = on\nssl_cert_file = '{0}/server.pem'\nssl_key_file = '{0}/server.key'\n",
                          folder_.path().string());
    }
    if (!configuration_.client_authority.empty()) {
        std::filesystem::copy_file(configuration_.client_authority, folder_.file("client-ca.pem"));
        tls += fmt::format("ssl_ca_file = '{}'\n", folder_.file("client-ca.pem"));
    }
    std::ofstream(data() + "/postgresql.conf", std::ios::trunc)
        << fmt::format("listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\n", port_,
                       folder_.path().string())
        << "fsync = off\nfull_page_writes = off\nshared_buffers = 16MB\nmax_connections = 100\nautovacuum = off\n"
           "client_min_messages = warning\ndeadlock_timeout = 50ms\nmax_wal_senders = 4\nwal_keep_size = "
           "64\nhot_standby = on\nlog_min_messages = fatal\n"
           "log_min_error_statement = panic\nmax_wal_size = 64MB\nmin_wal_size = 2MB\n"
        << tls << configuration_.settings << '\n';
    std::ofstream(data() + "/pg_hba.conf", std::ios::trunc)
        << configuration_.access << "\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n"
        << "local replication all trust\n";
    if (is_replica) {
        std::ofstream(data() + "/standby.signal") << "";
        std::ofstream(data() + "/postgresql.auto.conf", std::ios::trunc)
            << fmt::format("primary_conninfo = 'host={} port={} user=lido'\n", primary_folder_, primary_port_);
    }
    std::filesystem::permissions(data(), std::filesystem::perms(0700));
    give_to_server_user(folder_.path());
}

void postgres_server::start() {
    process_.start({program("postgres"), "-D", data()}, folder_.file("log"));
    process_.wait_until([this] { return PQstatus(connect_to(socket_folder(), port_).get()) == CONNECTION_OK; },
                        patience);
}

std::string postgres_server::url(std::string_view options) const {
    return fmt::format("postgresql://lido@:{}/postgres?host={}{}", port_, folder_.path().string(), options);
}

std::string postgres_server::tcp_url(std::string_view host) const {
    return fmt::format("postgresql://lido@{}:{}/postgres", host, port_);
}

std::string postgres_server::ask(const std::string& statements) const {
    const plain_connection by = connect_to(socket_folder(), port_);
    const std::unique_ptr<PGresult, void (*)(PGresult*)> got(PQexec(by.get(), statements.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(got.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        throw std::runtime_error(statements + ": " + PQerrorMessage(by.get()));
    }
    return PQntuples(got.get()) > 0 ? PQgetvalue(got.get(), 0, 0) : "";
}

std::size_t postgres_server::connections(const std::string& application) const {
    return std::stoul(
        ask("select count(*) from pg_stat_activity where backend_type = 'client backend' and "
            "application_name = '" +
            application + "'"));
}

void postgres_server::stop() {
    process_.end_with(SIGINT);
}

void postgres_server::kill() {
    freeze_process(process_.id());  // or it has further children by the time that it ends
    const std::vector<pid_t> children = process_.children();
    for (const pid_t each : children) ::kill(each, SIGKILL);
    process_.end_with(SIGKILL);
    // On a busy machine one may still have the shared memory, and then no server starts.
    for (const pid_t each : children) static_cast<void>(becomes_true([each] { return has_ended(each); }));
}

void postgres_server::freeze() const {
    freeze_process(process_.id());  // first, so that it starts no further ones
    for (const pid_t each : process_.children()) freeze_process(each);
}

void postgres_server::thaw() const {
    for (const pid_t each : process_.children()) ::kill(each, SIGCONT);
    process_.signal(SIGCONT);
}

void postgres_server::promote() const {
    static_cast<void>(ask("select pg_promote(true, 30)"));
}

}  // namespace lido::test

#include "lido/sql/mysql/connector.hpp"

#include "lido/base/worker_threads.hpp"
#include "lido/net/event_loop.hpp"
#include "sql/fence_pause.hpp"
#include "sql/mysql/errors.hpp"
#include "sql/mysql/handle.hpp"
#include "sql/mysql/handover.hpp"
#include "sql/mysql/place.hpp"
#include "sql/mysql/session_implementation.hpp"
#include "sql/readable_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

namespace lido::mysql {

using sql::session_state;

namespace {

constexpr unsigned server_is_read_only = 1290;
constexpr unsigned storage_is_read_only = 1836;
constexpr unsigned server_shuts_down = 1053;

/// All of libmariadb's but `mysql_clear_password` and `dialog`.
constexpr const char* plugins_without_tls =
    "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password,auth_gssapi_client";

const char* text_or_null(const std::string& text) noexcept {
    return text.empty() ? nullptr : text.c_str();
}

/// libmariadb counts in whole seconds, and takes 0 for "for ever".
unsigned seconds_of(duration time) noexcept {
    const auto rounded = std::chrono::ceil<std::chrono::seconds>(time).count();
    return static_cast<unsigned>(std::clamp<std::int64_t>(rounded, 1, 3600));
}

/// The first `mysql_init` of a process initialises the library, and must not meet a second one.
void initialise_library() {
    static std::once_flag once;
    std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
}

void set_options(MYSQL* handle, const place& to, const sql::pool_settings& settings, duration time) {
    const unsigned seconds = seconds_of(time);
    const my_bool on = 1;
    const unsigned off = 0;
    const auto largest = static_cast<unsigned long>(std::max(settings.max_result_bytes, settings.max_statement_bytes));
    mysql_optionsv(handle, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_optionsv(handle, MYSQL_OPT_READ_TIMEOUT, &seconds);
    mysql_optionsv(handle, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
    mysql_optionsv(handle, MYSQL_OPT_LOCAL_INFILE, &off);
    mysql_optionsv(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &largest);
    mysql_optionsv(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(handle, MYSQL_INIT_COMMAND, session::implementation::first_words);
    // Otherwise "localhost" would mean a UNIX socket at the library's own place.
    const unsigned protocol = to.unix_socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
    mysql_optionsv(handle, MYSQL_OPT_PROTOCOL, &protocol);
    // Whoever answers in plain text could ask for the password as it is: these plugins would give it.
    if (!to.tls && to.unix_socket.empty()) mysql_optionsv(handle, MARIADB_OPT_RESTRICTED_AUTH, plugins_without_tls);
    if (!to.tls) return;
    mysql_ssl_set(handle, text_or_null(to.key_file), text_or_null(to.certificate_file), text_or_null(to.ca_file),
                  nullptr, nullptr);
    mysql_optionsv(handle, MYSQL_OPT_SSL_ENFORCE, &on);
    if (to.verify) mysql_optionsv(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
}

/// Blocks: for a worker thread.
result<unique_handle> connect(const place& to, const sql::pool_settings& settings, duration time) {
    if (to.tls) {
        auto there =
            sql::check_readable({{"ssl-ca", to.ca_file}, {"ssl-cert", to.certificate_file}, {"ssl-key", to.key_file}});
        if (!there) return std::move(there).error().with_context(fmt::format("connect to {}", to.to_text()));
    }
    initialise_library();
    unique_handle made(mysql_init(nullptr));
    if (!made) return error(lido::errc::connect_failed, "libmariadb has no memory for a connection");
    set_options(made.get(), to, settings, time);
    const std::string password(to.password.reveal());
    const MYSQL* const connected =
        mysql_real_connect(made.get(), text_or_null(to.host), text_or_null(to.user), password.c_str(),
                           text_or_null(to.database), to.port, text_or_null(to.unix_socket), CLIENT_REMEMBER_OPTIONS);
    if (connected == nullptr) {
        // With TLS 1.3 a server refuses a certificate after the handshake, by hanging up.
        constexpr unsigned lost = 2013;
        if (mysql_errno(made.get()) == lost && to.tls && !to.certificate_file.empty()) {
            return error(lido::errc::tls_failed,
                         fmt::format("connect to {}: {}", to.to_text(), mysql_error(made.get())),
                         "check whether the server believes the authority of this client's certificate (ssl-cert)");
        }
        return make_connect_error(mysql_errno(made.get()), mysql_sqlstate(made.get()), mysql_error(made.get()),
                                  to.to_text());
    }
    return made;
}

/// From here on libmariadb says nothing but its farewell.
result<std::unique_ptr<session>> take_over(net::event_loop& loop, unique_handle connected,
                                           const sql::pool_settings& settings, pool::connection_events events) {
    const result<sql::channel> over = channel_of(connected.get());
    if (!over) return over.error();
    auto made = std::make_unique<session::implementation>(loop, std::move(connected), *over, settings, events);
    if (auto watched = made->watch(); !watched) return std::move(watched).error();
    return std::make_unique<session>(std::move(made));
}

/// Blocks: ends a statement that another connection still runs.
result<bool> kill_query(const place& to, const sql::pool_settings& settings, std::uint64_t whose, duration time) {
    const auto second = connect(to, settings, time);
    if (!second) return second.error();
    const std::string text = fmt::format("KILL QUERY {}", whose);
    return mysql_real_query(second->get(), text.data(), text.size()) == 0;
}

result<std::string_view> name_of(sql::isolation level) {
    switch (level) {
        case sql::isolation::read_uncommitted:
            return std::string_view("READ UNCOMMITTED");
        case sql::isolation::read_committed:
            return std::string_view("READ COMMITTED");
        case sql::isolation::repeatable_read:
            return std::string_view("REPEATABLE READ");
        case sql::isolation::serializable:
            return std::string_view("SERIALIZABLE");
        case sql::isolation::server_default:
            break;
    }
    return error(lido::errc::invalid_argument, "no isolation level is named");
}

}  // namespace

/// What all connections of a pool share.
struct connector::shared {
    explicit shared(const pool_settings& with)
        : settings(with.pool), to(place::of(with).value()), threads(worker_settings(with.pool)) {}

    static worker_threads_settings worker_settings(const sql::pool_settings& of) {
        worker_threads_settings made;
        made.threads =
            static_cast<std::uint32_t>(std::clamp<std::size_t>(of.connections.max_concurrent_connects + 2, 2, 64));
        made.name = "lido-mysql";
        return made;
    }

    const sql::pool_settings settings;
    const place to;
    worker_threads threads;
    sql::fence_pause pause;
};

connector::connector(const pool_settings& with) : shared_(std::make_shared<shared>(with)) {}

task<result<std::unique_ptr<session>>> connector::open(const pool::open_request& request) {
    const std::shared_ptr<shared> mine = shared_;
    // The runtimes of Lido run nothing but event loops.
    auto& loop = static_cast<net::event_loop&>(request.where);
    const time_point deadline = request.deadline;
    const duration time = deadline - loop.now();
    const pool::connection_events events = request.events;
    auto work = [mine, time] { return connect(mine->to, mine->settings, time); };
    task<result<unique_handle>> connecting = mine->threads.run(std::move(work), deadline);
    result<unique_handle> connected = co_await std::move(connecting);
    if (!connected && connected.error() == lido::errc::timeout) {
        co_return error(lido::errc::connect_timeout,
                        fmt::format("connect to {}: no answer in time", mine->to.to_text()));
    }
    if (!connected) co_return std::move(connected).error();
    co_return take_over(loop, std::move(*connected), mine->settings, events);
}

task<result<void>> connector::check(session& which, time_point deadline) {
    return which.implementation_->ping(deadline);
}

task<result<void>> connector::reset(session& which, time_point deadline) {
    session::implementation& on = *which.implementation_;
    if (shared_->settings.reset == sql::reset_policy::full || on.is_altered()) {
        result<void> all = co_await on.reset_all(deadline);
        co_return std::move(all);
    }
    const sql::statement rollback("ROLLBACK");
    const sql::parameters none;
    result<sql::rows> undone = co_await on.run(rollback, none, deadline);
    if (!undone) co_return std::move(undone).error();
    if (on.state() != session_state::idle) co_return error(lido::errc::reset_failed, "the transaction did not end");
    co_return result<void>();
}

task<void> connector::close(session& which, time_point deadline) {
    session::implementation& on = *which.implementation_;
    const std::shared_ptr<shared> mine = shared_;
    if (on.state() != session_state::busy) co_return;  // its destructor says good-bye
    on.shut_down();
    if (!mine->settings.cancel_abandoned) co_return;
    const std::uint64_t whose = which.id();
    const duration time = deadline - scheduler::current()->now();
    auto work = [mine, whose, time] { return kill_query(mine->to, mine->settings, whose, time); };
    task<result<bool>> killing = mine->threads.run(std::move(work), deadline);
    const result<bool> killed = co_await std::move(killing);
    static_cast<void>(killed);  // it may have ended by itself; and then there is nothing more to be done
}

pool::verdict connector::usable(const session& which) const noexcept {
    const sql::reset_policy policy = shared_->settings.reset;
    switch (which.state()) {
        case session_state::idle:
            if (policy != sql::reset_policy::full && !which.implementation_->is_altered()) return pool::verdict::clean;
            [[fallthrough]];
        case session_state::open:
        case session_state::failed:
            return policy == sql::reset_policy::none ? pool::verdict::broken : pool::verdict::needs_reset;
        case session_state::busy:
        case session_state::broken:
            break;
    }
    return pool::verdict::broken;
}

result<std::vector<sql::statement>> connector::begin_statements(const sql::transaction_options& options) const {
    if (options.deferrable) {
        return error(lido::errc::invalid_argument, "MySQL and MariaDB have no deferrable transactions", "leave it out");
    }
    std::vector<sql::statement> all;
    if (options.isolation != sql::isolation::server_default) {
        const auto level = name_of(options.isolation);
        if (!level) return level.error();
        all.emplace_back(sql::trusted_sql(fmt::format("SET TRANSACTION ISOLATION LEVEL {}", *level)));
    }
    sql::statement begin = "START TRANSACTION";
    if (options.access == sql::access_mode::read_only) begin = "START TRANSACTION READ ONLY";
    if (options.access == sql::access_mode::read_write) begin = "START TRANSACTION READ WRITE";
    all.push_back(std::move(begin));
    return all;
}

bool connector::ends_generation(const error& failure, const session& where) const noexcept {
    const unsigned number = where.implementation_->last_number();
    if (failure == sql::errc::shutting_down) return number == server_shuts_down;
    if (failure != sql::errc::read_only) return false;
    const bool is_server = number == server_is_read_only || number == storage_is_read_only;
    return is_server && shared_->pause.ends(coarse_now());
}

}  // namespace lido::mysql

// Connecting and logging in, which libpq does.
#include "sql/postgres/connect_parameters.hpp"
#include "sql/postgres/wire.hpp"
#include "sql/postgres/wire_readiness.hpp"
#include "sql/remedy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <poll.h>

namespace lido::postgres {
namespace {

bool can_now(int descriptor, PostgresPollingStatusType what) noexcept {
    const auto events = static_cast<short>(what == PGRES_POLLING_READING ? POLLIN : POLLOUT);
    pollfd asked{descriptor, events, 0};
    return ::poll(&asked, 1, 0) > 0;
}

}  // namespace

/// libpq may open another socket while it connects, which may even get the same number.
result<void> wire::watch_descriptor() {
    const int code = loop_.add(PQsocket(connection_), *this);
    if (code == 0 || code == EEXIST) return {};
    return error(lido::errc::connect_failed,
                 fmt::format("the connection to PostgreSQL cannot be watched: {}", std::strerror(code)));
}

error wire::connect_failure() const {
    const std::string_view text = PQerrorMessage(connection_);
    const server_error said = read_connect_error(text);
    if (said.state.starts_with("08")) {
        // What proxies have to say. PgBouncer has one code, 08P01, for all of it.
        if (said.message.find("no more connections allowed") != std::string::npos) {
            return {sql::errc::too_many_connections, said.message, sql::remedy_of(sql::errc::too_many_connections)};
        }
        return {lido::errc::connect_failed, fmt::format("PostgreSQL {}: {}", said.state, said.message)};
    }
    if (!said.state.empty()) return to_error(said);
    if (PQconnectionNeedsPassword(connection_) != 0) {
        return {sql::errc::authentication_failed, "the server asks for a password, and none was given",
                "put one into the URL, postgresql://user:password@host/database"};
    }
    constexpr std::array of_tls{"SSL", "certificate", "private key"};
    const bool by_tls = std::any_of(of_tls.begin(), of_tls.end(),
                                    [text](const char* word) { return text.find(word) != std::string_view::npos; });
    return {by_tls ? lido::errc::tls_failed : lido::errc::connect_failed, said.message};
}

task<result<void>> wire::connect(const connect_parameters& with, time_point deadline) {
    connection_ = PQconnectStartParams(with.names(), with.values(), 0);
    if (connection_ == nullptr) co_return error(lido::errc::connect_failed, "libpq has no memory for a connection");
    PQsetNoticeReceiver(connection_, &wire::take_notice, this);
    PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);  // with the SQLSTATE, which is nowhere else
    if (PQstatus(connection_) == CONNECTION_BAD) co_return connect_failure();
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (wanted != PGRES_POLLING_OK) {
        if (auto watched = watch_descriptor(); !watched) co_return std::move(watched).error();
        while (!can_now(PQsocket(connection_), wanted)) {
            readiness waiter(*this, deadline);
            const bool came = co_await waiter;
            if (!came) co_return error(lido::errc::connect_timeout, "PostgreSQL did not answer in time");
        }
        wanted = PQconnectPoll(connection_);
        if (wanted == PGRES_POLLING_FAILED) co_return connect_failure();
    }
    if (auto watched = watch_descriptor(); !watched) co_return std::move(watched).error();
    co_return take_over();
}

/// From here on libpq reads nothing and writes nothing but its farewell. Messages that came behind the login's last one
/// libpq has taken as it takes them between statements; of one that came in part it has that part, and Lido gets the
/// rest, which begins with no message's beginning.
result<void> wire::take_over() {
    if (PQgssEncInUse(connection_) != 0 || PQprotocolVersion(connection_) != 3) {
        return error(lido::errc::connect_failed, "the server speaks another protocol than PostgreSQL's 3.0");
    }
    if (PQsetnonblocking(connection_, 1) != 0) {  // its farewell waits for nobody
        return error(lido::errc::connect_failed, "libpq does not go on without waiting");
    }
    channel_ = sql::channel(PQsocket(connection_), static_cast<SSL*>(PQsslStruct(connection_, "OpenSSL")));
    hung_up_ = false;  // it may have been another socket's
    if (loop_.hear_of_writing(PQsocket(connection_), *this, false) != 0) {
        return error(lido::errc::connect_failed, "the connection to PostgreSQL cannot be watched");
    }
    phase_ = phase::working;
    note_state();
    // What came together with the login's end, and makes no further event; its TLS may have read it already.
    go_on_later();
    return {};
}

void wire::take_notice(void* self, const PGresult* what) noexcept {
    server_error said = read_notice(what);
    if (said.fatal) static_cast<wire*>(self)->last_words_ = std::move(said);
}

}  // namespace lido::postgres

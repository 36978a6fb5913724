#include "sql/postgres/wire.hpp"
#include "sql/postgres/wire_readiness.hpp"

#include <fmt/format.h>

#include <memory>

#include <sys/ioctl.h>

namespace lido::postgres {
namespace {

constexpr std::size_t taken_at_once = std::size_t{64} * 1024;

struct clear_result {
    void operator()(PGresult* each) const noexcept { PQclear(each); }
};
using result_pointer = std::unique_ptr<PGresult, clear_result>;

}  // namespace

error wire::copy_failed(const PGresult* got) {
    const std::string_view text = PQerrorMessage(connection_);
    error why(lido::errc::connection_closed, std::string(text.substr(0, text.find('\n'))));
    if (got != nullptr && PQresultStatus(got) == PGRES_FATAL_ERROR) {
        const server_error said = read_error(got);
        if (!said.state.empty()) why = to_error(said);
    }
    break_off(why);
    return why;
}

/// Until something came, or something more can be sent.
task<result<void>> wire::await_copy(bool to_write, time_point deadline) {
    int unread = 0;
    const bool more = ioctl(PQsocket(connection_), FIONREAD, &unread) == 0 && unread > 0;
    if (!more) {
        readiness waiter(*this, deadline);
        const bool came = co_await waiter;
        if (!came) {
            error late(lido::errc::timeout, "COPY did not go on in time", "raise statement_timeout");
            break_off(late);
            co_return std::move(late);
        }
    }
    if (to_write) flush();
    if (PQconsumeInput(connection_) == 0) co_return copy_failed(nullptr);
    co_return result<void>();
}

task<result<PGresult*>> wire::copy_result(time_point deadline) {
    flush();
    while (PQisBusy(connection_) != 0) {
        result<void> came = co_await await_copy(true, deadline);
        if (!came) co_return std::move(came).error();
    }
    co_return PQgetResult(connection_);
}

task<result<void>> wire::begin_copy(const char* text, ExecStatusType wanted, time_point deadline) {
    if (broken_) co_return not_sent();
    if (PQexitPipelineMode(connection_) != 1 || PQsendQuery(connection_, text) != 1) co_return copy_failed(nullptr);
    connecting_ = true;
    copy_ended_ = false;
    state_.store(sql::session_state::busy, std::memory_order_release);
    result<PGresult*> got = co_await copy_result(deadline);
    if (!got) co_return std::move(got).error();
    const result_pointer first(*got);
    if (PQresultStatus(first.get()) == wanted) co_return result<void>();
    if (PQresultStatus(first.get()) != PGRES_FATAL_ERROR) {
        error other(lido::errc::invalid_argument, "the statement is no COPY of this direction",
                    "COPY … FROM STDIN, or COPY … TO STDOUT");
        break_off(other);
        co_return std::move(other);
    }
    co_return copy_failed(first.get());
}

task<result<void>> wire::put_copy(std::string_view data, time_point deadline) {
    if (broken_) co_return not_sent();
    while (true) {
        const int put = PQputCopyData(connection_, data.data(), static_cast<int>(data.size()));
        if (put < 0) co_return copy_failed(nullptr);
        flush();
        if (put == 1 && !want_write_) co_return result<void>();
        if (put == 1) break;
        result<void> came = co_await await_copy(true, deadline);
        if (!came) co_return std::move(came).error();
    }
    // What libpq could not send yet is sent before more is taken: it would otherwise keep all of it.
    while (want_write_) {
        result<void> came = co_await await_copy(true, deadline);
        if (!came) co_return std::move(came).error();
        flush();
    }
    co_return result<void>();
}

task<result<std::string>> wire::take_copy(time_point deadline) {
    std::string taken;
    while (!broken_) {
        if (copy_ended_) co_return std::move(taken);
        char* row = nullptr;
        const int size = PQgetCopyData(connection_, &row, 1);
        if (size > 0) {
            taken.append(row, static_cast<std::size_t>(size));
            PQfreemem(row);
            if (taken.size() >= taken_at_once) co_return std::move(taken);
            continue;
        }
        if (size == -1) {
            copy_ended_ = true;
            continue;
        }
        if (size < -1) co_return copy_failed(nullptr);
        if (!taken.empty()) co_return std::move(taken);
        result<void> came = co_await await_copy(false, deadline);
        if (!came) co_return std::move(came).error();
    }
    co_return *broken_;
}

task<result<std::uint64_t>> wire::end_copy(bool put, time_point deadline) {
    if (broken_) co_return *broken_;
    if (put && PQputCopyEnd(connection_, nullptr) < 0) co_return copy_failed(nullptr);
    std::uint64_t rows = 0;
    while (true) {
        result<PGresult*> got = co_await copy_result(deadline);
        if (!got) {
            if (put) co_return error(lido::errc::maybe_executed, got.error().what());
            co_return std::move(got).error();
        }
        const result_pointer one(*got);
        if (one == nullptr) break;
        if (PQresultStatus(one.get()) != PGRES_COMMAND_OK) co_return copy_failed(one.get());
        const std::string_view count = PQcmdTuples(one.get());
        for (const char digit : count) rows = rows * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    if (PQenterPipelineMode(connection_) != 1) co_return copy_failed(nullptr);
    connecting_ = false;
    note_state();
    co_return rows;
}

}  // namespace lido::postgres

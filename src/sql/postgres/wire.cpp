#include "sql/postgres/wire.hpp"

#include "sql/postgres/connect_parameters.hpp"
#include "sql/postgres/row_decoding.hpp"
#include "sql/postgres/wire_readiness.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace lido::postgres {
namespace {

/// libpq has room for at least 8 KiB whenever it reads: what is less came with a read that emptied the kernel's buffer.
constexpr std::size_t surely_short_read = 6000;
/// Notifications that nobody takes cost memory: a connection that has more of them is ended.
constexpr std::size_t most_notifications = 10'000;
/// Reads of one connection in one turn of the loop. Others want theirs too, and so does who cancels what is coming in.
constexpr int reads_per_turn = 16;
/// An answer that nobody waits for any more is read to its end, but not for ever.
constexpr std::size_t most_dropped = std::size_t{64} * 1024 * 1024;

std::string first_line(const char* text) {
    const std::string_view all(text == nullptr ? "" : text);
    return std::string(all.substr(0, all.find('\n')));
}

std::uint64_t affected_of(const PGresult* from) noexcept {
    const std::string_view text(PQcmdTuples(const_cast<PGresult*>(from)));
    std::uint64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

bool can_now(int descriptor, PostgresPollingStatusType what) noexcept {
    const auto events = static_cast<short>(what == PGRES_POLLING_READING ? POLLIN : POLLOUT);
    pollfd asked{descriptor, events, 0};
    return ::poll(&asked, 1, 0) > 0;
}

}  // namespace

// ---- reply ----------------------------------------------------------------------------------------------------------

reply::~reply() {
    from_.give_up(*this);
}

// ---- connecting -----------------------------------------------------------------------------------------------------

wire::wire(net::event_loop& loop, const wire_limits& limits, statement_cache& statements)
    : loop_(loop), limits_(limits), statements_(statements) {}

wire::~wire() {
    *self_ = nullptr;
    if (destroyed_ != nullptr) *destroyed_ = true;
    for (const expected& each : expected_) {
        if (each.taker != nullptr) each.taker->expected_ = false;
    }
    if (connection_ == nullptr) return;
    // The descriptor is -1 where libpq has closed it; then the kernel has forgotten it.
    loop_.remove(PQsocket(connection_), *this);
    PQfinish(connection_);
}

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
    if (!said.state.empty()) return to_error(said);
    const bool by_tls =
        text.find("SSL") != std::string_view::npos || text.find("certificate") != std::string_view::npos;
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
    PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
    if (PQsetnonblocking(connection_, 1) != 0 || PQenterPipelineMode(connection_) != 1) {
        co_return error(lido::errc::connect_failed, first_line(PQerrorMessage(connection_)));
    }
    connecting_ = false;
    note_state();
    co_return result<void>();
}

// ---- sending --------------------------------------------------------------------------------------------------------

result<void> wire::not_sent() const {
    return error(lido::errc::connection_closed, fmt::format("nothing was sent: {}", broken_->what()),
                 "try again with another connection");
}

result<void> wire::send(reply& answer, const char* text, const std::string& name, preparation how,
                        const text_parameters& with) {
    if (broken_) return not_sent();
    int sent = 1;
    if (how == preparation::first) sent = PQsendPrepare(connection_, name.c_str(), text, 0, nullptr);
    if (sent == 1 && how == preparation::none) {
        sent = PQsendQueryParams(connection_, text, with.count(), nullptr, with.values(), with.lengths(),
                                 with.formats(), 0);
    } else if (sent == 1) {
        sent = PQsendQueryPrepared(connection_, name.c_str(), with.count(), with.values(), with.lengths(),
                                   with.formats(), 0);
    }
    if (sent != 1) {
        break_off(error(lido::errc::connection_closed, first_line(PQerrorMessage(connection_))));
        return not_sent();
    }
    return push(&answer, how == preparation::first ? name : std::string());
}

result<void> wire::send_sync(reply& answer) {
    if (broken_) return not_sent();
    return push(&answer, std::string());
}

void wire::send_aside(const char* text) {
    if (broken_) return;
    if (PQsendQueryParams(connection_, text, 0, nullptr, nullptr, nullptr, nullptr, 0) == 1) {
        static_cast<void>(push(nullptr, std::string()));
    } else {
        break_off(error(lido::errc::connection_closed, first_line(PQerrorMessage(connection_))));
    }
}

result<void> wire::push(reply* answer, std::string preparing) {
    const bool is_next = expected_.empty();
    const bool one_by_one = answer != nullptr && answer->one_by_one;
    const bool row_by_row = is_next && one_by_one && preparing.empty();
    if (row_by_row) static_cast<void>(PQsetSingleRowMode(connection_));
    if (PQpipelineSync(connection_) != 1) {
        break_off(error(lido::errc::connection_closed, first_line(PQerrorMessage(connection_))));
        return not_sent();
    }
    if (is_next) head_since_ = loop_.now();
    expected_.push_back({answer, std::move(preparing), one_by_one});
    if (answer != nullptr) answer->expected_ = true;
    state_.store(sql::session_state::busy, std::memory_order_release);
    flush();
    return {};
}

void wire::flush() noexcept {
    // A failure shows when it is read next: libpq may have the server's last words still to come.
    want_write_ = PQflush(connection_) == 1;
}

void wire::give_up(reply& answer) noexcept {
    if (std::exchange(answer.expected_, false)) {
        const auto found = std::find_if(expected_.begin(), expected_.end(),
                                        [&answer](const expected& each) { return each.taker == &answer; });
        if (found != expected_.end()) found->taker = nullptr;
        if (std::exchange(paused_, false)) go_on_later();
    }
    std::erase(ready_, &answer);
}

bool wire::anybody_waits() const noexcept {
    return std::any_of(expected_.begin(), expected_.end(), [](const expected& each) { return each.taker != nullptr; });
}

// ---- reading --------------------------------------------------------------------------------------------------------

void wire::on_events(std::uint32_t events) noexcept {
    if (connecting_) {
        if (connecter_ != nullptr) connecter_->go_on(true);
        return;
    }
    if (broken_) return;
    constexpr std::uint32_t ended = EPOLLRDHUP | EPOLLERR | EPOLLHUP;
    if ((events & ended) != 0) hung_up_ = true;
    if (want_write_ && (events & EPOLLOUT) != 0) flush();
    if ((events & (EPOLLIN | ended)) == 0 || paused_) return;
    const bool unasked = expected_.empty();
    pump();
    settle_events(unasked || broken_.has_value());
}

void wire::pump() noexcept {
    for (int reads = 1;; ++reads) {
        chatter_ = expected_.empty();
        read_size_ = 0;
        if (PQconsumeInput(connection_) == 0) {
            std::string why = first_line(PQerrorMessage(connection_));
            if (last_words_) why = fmt::format("PostgreSQL {}: {}", last_words_->state, last_words_->message);
            break_off(error(lido::errc::connection_closed, std::move(why)));
            return;
        }
        take_results();
        if (expected_.empty() && !broken_) take_unasked();
        if (paused_ || broken_ || !more_to_read()) break;
        if (reads < reads_per_turn) continue;
        go_on_later();
        break;
    }
    if (want_write_ && !broken_) flush();
}

void wire::take_results() {
    bool ended_before = false;
    while (!expected_.empty() && !paused_ && !broken_) {
        if (PQisBusy(connection_) != 0) return;
        PGresult* const got = PQgetResult(connection_);
        if (got == nullptr) {
            if (std::exchange(ended_before, true)) {
                break_off(error(lido::errc::protocol_error, "libpq expects no answer where one is outstanding"));
                return;
            }
            next_command(expected_.front());
            continue;
        }
        ended_before = false;
        read_size_ += PQresultMemorySize(got);
        take(got, expected_.front());
        PQclear(got);
    }
}

void wire::take_unasked() {
    while (PGnotify* const came = PQnotifies(connection_)) {
        chatter_ = true;
        notifications_.push_back({came->relname, came->extra, came->be_pid});
        PQfreemem(came);
    }
    if (notifications_.size() > most_notifications) {
        break_off(error(lido::errc::limit_exceeded, "notifications come faster than they are taken"));
    }
}

void wire::next_command(expected& head) {
    if (head.preparing.empty()) return;
    head.preparing.clear();
    if (head.one_by_one) static_cast<void>(PQsetSingleRowMode(connection_));
}

void wire::take(PGresult* got, expected& head) {
    reply* const taker = head.taker;
    switch (PQresultStatus(got)) {
        case PGRES_PIPELINE_SYNC:
            end_head();
            return;
        case PGRES_SINGLE_TUPLE:
            if (taker == nullptr) return;
            take_rows(got, *taker);
            if (taker->into.size() >= limits_.batch_rows || taker->into.stored_bytes() >= limits_.batch_bytes) {
                taker->batch_is_full = true;
                paused_ = true;
                ready_.push_back(taker);
            }
            return;
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
            if (taker == nullptr || !head.preparing.empty()) return;
            take_rows(got, *taker);
            taker->into.set_affected(affected_of(got));
            taker->executed_ = true;
            return;
        case PGRES_EMPTY_QUERY:
        case PGRES_PIPELINE_ABORTED:
            return;
        case PGRES_COPY_IN:
        case PGRES_COPY_OUT:
        case PGRES_COPY_BOTH:
            break_off(error(lido::errc::invalid_argument, "COPY was sent as an ordinary statement",
                            "use copy_in or copy_out of a lease"));
            return;
        default:
            take_failure(got, head);
    }
}

void wire::take_rows(const PGresult* got, reply& to) {
    add_columns(got, to.into);
    add_rows(got, to.into);
}

void wire::take_failure(const PGresult* got, expected& head) {
    server_error said = read_error(got);
    if (!head.preparing.empty()) statements_.forget(head.preparing);
    if (said.state.empty()) {
        if (PQstatus(connection_) == CONNECTION_BAD) {
            break_off(error(lido::errc::connection_closed, said.message));
        } else if (head.taker != nullptr) {
            head.taker->failed = error(lido::errc::protocol_error, said.message);
        }
        return;
    }
    if (said.fatal) last_words_ = said;
    if (head.taker == nullptr) return;
    // The server stops at any point when a neighbour crashed (57P02); once it has executed the statement, nobody but
    // the Sync's answer tells whether that lasts.
    if (said.fatal && (head.taker->executed_ || said.state == "57P02")) {
        head.taker->failed = error(lido::errc::maybe_executed, to_error(said).what());
    } else {
        head.taker->refused = std::move(said);
    }
}

void wire::end_head() {
    reply* const taker = expected_.front().taker;
    expected_.pop_front();
    received_ = 0;
    head_since_ = loop_.now();
    if (taker != nullptr) finish(*taker);
    if (expected_.empty()) return;
    const expected& next = expected_.front();
    if (next.one_by_one && next.preparing.empty()) static_cast<void>(PQsetSingleRowMode(connection_));
}

void wire::finish(reply& which) {
    which.expected_ = false;
    which.done = true;
    ready_.push_back(&which);
}

/// Is there more than what was read? The kernel reports only what comes anew.
bool wire::more_to_read() noexcept {
    if (hung_up_) return true;
    const bool by_tls = PQsslInUse(connection_) != 0;
    if (!by_tls && expected_.empty() && !chatter_ && read_size_ < surely_short_read) return false;
    if (by_tls) {
        const auto* const tls = static_cast<const SSL*>(PQsslStruct(connection_, "OpenSSL"));
        if (tls != nullptr && SSL_pending(tls) > 0) return true;
    }
    int unread = 0;
    if (ioctl(PQsocket(connection_), FIONREAD, &unread) != 0 || unread <= 0) return false;
    count_unread(static_cast<std::size_t>(unread));
    return !broken_;
}

void wire::count_unread(std::size_t bytes) {
    received_ += bytes;
    if (expected_.empty() || received_ <= limits_.result_bytes) return;
    expected& head = expected_.front();
    if (head.one_by_one) return;  // what comes row by row is bounded by its batches
    if (head.taker != nullptr) {
        head.taker->failed = error(lido::errc::limit_exceeded,
                                   fmt::format("the result has more than max_result_bytes = {}", limits_.result_bytes),
                                   "ask for less, stream it, or raise max_result_bytes");
        finish(*std::exchange(head.taker, nullptr));
    } else if (received_ > 2 * limits_.result_bytes + most_dropped) {
        break_off(error(lido::errc::limit_exceeded, "a result that nobody waits for does not end"));
    }
}

// ---- the end, and what follows from events --------------------------------------------------------------------------

void wire::break_off(const error& why) {
    if (broken_) return;
    broken_ = why;
    paused_ = false;
    state_.store(sql::session_state::broken, std::memory_order_release);
    if (const int descriptor = PQsocket(connection_); descriptor >= 0) ::shutdown(descriptor, SHUT_RDWR);
    fail_all(why);
    go_on_later();
}

void wire::fail_all(const error& why) {
    for (const expected& each : std::exchange(expected_, {})) {
        if (each.taker == nullptr) continue;
        reply& taker = *each.taker;
        if (!taker.refused && !taker.failed) {
            const bool own = why == lido::errc::invalid_argument || why == lido::errc::protocol_error;
            taker.failed = own ? why
                               : error(lido::errc::maybe_executed,
                                       fmt::format("the connection broke before the answer: {}", why.what()),
                                       "look in the database whether it took effect");
        }
        finish(taker);
    }
}

struct wire::later : work {
    explicit later(std::shared_ptr<wire*> of) noexcept
        : work([](work& item) noexcept {
              const std::unique_ptr<later> self(static_cast<later*>(&item));
              wire* const which = *self->of_wire;
              if (which == nullptr) return;
              which->goes_on_later_ = false;
              if (!which->broken_ && !which->paused_) {
                  which->take_results();
                  which->pump();
              }
              which->settle_events(which->broken_.has_value());
          }),
          of_wire(std::move(of)) {}
    std::shared_ptr<wire*> of_wire;
};

void wire::go_on_later() {
    if (!std::exchange(goes_on_later_, true)) loop_.post(*new later(self_));
}

void wire::resume_reading(reply& answer) {
    answer.batch_is_full = false;
    paused_ = false;
    if (broken_) return;
    take_results();
    if (!paused_ && !broken_) pump();
    note_state();
}

void wire::note_state() noexcept {
    auto now = sql::session_state::busy;
    if (broken_) {
        now = sql::session_state::broken;
    } else if (expected_.empty()) {
        switch (PQtransactionStatus(connection_)) {
            case PQTRANS_IDLE:
                now = sql::session_state::idle;
                break;
            case PQTRANS_INTRANS:
                now = sql::session_state::open;
                break;
            case PQTRANS_INERROR:
                now = sql::session_state::failed;
                break;
            case PQTRANS_ACTIVE:
                break;
            case PQTRANS_UNKNOWN:
                now = sql::session_state::broken;
                break;
        }
    }
    state_.store(now, std::memory_order_release);
}

/// Last in each event: whoever is resumed may destroy this object.
void wire::settle_events(bool unasked) noexcept {
    note_state();
    bool destroyed = false;
    bool* const outer = std::exchange(destroyed_, &destroyed);
    while (!destroyed && !ready_.empty()) {
        reply* const next = ready_.front();
        ready_.erase(ready_.begin());
        if (next->waiter_ && (next->done || next->batch_is_full)) next->waiter_.resume();
    }
    if (destroyed) {
        if (outer != nullptr) *outer = true;
        return;
    }
    destroyed_ = outer;
    if (unasked && unasked_ != nullptr) unasked_(unasked_context_);
}

void wire::take_notice(void* self, const PGresult* what) noexcept {
    auto& mine = *static_cast<wire*>(self);
    mine.chatter_ = true;
    server_error said = read_error(what);
    if (said.fatal) mine.last_words_ = std::move(said);
}

}  // namespace lido::postgres

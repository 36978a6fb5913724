#include "sql/postgres/wire.hpp"

#include "sql/postgres/row_decoding.hpp"
#include "sql/postgres/wire_readiness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <sys/epoll.h>

namespace lido::postgres {
namespace {

/// Notifications that nobody takes cost memory: a connection that has more of them is ended.
constexpr std::size_t most_notifications = 10'000;
constexpr std::size_t most_notified_bytes = std::size_t{16} * 1024 * 1024;
/// A server has some fourteen of them.
constexpr std::size_t most_parameters = 1'000;
/// Reads of one connection in one turn of the loop. Others want theirs too, and so does who cancels what is coming in.
constexpr int reads_per_turn = 16;
/// An answer that nobody waits for any more is read to its end, but not for ever, unless somebody waits behind it.
constexpr std::size_t most_dropped = std::size_t{64} * 1024 * 1024;
/// What is kept of the memory for what is sent.
constexpr std::size_t most_kept = std::size_t{64} * 1024;
/// Room for whatever is no row: columns and errors, also where results must be small.
constexpr std::size_t least_of_message = std::size_t{1024} * 1024;

/// Of a row, nothing is kept that would be refused as a result.
std::size_t largest_message(const wire_limits& limits) noexcept {
    return std::max({limits.result_bytes, limits.batch_bytes, least_of_message});
}

}  // namespace

// ---- reply ----------------------------------------------------------------------------------------------------------

reply::~reply() {
    from_.give_up(*this);
}

wire::wire(net::event_loop& loop, const wire_limits& limits, sending when, statement_cache& statements)
    : loop_(loop),
      limits_(limits),
      when_(when),
      statements_(statements),
      reader_(largest_message(limits)),
      later_(recurring_work::make(
          loop, [](void* self) noexcept { static_cast<wire*>(self)->run_later(); }, this)) {}

wire::~wire() {
    if (destroyed_ != nullptr) *destroyed_ = true;
    for (const expected& each : expected_) {
        if (each.taker != nullptr) each.taker->expected_ = false;
    }
    for (reply* const each : ready_) {
        if (each != nullptr) each->is_ready_ = false;
    }
    if (connection_ == nullptr) return;
    // libpq's farewell must not become part of a message of which the server has the beginning.
    if (want_write_ || phase_ == phase::copying) channel_.shut_down();
    // The descriptor is -1 where libpq has closed it; then the kernel has forgotten it.
    loop_.remove(PQsocket(connection_), *this);
    PQfinish(connection_);
}

void wire::go_on_later() {
    goes_on_later_ = true;
    later_->post();
}

void wire::run_later() noexcept {
    if (!broken_ && out_begin_ < out_.size() && !want_write_ && !can_hold_back()) flush();
    if (!std::exchange(goes_on_later_, false)) return;
    if (!broken_ && !paused_ && phase_ == phase::working) {
        take_messages();
        pump();
    }
    settle_events();
}

// ---- sending --------------------------------------------------------------------------------------------------------

result<void> wire::not_sent() const {
    return error(lido::errc::connection_closed, fmt::format("nothing was sent: {}", broken_->what()),
                 "try again with another connection");
}

/// In the middle of a COPY whatever is sent would be taken for a part of it.
result<void> wire::may_send() {
    if (phase_ == phase::copying) break_off(error(lido::errc::connection_closed, "a COPY was given up half-way"));
    if (broken_) return not_sent();
    return {};
}

result<void> wire::write(reply* answer, const statement& what, const text_parameters& with, bool sync) {
    if (auto may = may_send(); !may) return may;
    sent_messages sent;
    sent.parse = what.how != preparation::there;
    sent.describe = what.shape == nullptr;
    sent.execute = true;
    sent.sync = sync;
    message_writer to(out_);
    if (sent.parse) to.parse(what.name, what.text);
    to.bind(what.name, with);
    if (sent.describe) to.describe();
    if (sent.sync) {
        to.execute_and_sync();
    } else {
        to.execute();
    }
    expect(answer, sent, what);
    return {};
}

result<void> wire::send(reply& answer, const statement& what, const text_parameters& with) {
    auto written = write(&answer, what, with, true);
    if (written) send_out();
    return written;
}

result<void> wire::send_part(reply& answer, const statement& what, const text_parameters& with) {
    return write(&answer, what, with, false);
}

result<void> wire::send_sync(reply& answer, bool ends_parts) {
    if (auto may = may_send(); !may) return may;
    answer.executed_ = ends_parts;
    message_writer(out_).sync();
    sent_messages alone;
    alone.sync = true;
    expect(&answer, alone, statement());
    send_out();
    return {};
}

void wire::send_close(std::string_view name) {
    if (!may_send()) return;
    message_writer to(out_);
    to.close_statement(name);
    to.sync();
    sent_messages sent;
    sent.close = true;
    sent.sync = true;
    expect(nullptr, sent, statement());
}

void wire::expect(reply* answer, const sent_messages& sent, const statement& what) {
    if (expected_.empty()) head_since_ = loop_.now();
    expected_.push_back({answer, answer_order(sent), std::string(), what.shape});
    ++unsent_;
    if (sent.describe) expected_.back().name = what.name;
    if (answer != nullptr) answer->expected_ = true;
    state_.store(sql::session_state::busy, std::memory_order_release);
}

void wire::send_out() {
    if (want_write_) return;  // it follows what the system could not take yet
    if (when_ == sending::together) {
        later_->post();
    } else {
        flush();
    }
}

/// Answers come in order, so nothing that waits here would be answered sooner if it was sent. What is outstanding at
/// the server brings an answer, or the connection's end, and with that the question is asked again.
bool wire::can_hold_back() const noexcept {
    constexpr std::size_t least_at_server = 3;  // as long as it takes to wake up and send
    const std::size_t at_server = expected_.size() - unsent_;
    return when_ == sending::together && at_server > std::max(unsent_, least_at_server);
}

void wire::wait_to_write(bool wanted) noexcept {
    if (want_write_ == wanted) return;
    want_write_ = wanted;
    if (loop_.hear_of_writing(PQsocket(connection_), *this, wanted) == 0) return;
    break_off(error(lido::errc::connection_closed, "the connection to PostgreSQL cannot be watched"));
}

void wire::flush() noexcept {
    while (out_begin_ < out_.size()) {
        const sql::channel::transfer sent = channel_.send(std::string_view(out_).substr(out_begin_));
        if (sent.how == sql::channel::outcome::would_block) {
            return wait_to_write(true);
        }
        if (sent.how == sql::channel::outcome::ended) {
            // The server may have its last words still to come.
            hung_up_ = true;
            go_on_later();
            break;
        }
        out_begin_ += sent.size;
        unsent_ = 0;
    }
    out_begin_ = 0;
    out_.clear();
    if (out_.capacity() > most_kept) out_ = std::string();
    wait_to_write(false);
}

void wire::give_up(reply& answer) noexcept {
    if (std::exchange(answer.expected_, false)) {
        const auto found = std::find_if(expected_.begin(), expected_.end(),
                                        [&answer](const expected& each) { return each.taker == &answer; });
        if (found != expected_.end()) found->taker = nullptr;
        if (std::exchange(paused_, false)) go_on_later();
    }
    if (std::exchange(answer.is_ready_, false))
        std::replace(ready_.begin(), ready_.end(), &answer, static_cast<reply*>(nullptr));
}

bool wire::anybody_waits() const noexcept {
    return std::any_of(expected_.begin(), expected_.end(), [](const expected& each) { return each.taker != nullptr; });
}

// ---- reading --------------------------------------------------------------------------------------------------------

void wire::on_events(std::uint32_t events) noexcept {
    if ((events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) hung_up_ = true;
    if (phase_ != phase::working) {
        if (connecter_ != nullptr) connecter_->go_on(true);
        return;
    }
    if (broken_) return;
    if (want_write_) flush();
    if (paused_) return;
    pump();
    settle_events();
}

void wire::pump() noexcept {
    for (int reads = 1; !paused_ && !broken_; ++reads) {
        const sql::channel::transfer got = channel_.receive(reader_.space());
        if (got.how == sql::channel::outcome::would_block) {
            if (got.is_for_writing) wait_to_write(true);
            if (!hung_up_) return;
        }
        if (got.how != sql::channel::outcome::done) {
            std::string why = "PostgreSQL has closed the connection";
            if (last_words_) why = fmt::format("PostgreSQL {}: {}", last_words_->state, last_words_->message);
            break_off(error(lido::errc::connection_closed, std::move(why)));
            return;
        }
        reader_.received(got.size);
        take_messages();
        if (!got.may_have_more && !hung_up_) return;
        if (reads < reads_per_turn) continue;
        go_on_later();
        return;
    }
}

void wire::take_messages() {
    message next;
    while (!paused_ && !broken_) {
        switch (reader_.next(next)) {
            case message_reader::found::nothing:
                return;
            case message_reader::found::no_message:
                return out_of_step("something that is no message, or one that is too large");
            case message_reader::found::one:
                break;
        }
        if (may_come_unasked(next.type)) {
            take_aside(next);
        } else if (expected_.size() == unsent_) {
            take_unexpected(next);
        } else {
            take_answer(next);
        }
    }
}

void wire::take_aside(const message& came) {
    if (came.type == 'S') take_parameter(came);
    if (came.type == 'A') take_notification(came);
}

void wire::take_parameter(const message& came) {
    const std::optional<parameter_status> now = read_parameter(came.body);
    if (!now || changed_parameters_.size() >= most_parameters) return out_of_step("a parameter that is none");
    changed_parameters_.insert_or_assign(std::string(now->name), std::string(now->value));
    heard_ = true;
}

void wire::take_notification(const message& came) {
    std::optional<notification> heard = read_notification(came.body);
    if (!heard) return out_of_step("a notification that is none");
    notified_bytes_ += came.size;
    if (notifications_.size() >= most_notifications || notified_bytes_ > most_notified_bytes) {
        break_off(error(lido::errc::limit_exceeded, "notifications come faster than they are taken"));
        return;
    }
    listening_.store(true, std::memory_order_release);  // also where a function or a DO has made it
    notifications_.push_back(std::move(*heard));
    heard_ = true;
}

std::vector<notification> wire::take_notifications() noexcept {
    notified_bytes_ = 0;
    return std::exchange(notifications_, {});
}

std::optional<std::string_view> wire::parameter(const std::string& name) const {
    const auto changed = changed_parameters_.find(name);
    if (changed != changed_parameters_.end()) return changed->second;
    const char* const first = PQparameterStatus(connection_, name.c_str());
    if (first == nullptr) return std::nullopt;
    return first;
}

/// Nobody has asked for anything: it can only be the server's last words.
void wire::take_unexpected(const message& came) {
    std::optional<server_error> said = came.type == 'E' ? read_error(came.body) : std::nullopt;
    if (!said) return out_of_step("an answer that nothing was asked for");
    last_words_ = std::move(said);
    break_off(error(lido::errc::connection_closed,
                    fmt::format("PostgreSQL {}: {}", last_words_->state, last_words_->message)));
}

void wire::take_answer(const message& came) {
    using meaning = answer_order::meaning;
    expected& head = expected_.front();
    const bool was_parsing = head.order.is_parsing();
    switch (head.order.take(came.type)) {
        case meaning::out_of_order:
            return out_of_step("a message that has no place in the answer");
        case meaning::nothing:
            break;
        case meaning::columns:
            take_columns(read_row_shape(came.body), head);
            break;
        case meaning::no_columns:
            take_columns(no_rows(), head);
            break;
        case meaning::row:
            return take_row(came, head);
        case meaning::completed:
            take_completion(came, head);
            break;
        case meaning::empty:
            break;
        case meaning::copies:
            break_off(error(lido::errc::invalid_argument, "COPY was sent as an ordinary statement",
                            "use copy_in or copy_out of postgres::pool"));
            return;
        case meaning::refused:
            if (was_parsing && !head.name.empty()) statements_.forget(head.name);
            take_refusal(came, head);
            if (!broken_ && head.order.has_ended()) skip_parts();
            return;
        case meaning::synced:
            take_ready(came);
            break;
    }
    if (!broken_ && head.order.has_ended()) end_head();
}

void wire::take_columns(std::shared_ptr<const row_shape> shape, expected& head) {
    if (shape == nullptr) return out_of_step("columns that are none");
    head.shape = std::move(shape);
    if (!head.name.empty()) statements_.describe(head.name, head.shape);
}

void wire::take_row(const message& came, expected& head) {
    reply* const taker = head.taker;
    if (taker == nullptr) {
        dropped_ += came.size;
        // Whoever waits for an answer behind it has nothing to do with it, and goes at his own deadline at the latest.
        if (head.order.has_sync() && dropped_ > 2 * limits_.result_bytes + most_dropped && !anybody_waits()) {
            break_off(error(lido::errc::limit_exceeded, "a result that nobody waits for does not end"));
        }
        return;
    }
    received_ += came.size;
    if (came.is_cut) return drop_too_large(head);
    if (taker->into.column_count() == 0) taker->into.set_columns(head.shape->names);
    if (!add_row(came.body, *head.shape, taker->into)) return out_of_step("a row that is none of its columns");
    if (!taker->one_by_one) {
        if (std::max(received_, stored_ + taker->into.stored_bytes()) > limits_.result_bytes) drop_too_large(head);
        return;
    }
    if (taker->into.size() < limits_.batch_rows && taker->into.stored_bytes() < limits_.batch_bytes) return;
    taker->batch_is_full = true;
    paused_ = true;
    make_ready(*taker);
}

/// Whoever waits is told at once; what still comes is read and dropped.
void wire::drop_too_large(expected& head) {
    head.taker->failed = too_large();
    finish(*std::exchange(head.taker, nullptr));
}

void wire::take_completion(const message& came, expected& head) {
    const std::optional<std::string_view> tag = read_tag(came.body);
    if (!tag) return out_of_step("the end of a command that is none");
    if (*tag == "LISTEN") listening_.store(true, std::memory_order_release);
    reply* const taker = head.taker;
    if (taker == nullptr) return;
    if (taker->into.column_count() == 0) taker->into.set_columns(head.shape->names);
    const bool only_read = head.shape->returns_rows && (tag->starts_with("SELECT") || tag->starts_with("FETCH"));
    taker->into.set_affected(only_read ? 0 : count_of_tag(*tag));
    taker->executed_ = true;
    if (!taker->one_by_one) stored_ += taker->into.stored_bytes();
}

void wire::take_refusal(const message& came, expected& head) {
    std::optional<server_error> refusal = read_error(came.body);
    if (!refusal) return out_of_step("an error that is none");
    server_error& said = *refusal;
    if (said.fatal) last_words_ = said;
    if (head.taker == nullptr) return;
    std::optional<error> ended = end_of(said, head.taker->executed_);
    if (ended) {
        head.taker->failed = std::move(ended);
    } else {
        head.taker->refused = std::move(said);
    }
}

std::optional<error> wire::end_of(const server_error& said, bool executed) {
    if (!said.fatal) return std::nullopt;
    if (said.state.starts_with("08") && had_no_server(said)) {
        return error(lido::errc::connection_closed,
                     fmt::format("the proxy could not reach PostgreSQL: {}", said.message),
                     "try again once the server is back");
    }
    // The server stops at any point when a neighbour crashed (57P02); once it has executed the statement, nobody but
    // the Sync's answer tells whether that lasts. A proxy that lost the server (class 08) knows no more than that.
    const bool at_any_point = said.state == "57P02" || said.state.starts_with("08");
    if (!executed && !at_any_point) return std::nullopt;
    return error(lido::errc::maybe_executed, to_error(said).what());
}

void wire::take_ready(const message& came) {
    const std::optional<sql::session_state> now = read_ready(came.body);
    if (!now) return out_of_step("a state that is none");
    between_ = *now;
    in_step_ = true;
}

void wire::end_head() {
    reply* const taker = expected_.front().taker;
    if (expected_.front().order.has_sync()) {  // the parts of a batch have their limit together
        received_ = 0;
        dropped_ = 0;
        stored_ = 0;
    }
    expected_.pop_front();
    head_since_ = loop_.now();
    if (expected_.empty()) reader_.give_back();
    if (unsent_ > 0) later_->post();  // it may have been held back for this
    if (taker != nullptr) finish(*taker);
}

/// After a failure the server skips everything up to the next Sync.
void wire::skip_parts() {
    end_head();
    while (!expected_.empty() && !expected_.front().order.has_sync()) {
        const expected& skipped = expected_.front();
        if (skipped.order.is_parsing() && !skipped.name.empty()) statements_.forget(skipped.name);
        end_head();
    }
}

error wire::too_large() const {
    return {lido::errc::limit_exceeded,
            fmt::format("the result has more than max_result_bytes = {}", limits_.result_bytes),
            "ask for less, stream it, or raise max_result_bytes"};
}

void wire::out_of_step(const char* what) {
    const char* const since = in_step_ ? "" : ", in its first words after the login";
    break_off(error(lido::errc::protocol_error, fmt::format("PostgreSQL sent {}{}", what, since),
                    "look for what stands between here and the server"));
}

void wire::finish(reply& which) {
    which.expected_ = false;
    which.done = true;
    make_ready(which);
}

void wire::make_ready(reply& which) {
    if (!std::exchange(which.is_ready_, true)) ready_.push_back(&which);
}

// ---- the end, and what follows from events --------------------------------------------------------------------------

void wire::break_off(const error& why) {
    if (broken_) return;
    broken_ = why;
    paused_ = false;
    state_.store(sql::session_state::broken, std::memory_order_release);
    channel_.shut_down();
    fail_all(why);
    go_on_later();
}

void wire::fail_all(const error& why) {
    std::size_t left = expected_.size();
    for (const expected& each : std::exchange(expected_, {})) {
        const bool was_sent = left-- > unsent_;
        if (each.taker == nullptr) continue;
        reply& taker = *each.taker;
        if (!was_sent) {
            taker.failed = not_sent().error();
        } else if (!taker.refused && !taker.failed) {
            const bool own = why == lido::errc::invalid_argument || why == lido::errc::protocol_error;
            taker.failed = own ? why
                               : error(lido::errc::maybe_executed,
                                       fmt::format("the connection broke before the answer: {}", why.what()),
                                       "look in the database whether it took effect");
        }
        finish(taker);
    }
    unsent_ = 0;
}

void wire::resume_reading(reply& answer) {
    answer.batch_is_full = false;
    paused_ = false;
    if (broken_) return;
    take_messages();
    pump();
    note_state();
}

void wire::note_state() noexcept {
    auto now = sql::session_state::busy;
    if (broken_) {
        now = sql::session_state::broken;
    } else if (expected_.empty() && phase_ == phase::working) {
        now = between_;
    }
    state_.store(now, std::memory_order_release);
}

/// Last in each event: whoever is resumed may destroy this object.
void wire::settle_events() noexcept {
    note_state();
    bool destroyed = false;
    bool* const outer = std::exchange(destroyed_, &destroyed);
    for (std::size_t i = 0; !destroyed && i < ready_.size(); ++i) {
        reply* const next = ready_[i];
        if (next == nullptr) continue;
        next->is_ready_ = false;
        ready_[i] = nullptr;
        next->wake();
    }
    if (destroyed) {
        if (outer != nullptr) *outer = true;
        return;
    }
    ready_.clear();
    destroyed_ = outer;
    const bool unasked = std::exchange(heard_, false) || broken_;
    if (unasked && unasked_ != nullptr) unasked_(unasked_context_);
}

}  // namespace lido::postgres

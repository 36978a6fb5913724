#include "sql/mysql/wire.hpp"

#include "sql/mysql/row_decoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <sys/epoll.h>

namespace lido::mysql {
namespace {

/// Reads of one connection in one turn of the loop. Others want theirs too, and so does who cancels what is coming in.
constexpr int reads_per_turn = 16;
/// What is kept of the memory for what is sent.
constexpr std::size_t most_kept = std::size_t{64} * 1024;
/// Room for whatever is no row: columns and errors, also where results must be small.
constexpr std::size_t least_of_packet = std::size_t{1024} * 1024;
/// More than a row has beside the values that count: which of at most 65,535 columns are NULL.
constexpr std::size_t beside_values = std::size_t{16} * 1024;

/// Of a row, nothing is kept that would be refused as a result.
std::size_t largest_packet(const wire_limits& limits) noexcept {
    return std::max({limits.result_bytes + beside_values, limits.batch_bytes, least_of_packet});
}

/// libmariadb has agreed on it, or has not; versions before 3.4 do not know it.
bool has_definitions_end(const MYSQL& of) noexcept {
    constexpr unsigned long deprecate_eof = 1UL << 24U;
    return (of.client_flag & of.server_capabilities & deprecate_eof) == 0;
}

}  // namespace

// ---- answer ---------------------------------------------------------------------------------------------------------

answer::~answer() {
    if (from_ != nullptr) from_->give_up(*this);
}

wire::wire(net::event_loop& loop, unique_handle connected, const sql::channel& over, const wire_limits& limits)
    : loop_(loop),
      limits_(limits),
      handle_(std::move(connected)),
      channel_(over),
      ends_definitions_(has_definitions_end(*handle_)),
      reader_(largest_packet(limits)),
      order_(answer_kind::acknowledged, ends_definitions_),
      later_(recurring_work::make(
          loop, [](void* self) noexcept { static_cast<wire*>(self)->run_later(); }, this)) {}

wire::~wire() {
    if (destroyed_ != nullptr) *destroyed_ = true;
    for (answer* const each : {expected_, ready_}) {
        if (each != nullptr) each->from_ = nullptr;
    }
    // libmariadb's farewell must not become part of a command of which the server has the beginning.
    if (has_unsent()) channel_.shut_down();
    loop_.remove(channel_.descriptor(), *this);
}

result<void> wire::watch() {
    int code = loop_.add(channel_.descriptor(), *this);
    if (code == 0) code = loop_.hear_of_writing(channel_.descriptor(), *this, false);
    if (code == 0) return {};
    return error(lido::errc::connect_failed,
                 fmt::format("the connection to the database cannot be watched: {}", std::strerror(code)));
}

void wire::go_on_later() {
    goes_on_later_ = true;
    later_->post();
}

void wire::run_later() noexcept {
    if (!std::exchange(goes_on_later_, false)) return;
    if (reads()) {
        take_packets();
        pump();
    }
    settle_events();
}

// ---- sending --------------------------------------------------------------------------------------------------------

void wire::send(answer& to, answer_kind kind, std::uint8_t first_number) {
    kind_ = kind;
    order_ = answer_order(kind, ends_definitions_);
    expected_ = &to;
    if (broken_) return fail(error(*broken_));
    reader_.expect_number(first_number);
    flush();
}

void wire::wait_to_write(bool wanted) noexcept {
    if (want_write_ == wanted) return;
    want_write_ = wanted;
    if (loop_.hear_of_writing(channel_.descriptor(), *this, wanted) == 0) return;
    break_off(error(lido::errc::connection_closed, "the connection to the database cannot be watched"));
}

void wire::flush() noexcept {
    while (has_unsent()) {
        const sql::channel::transfer sent = channel_.send(std::string_view(out_).substr(out_begin_));
        if (sent.how == sql::channel::outcome::would_block) return wait_to_write(true);
        if (sent.how == sql::channel::outcome::ended) {
            // The server may have its last words still to come.
            hung_up_ = true;
            return go_on_later();
        }
        out_begin_ += sent.size;
    }
    out_begin_ = 0;
    out_.clear();
    if (out_.capacity() > most_kept) out_ = std::string();
    wait_to_write(false);
}

void wire::give_up(answer& of) noexcept {
    if (ready_ == &of) ready_ = nullptr;
    if (expected_ != &of) return;
    expected_ = nullptr;
    abandoned_ = true;
}

// ---- reading --------------------------------------------------------------------------------------------------------

void wire::on_events(std::uint32_t events) noexcept {
    if ((events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) hung_up_ = true;
    if (broken_ || abandoned_) return;
    if (want_write_) flush();
    pump();
    settle_events();
}

void wire::pump() noexcept {
    for (int count = 1; reads(); ++count) {
        const sql::channel::transfer got = channel_.receive(reader_.space());
        if (got.how == sql::channel::outcome::would_block) {
            if (got.is_for_writing) wait_to_write(true);
            if (!hung_up_) return;
        }
        if (got.how != sql::channel::outcome::done) {
            break_off(error(lido::errc::connection_closed, "the server has closed the connection"));
            return;
        }
        reader_.received(got.size);
        take_packets();
        const bool may_have_more = got.may_have_more && expected_ != nullptr;
        if (!may_have_more && !hung_up_) return;
        if (count >= reads_per_turn) return go_on_later();
    }
}

void wire::take_packets() {
    std::string_view next;
    while (reads()) {
        switch (reader_.next(next)) {
            case packet_reader::found::nothing:
                if (expected_ == nullptr && reader_.unread() > 0) take_last_words({});
                return;
            case packet_reader::found::out_of_sequence:
                return take_last_words(next);
            case packet_reader::found::too_large:
                return take_too_large();
            case packet_reader::found::one:
                break;
        }
        if (expected_ == nullptr) return take_last_words(next);
        take_packet(next);
    }
}

void wire::take_packet(std::string_view packet) {
    using meaning = answer_order::meaning;
    answer& to = *expected_;
    const bool was_defining = order_.is_defining();
    const meaning means = order_.take(packet);
    switch (means) {
        case meaning::out_of_order:
            return out_of_step("a packet that has no place in the answer");
        case meaning::asks_for_a_file:
            return out_of_step("a request for a file of this machine");
        case meaning::refused:
            return take_refusal(packet, to);
        case meaning::row:
            return take_row(packet, to);
        case meaning::nothing:
            break;
        case meaning::acknowledged:
            if (std::exchange(to.has_result_, true)) break;
            to.into.set_affected(order_.ok().affected);
            to.into.set_last_insert_id(static_cast<std::int64_t>(order_.ok().last_insert_id));
            break;
        case meaning::prepared:
            to.prepared = order_.prepared();
            definitions_.clear();
            break;
        case meaning::result:
            definitions_.clear();
            if (!order_.is_defining()) take_result(to);
            break;
        case meaning::definition:
            if (!definitions_.add(packet)) return out_of_step("definitions that do not end");
            break;
        case meaning::rows_ended:
            to.takes_rows_ = false;
            break;
    }
    if (!broken_ && was_defining && !order_.is_defining()) take_shape(to);
    if (!broken_ && order_.has_ended()) end_answer();
}

/// All of its definitions have come, or it has none.
void wire::take_shape(answer& to) {
    const bool are_kept = kind_ != answer_kind::prepared && !order_.result().has_definitions;
    if (!are_kept) to.shape = definitions_.shape(to.shape);
    if (to.shape == nullptr) return out_of_step("columns that are none");
    if (kind_ != answer_kind::prepared) take_result(to);
}

void wire::take_result(answer& to) {
    if (to.shape == nullptr || to.shape->columns.size() != order_.result().columns) {
        return out_of_step("a result whose columns it has never said");
    }
    to.takes_rows_ = !std::exchange(to.has_result_, true);
    if (!to.takes_rows_) return;
    to.into.set_columns(to.shape->names);
    if (to.one_by_one) pause(to);
}

void wire::take_row(std::string_view packet, answer& to) {
    if (!to.takes_rows_) return;  // of a result that nobody asked for
    // Before it is decoded: what is kept never comes to more than the limit, whatever a row has.
    const std::size_t largest = limits_.result_bytes + beside_values;
    if (!to.one_by_one && to.into.stored_bytes() + packet.size() > largest) return drop_too_large();
    const bool is_text = kind_ == answer_kind::text;
    const bool is_row = is_text ? add_text_row(packet, *to.shape, to.into) : add_binary_row(packet, *to.shape, to.into);
    if (!is_row) return out_of_step("a row that is none of its columns");
    const std::size_t stored = to.into.stored_bytes();
    if (!to.one_by_one) {
        if (stored >= limits_.result_bytes) drop_too_large();
    } else if (stored >= limits_.batch_bytes || to.into.size() >= limits_.batch_rows) {
        pause(to);
    }
}

void wire::pause(answer& to) noexcept {
    to.batch_is_full = true;
    paused_ = true;
    ready_ = &to;
}

void wire::take_refusal(std::string_view packet, answer& to) {
    to.refused = read_refusal(packet);
    if (!to.refused) return out_of_step("an error that is none");
    end_answer();
}

void wire::take_last_words(std::string_view packet) {
    const std::optional<refusal> said = read_refusal(packet);
    if (!said) return out_of_step(expected_ == nullptr ? "what nobody asked for" : "a packet out of sequence");
    break_off(error(lido::errc::connection_closed,
                    fmt::format("the server has ended the connection: {} ({})", said->message, said->number)));
}

void wire::take_too_large() {
    if (expected_ == nullptr || !expected_->takes_rows_) return out_of_step("a packet that is too large");
    drop_too_large();
}

/// Who waits is told at once. The rest is on its way, and is not read any more.
void wire::drop_too_large() {
    answer& to = *std::exchange(expected_, nullptr);
    to.failed =
        error(lido::errc::limit_exceeded,
              fmt::format("the result is larger than max_result_bytes = {}", limits_.result_bytes),
              "ask for less, stream the result, or raise max_result_bytes; what the statement was to write may last");
    abandoned_ = true;
    finish(to);
}

void wire::end_answer() {
    finish(*std::exchange(expected_, nullptr));
    if (reader_.unread() == 0) reader_.give_back();
    if (has_unsent()) {
        break_off(error(lido::errc::connection_closed, "the server has answered before it had the whole command"));
    }
}

void wire::out_of_step(const char* what) {
    break_off(error(lido::errc::protocol_error, fmt::format("the database server sent {}", what),
                    "look for what stands between here and the server"));
}

void wire::finish(answer& which) {
    which.done = true;
    ready_ = &which;
}

// ---- the end, and what follows from events --------------------------------------------------------------------------

void wire::break_off(const error& why) {
    if (broken_) return;
    broken_ = why;
    paused_ = false;
    channel_.shut_down();
    fail(why);
    go_on_later();
}

void wire::fail(const error& why) {
    answer* const taker = std::exchange(expected_, nullptr);
    if (taker == nullptr) return;
    const bool cannot_be_executed = has_unsent() || kind_ == answer_kind::prepared;
    if (why == lido::errc::protocol_error) {
        taker->failed = why;
    } else if (cannot_be_executed) {
        taker->failed = error(lido::errc::connection_closed, fmt::format("nothing was executed: {}", why.what()),
                              "try again with another connection");
    } else {
        taker->failed =
            error(lido::errc::maybe_executed,
                  fmt::format("the connection to the database broke before the answer came: {}", why.what()));
    }
    finish(*taker);
}

void wire::resume_reading(answer& of) {
    of.batch_is_full = false;
    paused_ = false;
    ready_ = nullptr;
    if (broken_ || expected_ != &of) return;
    take_packets();
    pump();
}

/// Last in each event: whoever is resumed may destroy this object.
void wire::settle_events() noexcept {
    bool destroyed = false;
    bool* const outer = std::exchange(destroyed_, &destroyed);
    if (answer* const next = std::exchange(ready_, nullptr)) next->wake();
    if (destroyed) {
        if (outer != nullptr) *outer = true;
        return;
    }
    destroyed_ = outer;
    if (!broken_ || on_end_ == nullptr || std::exchange(end_was_told_, true)) return;
    on_end_(on_end_context_);
}

}  // namespace lido::mysql

// COPY: its messages are taken one by one, by whoever asks for them, so that no more is read than was asked for.
#include "sql/postgres/wire.hpp"
#include "sql/postgres/wire_readiness.hpp"

#include <algorithm>

namespace lido::postgres {
namespace {

constexpr std::size_t taken_at_once = std::size_t{64} * 1024;
/// Of what is put, so much at once is copied for the system.
constexpr std::size_t put_at_once = std::size_t{64} * 1024;

}  // namespace

/// What comes instead of what a COPY waits for.
error wire::copy_failed(const message& came) {
    const std::optional<server_error> said = came.type == 'E' ? read_error(came.body) : std::nullopt;
    if (!said) {
        out_of_step("a message that has no place in a COPY");
        return *broken_;
    }
    if (said->fatal) last_words_ = said;
    const bool no_server = said->fatal && said->state.starts_with("08") && had_no_server(*said);
    error why = no_server ? *end_of(*said, false) : to_error(*said);
    break_off(why);
    return why;
}

/// Behind the last of what is put. Once the server has said how many rows it has stored, it is too late for a refusal.
error wire::copy_end_failed(const message& came, bool completed) {
    const std::optional<server_error> said = came.type == 'E' ? read_error(came.body) : std::nullopt;
    error why = copy_failed(came);
    if (!said) return why;
    if (completed) return {lido::errc::maybe_executed, why.what(), "look in the database whether it took effect"};
    return end_of(*said, false).value_or(std::move(why));
}

/// Until something came, or more can be sent.
task<result<void>> wire::await_copy(time_point deadline) {
    readiness waiter(*this, deadline);
    const bool came = co_await waiter;
    if (broken_) co_return *broken_;
    if (!came) {
        error late(lido::errc::timeout, "COPY did not go on in time", "raise statement_timeout");
        break_off(late);
        co_return std::move(late);
    }
    if (want_write_) flush();
    co_return result<void>();
}

result<std::optional<message>> wire::poll_copy() {
    message next;
    while (!broken_) {
        const message_reader::found found = reader_.next(next);
        if (found == message_reader::found::one) {
            if (!may_come_unasked(next.type)) return std::optional(next);
            take_aside(next);
            continue;
        }
        if (found == message_reader::found::no_message) {
            out_of_step("something that is no message, or one that is too large");
            break;
        }
        const sql::channel::transfer got = channel_.receive(reader_.space());
        if (got.how == sql::channel::outcome::done) {
            reader_.received(got.size);
        } else if (got.how == sql::channel::outcome::ended || hung_up_) {
            break_off(error(lido::errc::connection_closed, "PostgreSQL has closed the connection"));
        } else {
            if (got.is_for_writing) wait_to_write(true);
            return std::optional<message>();
        }
    }
    return *broken_;
}

task<result<message>> wire::copy_message(time_point deadline) {
    while (true) {
        result<std::optional<message>> polled = poll_copy();
        if (!polled) co_return std::move(polled).error();
        if (*polled) co_return **polled;
        result<void> came = co_await await_copy(deadline);
        if (!came) co_return std::move(came).error();
    }
}

/// What the server says before a COPY has begun, or before the end of what is put, can only be that it refuses.
result<void> wire::hear_refusal() {
    result<std::optional<message>> polled = poll_copy();
    if (!polled) return std::move(polled).error();
    if (*polled) return copy_failed(**polled);
    return {};
}

/// Until the system has taken all of it.
task<result<void>> wire::send_copy(time_point deadline) {
    flush();
    while (want_write_) {
        if (auto heard = hear_refusal(); !heard) co_return std::move(heard).error();
        result<void> came = co_await await_copy(deadline);
        if (!came) co_return std::move(came).error();
    }
    if (broken_) co_return *broken_;
    co_return result<void>();
}

task<result<void>> wire::begin_copy(std::string_view text, copy_direction wanted, time_point deadline) {
    if (auto may = may_send(); !may) co_return std::move(may).error();
    phase_ = phase::copying;
    copy_ended_ = false;
    note_state();
    message_writer(out_).query(text);
    result<void> sent = co_await send_copy(deadline);
    if (!sent) co_return std::move(sent).error();
    const result<message> came = co_await copy_message(deadline);
    if (!came) co_return came.error();
    if (came->type == (wanted == copy_direction::in ? 'G' : 'H')) co_return result<void>();
    if (came->type == 'E') co_return copy_failed(*came);
    error other(lido::errc::invalid_argument, "the statement is no COPY of this direction",
                "COPY … FROM STDIN, or COPY … TO STDOUT");
    break_off(other);
    co_return std::move(other);
}

task<result<void>> wire::put_copy(std::string_view data, time_point deadline) {
    if (broken_) co_return not_sent();
    while (!data.empty()) {
        message_writer(out_).copy_data(data.substr(0, put_at_once));
        data.remove_prefix(std::min(data.size(), put_at_once));
        result<void> sent = co_await send_copy(deadline);
        if (!sent) co_return std::move(sent).error();
        // The system takes it also for a server that has refused, or is gone.
        if (auto heard = hear_refusal(); !heard) co_return std::move(heard).error();
    }
    co_return result<void>();
}

task<result<std::string>> wire::take_copy(time_point deadline) {
    std::string taken;
    while (!copy_ended_ && taken.size() < taken_at_once) {
        result<std::optional<message>> polled = poll_copy();
        if (!polled) co_return std::move(polled).error();
        if (!*polled) {
            if (!taken.empty()) break;
            result<void> came = co_await await_copy(deadline);
            if (!came) co_return std::move(came).error();
            continue;
        }
        const message& next = **polled;
        if (next.is_cut) {
            error large(lido::errc::limit_exceeded, "a row of the COPY is larger than max_result_bytes",
                        "raise max_result_bytes");
            break_off(large);
            co_return std::move(large);
        }
        if (next.type != 'd' && next.type != 'c') co_return copy_failed(next);
        copy_ended_ = next.type == 'c';
        taken += next.body;
    }
    co_return std::move(taken);
}

task<result<std::uint64_t>> wire::end_copy(copy_direction how, time_point deadline) {
    if (broken_) co_return *broken_;
    const bool put = how == copy_direction::in;
    if (put) {
        message_writer(out_).copy_done();
        flush();
    }
    std::uint64_t rows = 0;
    bool completed = false;
    while (true) {
        const result<message> came = co_await copy_message(deadline);
        if (!came && put) co_return error(lido::errc::maybe_executed, came.error().what());
        if (!came) co_return came.error();
        if (came->type == 'Z' && completed) {
            take_ready(*came);
            break;
        }
        const std::optional<std::string_view> tag = came->type == 'C' ? read_tag(came->body) : std::nullopt;
        if (!tag || completed) co_return put ? copy_end_failed(*came, completed) : copy_failed(*came);
        rows = count_of_tag(*tag);
        completed = true;
    }
    if (broken_) co_return *broken_;
    phase_ = phase::working;
    note_state();
    go_on_later();  // what came behind it is there already: no event tells of it
    co_return rows;
}

}  // namespace lido::postgres

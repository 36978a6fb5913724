// Several statements under way on one connection, with one Sync behind all of them.
#include "sql/postgres/session_implementation.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::postgres {

/// What is to come of a batch. Its statements' parameters are kept here until they are sent.
class session::implementation::sent_batch {
public:
    explicit sent_batch(wire& from) : end(from), from_(from) {}
    sent_batch(const sent_batch&) = delete;
    sent_batch& operator=(const sent_batch&) = delete;
    ~sent_batch() = default;

    [[nodiscard]] result<void> bind(const sql::batch::item& each) {
        if (auto fits = check_text(each.what.text()); !fits) return fits;
        answers.emplace_back(from_);
        return bound.emplace_back().fill(each.with);
    }

    std::deque<text_parameters> bound;
    std::deque<reply> answers;  // a reply cannot be moved
    reply end;
    std::vector<std::string> names;  // that the statements were sent under

private:
    wire& from_;
};

/// Nothing is sent before all of it is known to be in order: a part that went out would be a part that is executed.
result<void> session::implementation::send(sent_batch& answers, const sql::batch& what) {
    for (std::size_t i = 0; i < what.size(); ++i) {
        if (auto fits = answers.bind(what.items()[i]); !fits) {
            return std::move(fits).error().with_context(sql::place_in(what, i));
        }
    }
    close_dropped();  // which has a Sync of its own
    for (std::size_t i = 0; i < what.size(); ++i) {
        wire::statement prepared;
        if (auto ready = prepare(what.items()[i].what.text(), prepared); !ready) return ready;
        answers.names.emplace_back(prepared.name);
        if (auto sent = wire_.send_part(answers.answers[i], prepared, answers.bound[i]); !sent) return sent;
    }
    return wire_.send_sync(answers.end, true);
}

task<result<std::vector<sql::rows>>> session::implementation::run_batch(const sql::batch& what, time_point deadline) {
    if (must_settle()) {
        result<void> settled = co_await settle(deadline);
        if (!settled) co_return std::move(settled).error();
    }
    const bool is_whole = wire_.state() == sql::session_state::idle;  // it is a transaction of its own
    for (bool anew = false;; anew = true) {
        sent_batch answers(wire_);
        if (auto sent = send(answers, what); !sent) co_return std::move(sent).error();
        std::vector<sql::rows> all;
        std::size_t number = 0;
        for (; number < what.size(); ++number) {
            reply& next = answers.answers[number];
            const bool in_time = co_await wire_.wait(next, deadline);
            // The server keeps short answers until the Sync: which statement it is at is not known.
            if (!in_time) co_return out_of_time();
            if (next.failed || next.refused) break;
            all.push_back(std::move(next.into));
        }
        reply& last = number < what.size() ? answers.answers[number] : answers.end;
        if (last.failed) {
            begin_cancel();  // the result was too large, unless the connection is broken
            co_return failure_of(last);
        }
        const bool ended = co_await wire_.wait(answers.end, deadline);
        if (!ended) co_return out_of_time();
        if (options_.role == server_role::replica) follow_role();
        if (!last.failed && !last.refused) co_return std::move(all);
        if (number < what.size() && last.refused && last.refused->plan_is_stale) {
            forget_stale(answers.names[number], last.refused->state);
            if (!anew && is_whole && wire_.state() == sql::session_state::idle) continue;
        }
        error failure = failure_of(last);
        if (number < what.size()) failure = std::move(failure).with_context(sql::place_in(what, number));
        co_return std::move(failure);
    }
}

}  // namespace lido::postgres

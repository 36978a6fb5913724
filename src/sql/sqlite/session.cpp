#include "lido/sql/sqlite/session.hpp"

#include "lido/base/next_turn.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/base/worker_threads.hpp"
#include "lido/sql/error.hpp"
#include "sql/sqlite/engine.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace lido::sqlite {
namespace {

using sql::session_state;

/// A call ends by itself at its deadline (SQLite's progress handler), and then it is known what it did. Only one that
/// hangs in the file system does not.
constexpr duration patience = std::chrono::seconds(1);

/// A turn of the loop in which this has passed is ended before SQLite is asked on the loop's own thread.
constexpr duration longest_turn = std::chrono::microseconds(200);

/// By the clock, when the last statement ended that this thread's loop ran or tried to run itself.
thread_local constinit time_point last_end{};

/// Closes a handle whose session is gone, where that may block.
class closing final : public worker_job {
public:
    explicit closing(std::shared_ptr<engine> what) noexcept : what_(std::move(what)) {}
    void run() noexcept override { what_->close(); }
    void refuse() noexcept override { what_->close(); }

private:
    std::shared_ptr<engine> what_;
};

}  // namespace

/// Tells the session's state at the end of a call, however it ends.
class session::turn {
public:
    explicit turn(session& of) noexcept : of_(of), before_(of.state()), begun_(of.engine_->begun()) {
        of_.state_.store(session_state::busy, std::memory_order_release);
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
        if (!over_) of_.cancel();
    }
    /// The thread is done with it.
    void over() noexcept {
        over_ = true;
        of_.state_.store(of_.engine_->state(), std::memory_order_release);
    }
    /// No thread ever had it.
    void never_begun() noexcept {
        over_ = true;
        of_.state_.store(before_, std::memory_order_release);
    }
    [[nodiscard]] bool has_begun() const noexcept { return of_.engine_->begun() != begun_; }

private:
    session& of_;
    session_state before_;
    std::uint64_t begun_;
    bool over_ = false;
};

session::session(std::shared_ptr<worker_threads> threads, std::shared_ptr<engine> handle,
                 bool cancel_abandoned) noexcept
    : threads_(std::move(threads)), engine_(std::move(handle)), cancel_abandoned_(cancel_abandoned) {}

session::~session() {
    if (engine_ == nullptr) return;
    engine_->cancel();
    auto last = std::make_shared<closing>(engine_);
    engine_.reset();
    if (const auto queued = threads_->submit(last); !queued) last->refuse();
}

/// Without cancelling, what was given up runs on until its deadline, and nobody waits for that.
void session::cancel() noexcept {
    if (cancel_abandoned_) {
        engine_->cancel();
    } else {
        state_.store(session_state::broken, std::memory_order_release);
    }
}

template <class Function>
task<std::invoke_result_t<Function&>> session::on_thread(Function function, time_point deadline) {
    using outcome = std::invoke_result_t<Function&>;
    // What the thread said is told from what the threads say about it: that it ran, and what came of it.
    struct answer {
        explicit answer(outcome what) : given(std::move(what)) {}
        outcome given;
    };
    turn mine(*this);
    auto call = [kept = std::move(function)]() mutable -> result<answer> { return answer(kept()); };
    task<result<answer>> visit = threads_->run(std::move(call), deadline_after(deadline, patience));
    result<answer> got = co_await std::move(visit);
    if (got) {
        mine.over();
        co_return std::move(got->given);
    }
    if (!mine.has_begun()) {
        mine.never_begun();
        co_return std::move(got).error();
    }
    if (engine_->writes()) {
        co_return error(errc::maybe_executed,
                        "the statement hangs in the file system; whether it took effect is unknown",
                        "look into the database before it is run again");
    }
    co_return std::move(got).error();
}

bool session::turn_is_over() noexcept {
    return last_end - scheduler::current()->now() >= longest_turn;
}

std::optional<result<sql::rows>> session::run_at_once(const sql::statement& what, const sql::parameters& with,
                                                      time_point deadline) {
    if (!engine_->runs_briefly()) return std::nullopt;
    last_end = clock::now();
    std::optional<result<sql::rows>> given = engine_->run_briefly(what, with, deadline, last_end);
    if (given) state_.store(engine_->state(), std::memory_order_release);
    return given;
}

task<result<sql::rows>> session::run(const sql::statement& what, const sql::parameters& with, time_point deadline) {
    if (turn_is_over()) {
        next_turn others;
        co_await others;
    }
    std::optional<result<sql::rows>> given = run_at_once(what, with, deadline);
    if (!given) {
        result<sql::rows> later = co_await run_later(what, with, deadline);
        given.emplace(std::move(later));
    }
    co_return std::move(*given);
}

task<result<sql::rows>> session::run_later(const sql::statement& what, const sql::parameters& with,
                                           time_point deadline) {
    auto call = [on = engine_, what, with, until = engine_->visit_until(deadline)]() {
        return on->run(what, with, until);
    };
    task<result<sql::rows>> visit = on_thread(std::move(call), deadline);
    result<sql::rows> given = co_await std::move(visit);
    co_return std::move(given);
}

task<result<sql::rows>> session::run_many(const sql::statement& what,
                                          std::shared_ptr<const std::vector<sql::parameters>> with,
                                          time_point deadline) {
    auto call = [on = engine_, what, with, until = engine_->visit_until(deadline)]() {
        return on->run_many(what, *with, until);
    };
    task<result<sql::rows>> visit = on_thread(std::move(call), deadline);
    result<sql::rows> given = co_await std::move(visit);
    co_return std::move(given);
}

task<result<void>> session::start(const sql::statement& what, const sql::parameters& with, time_point deadline) {
    auto call = [on = engine_, what, with, until = engine_->visit_until(deadline)]() {
        return on->start(what, with, until);
    };
    task<result<void>> visit = on_thread(std::move(call), deadline);
    result<void> started = co_await std::move(visit);
    co_return std::move(started);
}

task<result<bool>> session::fetch(sql::rows& into, time_point deadline) {
    struct batch {
        explicit batch(bool may_go_on, sql::rows got) : more(may_go_on), brought(std::move(got)) {}
        bool more;
        sql::rows brought;
    };
    auto call = [on = engine_, until = engine_->visit_until(deadline)]() -> result<batch> {
        sql::rows brought;
        auto more = on->fetch(brought, until);
        if (!more) return std::move(more).error();
        return batch(*more, std::move(brought));
    };
    task<result<batch>> visit = on_thread(std::move(call), deadline);
    result<batch> got = co_await std::move(visit);
    if (!got) co_return std::move(got).error();
    into = std::move(got->brought);
    co_return got->more;
}

task<result<void>> session::reset(bool full, time_point deadline) {
    auto call = [on = engine_, full, deadline]() { return on->reset(full, deadline); };
    task<result<void>> visit = on_thread(std::move(call), deadline);
    result<void> done = co_await std::move(visit);
    co_return std::move(done);
}

task<result<void>> session::check(time_point deadline) {
    auto call = [on = engine_]() { return on->check(); };
    task<result<void>> visit = on_thread(std::move(call), deadline);
    result<void> done = co_await std::move(visit);
    co_return std::move(done);
}

task<void> session::close(time_point deadline) {
    auto call = [on = std::exchange(engine_, nullptr)]() -> result<void> {
        on->close();
        return {};
    };
    task<result<void>> visit = threads_->run(std::move(call), deadline);
    const result<void> closed = co_await std::move(visit);
    static_cast<void>(closed);
}

}  // namespace lido::sqlite

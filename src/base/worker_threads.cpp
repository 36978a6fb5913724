#include "lido/base/worker_threads.hpp"

#include "base/signals_blocked.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <system_error>
#include <thread>
#include <vector>

#include <pthread.h>

namespace lido {
namespace {

void check_range(const char* name, std::uint32_t value, std::uint32_t highest) {
    if (value >= 1 && value <= highest) return;
    throw exception(error(errc::invalid_argument,
                          fmt::format("worker_threads setting {} = {} is out of range 1 … {}", name, value, highest)));
}

worker_threads_settings checked(worker_threads_settings given) {
    check_range("threads", given.threads, 256);
    check_range("max_queued", given.max_queued, 1 << 20);
    if (given.shutdown_grace < duration::zero() || given.shutdown_grace > std::chrono::hours(1)) {
        throw exception(error(errc::invalid_argument, "worker_threads setting shutdown_grace is out of range 0 … 1 h"));
    }
    if (given.name.empty() || given.name.size() > 15) {
        throw exception(error(errc::invalid_argument, "worker_threads setting name must have 1 … 15 bytes"));
    }
    return given;
}

}  // namespace

namespace detail {

error worker_threads_closed() {
    return {errc::cancelled, "the worker threads were closed", "keep what owns them until its operations have ended"};
}

void worker_wait::abandon() noexcept {
    who_ = nullptr;
    const std::lock_guard held(mutex_);
    over_ = true;
}

/// Under the lock: once `abandon` has returned, the scheduler may be gone.
void worker_wait::go_home() noexcept {
    keep_ = shared_from_this();
    home_.post(*this);
}

void worker_wait::arrive(work& item) noexcept {
    auto& self = static_cast<worker_wait&>(item);
    const auto alive = std::move(self.keep_);
    if (self.who_) std::exchange(self.who_, nullptr).resume();
}

}  // namespace detail

/// What the threads and their owner share. It lives as long as the last of them.
struct worker_threads::state {
    explicit state(worker_threads_settings given) : settings(std::move(given)) {}

    struct worker {
        std::thread thread;
        std::shared_ptr<worker_job> job;  // what it does now
        bool ended = false;
    };

    result<void> submit(std::shared_ptr<worker_job> job, const std::shared_ptr<state>& me);
    result<void> start_worker_if_useful(const std::shared_ptr<state>& me);
    void serve(worker& mine);
    bool take_back(worker_job& job) noexcept;

    const worker_threads_settings settings;
    mutable std::mutex mutex;
    std::condition_variable work_came;
    std::condition_variable worker_ended;
    std::list<std::shared_ptr<worker_job>> queue;
    std::deque<worker> workers;  // a deque, because the threads hold references to their entries
    std::size_t idle_workers = 0;
    bool closing = false;
};

/// Starts a thread when all are busy and one more is allowed. An error only when there is none at all.
result<void> worker_threads::state::start_worker_if_useful(const std::shared_ptr<state>& me) {
    if (idle_workers >= queue.size() || workers.size() >= settings.threads) return {};
    worker& mine = workers.emplace_back();
    std::error_code failure;
    {
        const signals_blocked meanwhile;
        try {
            mine.thread = std::thread([me, &mine] { me->serve(mine); });
            pthread_setname_np(mine.thread.native_handle(), settings.name.c_str());
        } catch (const std::system_error& refused) {
            failure = refused.code();
            workers.pop_back();
        }
    }
    if (failure && workers.empty()) {
        return error(errc::limit_exceeded, fmt::format("start a worker thread: {}", failure.message()),
                     "raise the limit of threads (ulimit -u)");
    }
    return {};
}

result<void> worker_threads::state::submit(std::shared_ptr<worker_job> job, const std::shared_ptr<state>& me) {
    const std::lock_guard held(mutex);
    if (closing) return detail::worker_threads_closed();
    if (queue.size() >= settings.max_queued) {
        return error(
            errc::queue_full,
            fmt::format("{} functions wait for one of {} worker threads already", queue.size(), settings.threads),
            "raise threads or max_queued, or ask for less at once");
    }
    worker_job& queued = *job;
    queued.place_ = queue.insert(queue.end(), std::move(job));
    queued.queued_ = true;
    if (auto started = start_worker_if_useful(me); !started) {
        queued.queued_ = false;
        queue.erase(queued.place_);
        return started;
    }
    work_came.notify_one();
    return {};
}

void worker_threads::state::serve(worker& mine) {
    std::unique_lock lock(mutex);
    while (true) {
        ++idle_workers;
        work_came.wait(lock, [this] { return closing || !queue.empty(); });
        --idle_workers;
        if (closing) break;
        mine.job = std::move(queue.front());
        queue.pop_front();
        std::shared_ptr<worker_job> job = mine.job;
        job->queued_ = false;
        lock.unlock();
        job->run();
        lock.lock();
        mine.job.reset();  // not the last owner, that is `job`
        lock.unlock();
        job.reset();  // outside of the lock: it may own anything
        lock.lock();
    }
    mine.ended = true;
    worker_ended.notify_all();
}

bool worker_threads::state::take_back(worker_job& job) noexcept {
    std::shared_ptr<worker_job> taken;  // goes after the lock
    const std::lock_guard held(mutex);
    if (!std::exchange(job.queued_, false)) return false;
    taken = std::move(*job.place_);
    queue.erase(job.place_);
    return true;
}

worker_threads::worker_threads(worker_threads_settings settings)
    : state_(std::make_shared<state>(checked(std::move(settings)))) {}

worker_threads::~worker_threads() {
    close();
}

result<void> worker_threads::submit(std::shared_ptr<worker_job> job) {
    return state_->submit(std::move(job), state_);
}

bool worker_threads::take_back(worker_job& job) noexcept {
    return state_->take_back(job);
}

void worker_threads::close() noexcept {
    std::vector<std::thread> to_join;
    std::vector<std::shared_ptr<worker_job>> refused;
    {
        std::unique_lock lock(state_->mutex);
        if (std::exchange(state_->closing, true)) return;
        for (auto& job : state_->queue) {
            job->queued_ = false;
            refused.push_back(std::move(job));
        }
        state_->queue.clear();
    }
    state_->work_came.notify_all();
    for (const auto& job : refused) job->refuse();
    refused.clear();
    {
        std::unique_lock lock(state_->mutex);
        const auto all_ended = [this] {
            return std::all_of(state_->workers.begin(), state_->workers.end(),
                               [](const state::worker& one) { return one.ended; });
        };
        state_->worker_ended.wait_for(lock, state_->settings.shutdown_grace, all_ended);
        for (state::worker& one : state_->workers) {
            if (one.ended) {
                to_join.push_back(std::move(one.thread));
                continue;
            }
            one.thread.detach();
            if (one.job != nullptr) refused.push_back(one.job);
        }
    }
    for (const auto& job : refused) job->refuse();
    for (std::thread& thread : to_join) thread.join();
}

std::size_t worker_threads::thread_count() const {
    const std::lock_guard held(state_->mutex);
    return state_->workers.size();
}

worker_threads::awaiter::awaiter(worker_threads& threads, std::shared_ptr<detail::worker_wait> call,
                                 time_point deadline) noexcept
    : timer([](timer& self) noexcept {
          auto& mine = static_cast<awaiter&>(self);
          const std::coroutine_handle<> who = mine.who_;
          mine.leave();
          mine.outcome_ = error(errc::timeout, "a function on a worker thread did not end by its deadline");
          who.resume();
      }),
      state_(threads.state_),
      call_(std::move(call)),
      deadline_(deadline),
      home_(*scheduler::current()) {}

worker_threads::awaiter::~awaiter() {
    if (who_) leave();
}

bool worker_threads::awaiter::await_suspend(std::coroutine_handle<> who) {
    call_->wait(who);  // before a thread can see it, because that may post to us at once
    who_ = who;
    home_.arm(*this, deadline_);
    result<void> queued = state_->submit(call_, state_);
    if (queued) return true;
    outcome_ = std::move(queued);
    return false;
}

result<void> worker_threads::awaiter::await_resume() noexcept {
    if (who_) {
        who_ = nullptr;
        home_.disarm(*this);
    }
    return std::move(outcome_);
}

void worker_threads::awaiter::leave() noexcept {
    who_ = nullptr;
    home_.disarm(*this);
    call_->abandon();
    state_->take_back(*call_);
}

}  // namespace lido

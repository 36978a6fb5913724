#include "sql/postgres/cancel_request.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace lido::postgres {
namespace {

/// Those of the process; never destroyed, so that they can be used until the very end. Few are ever needed: as many as
/// there are for 64 servers that stand still at the same time.
worker_threads& threads() {
    static worker_threads& only = *new worker_threads({.threads = 256, .max_queued = 1024, .name = "lido-pg-cancel"});
    return only;
}

}  // namespace

/// A thread that deals with all that waits in a lane.
class cancel_lane::visit final : public worker_job {
public:
    explicit visit(std::shared_ptr<cancel_lane> of) noexcept : lane_(std::move(of)) {}
    void run() noexcept override {
        for (std::shared_ptr<worker_job> each = lane_->next(); each != nullptr; each = lane_->next()) each->run();
    }
    void refuse() noexcept override {}  // the threads are never closed

private:
    std::shared_ptr<cancel_lane> lane_;
};

bool cancel_lane::submit(const std::shared_ptr<cancel_lane>& to, std::shared_ptr<worker_job> what) {
    const std::lock_guard held(to->mutex_);
    if (to->waiting_.size() >= most_waiting) return false;
    to->waiting_.push_back(std::move(what));
    if (to->threads_ == most_threads) return true;  // one of them will come to it
    if (threads().submit(std::make_shared<visit>(to))) {
        ++to->threads_;
    } else if (to->threads_ == 0) {
        to->waiting_.pop_back();
        return false;
    }
    return true;
}

std::shared_ptr<worker_job> cancel_lane::next() {
    const std::lock_guard held(mutex_);
    if (waiting_.empty()) {
        --threads_;
        return nullptr;
    }
    std::shared_ptr<worker_job> first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
}

/// Lives as long as its thread or its request, whichever ends later.
class cancel_request::job final : public lido::detail::worker_wait {
public:
    job(scheduler& home, PGcancel* what) noexcept : worker_wait(home), what_(what) {}
    job(const job&) = delete;
    job& operator=(const job&) = delete;
    ~job() override { PQfreeCancel(what_); }

    void run() noexcept override {
        std::array<char, 256> text{};
        const bool in_order = PQcancel(what_, text.data(), static_cast<int>(text.size())) == 1;
        end(in_order ? outcome::in_order : outcome::unknown);
    }
    void refuse() noexcept override { end(outcome::unknown); }

    [[nodiscard]] bool is_over() const noexcept { return outcome_.load(std::memory_order_acquire) != outcome::none; }
    [[nodiscard]] bool in_order() const noexcept {
        return outcome_.load(std::memory_order_acquire) == outcome::in_order;
    }

private:
    enum class outcome : std::uint8_t { none, in_order, unknown };
    void end(outcome how) noexcept {
        finish([&] { outcome_.store(how, std::memory_order_release); });
    }

    PGcancel* const what_;
    std::atomic<outcome> outcome_{outcome::none};
};

cancel_request::cancel_request(PGconn* of, const std::shared_ptr<cancel_lane>& by, time_point deadline)
    : deadline_(deadline) {
    PGcancel* const what = PQgetCancel(of);
    if (what == nullptr) return;
    job_ = std::make_shared<job>(*scheduler::current(), what);
    if (!cancel_lane::submit(by, job_)) job_.reset();
}

cancel_request::~cancel_request() {
    // The server is asked all the same; only nobody is told.
    if (job_ != nullptr) job_->abandon();
}

bool cancel_request::is_over() const noexcept {
    return job_ == nullptr || job_->is_over();
}

bool cancel_request::in_order() const noexcept {
    return job_ != nullptr && job_->in_order();
}

void cancel_request::awaiter::await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    where_ = scheduler::current();
    of_.job_->wait(waiter);
    where_->arm(*this, until_);
}

void cancel_request::awaiter::leave() noexcept {
    if (where_ == nullptr) return;
    of_.job_->wait(nullptr);
    std::exchange(where_, nullptr)->disarm(*this);
}

void cancel_request::awaiter::expire() noexcept {
    where_ = nullptr;
    of_.job_->wait(nullptr);
    waiter_.resume();
}

}  // namespace lido::postgres

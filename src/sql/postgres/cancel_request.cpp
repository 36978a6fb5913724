#include "sql/postgres/cancel_request.hpp"

#include "lido/base/worker_threads.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace lido::postgres {
namespace {

/// Those of the process; never destroyed, so that they can be used until the very end. Few are ever needed, and each is
/// blocked for as long as the server's answer takes.
worker_threads& threads() {
    static worker_threads& only = *new worker_threads({.threads = 8, .max_queued = 1024, .name = "lido-pg-cancel"});
    return only;
}

}  // namespace

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

cancel_request::cancel_request(PGconn* of, time_point deadline) : deadline_(deadline) {
    PGcancel* const what = PQgetCancel(of);
    if (what == nullptr) return;
    job_ = std::make_shared<job>(*scheduler::current(), what);
    if (!threads().submit(job_)) job_.reset();
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
    where_->arm(*this, of_.deadline_);
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

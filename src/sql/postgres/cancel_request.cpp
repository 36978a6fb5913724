#include "sql/postgres/cancel_request.hpp"

#include "lido/base/operation.hpp"
#include "lido/base/worker_threads.hpp"

#include <array>

namespace lido::postgres {
namespace {

/// Those of the process; never destroyed, so that they can be used until the very end. Few are ever needed, and each is
/// blocked for as long as the server's answer takes.
worker_threads& threads() {
    static worker_threads& only = *new worker_threads({.threads = 8, .max_queued = 1024, .name = "lido-pg-cancel"});
    return only;
}

/// A function object instead of a lambda: it travels through a `co_await` expression.
class blocking_cancel {
public:
    explicit blocking_cancel(std::shared_ptr<PGcancel> what) : what_(std::move(what)) {}
    [[nodiscard]] result<void> operator()() const {
        std::array<char, 256> text{};
        if (PQcancel(what_.get(), text.data(), static_cast<int>(text.size())) == 1) return {};
        return error(lido::errc::connect_failed, text.data());
    }

private:
    std::shared_ptr<PGcancel> what_;
};

task<result<void>> cancel(std::shared_ptr<PGcancel> what, time_point deadline) {
    blocking_cancel body(std::move(what));
    task<result<void>> running = threads().run(std::move(body), deadline);
    result<void> ended = co_await std::move(running);
    co_return std::move(ended);
}

}  // namespace

cancel_request::cancel_request(PGconn* of, time_point deadline) {
    std::shared_ptr<PGcancel> what(PQgetCancel(of), [](PGcancel* each) { PQfreeCancel(each); });
    if (what == nullptr) {
        progress_->over = true;
        return;
    }
    operation<void> running(scheduler::current()->group(), cancel(std::move(what), deadline));
    std::move(running).start([watched = progress_](const result<void>& ended) {
        watched->over = true;
        watched->in_order = ended.has_value();
        if (watched->waiter) std::exchange(watched->waiter, nullptr).resume();
    });
}

cancel_request::~cancel_request() {
    progress_->waiter = nullptr;
}

}  // namespace lido::postgres

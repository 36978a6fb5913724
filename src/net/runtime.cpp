#include "lido/net/runtime.hpp"

#include "base/signals_blocked.hpp"

#include <fmt/format.h>

#include <pthread.h>

namespace lido {
namespace {

struct spawned_sink {
    void complete() const noexcept {}
    [[noreturn]] void fail(const std::exception_ptr& failure) const noexcept { std::rethrow_exception(failure); }
    void cancelled() const noexcept {}
};

}  // namespace

runtime::runtime(runtime_settings settings) {
    if (settings.threads < 1 || settings.threads > 256) {
        throw exception(error(errc::invalid_argument,
                              fmt::format("runtime setting threads = {} is out of range 1 … 256", settings.threads),
                              "use the number of cores that I/O may take, usually 1 or 2"));
    }
    for (std::uint32_t index = 0; index < settings.threads; ++index) {
        loops_.push_back(std::make_unique<net::event_loop>(*this, index));
    }
    const signals_blocked guard;
    for (const auto& loop : loops_) {
        threads_.emplace_back([loop = loop.get()] { loop->run(); });
        pthread_setname_np(threads_.back().native_handle(), fmt::format("lido-io-{}", loop->index()).c_str());
    }
}

runtime::~runtime() {
    for (const auto& loop : loops_) loop->stop();
    for (std::thread& thread : threads_) thread.join();
    // A loop that went on a little longer may have posted to one that had ended. Nobody else posts any more, so this
    // ends as soon as nothing leads to more.
    for (bool more = true; more;) {
        more = false;
        for (const auto& loop : loops_) more = loop->run_posted() || more;
    }
}

scheduler& runtime::pick() noexcept {
    if (loops_.size() == 1) return *loops_.front();
    return *loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
}

void runtime::spawn(task<void> body, std::uint32_t index, std::stop_token stop) {
    scheduler& where = *loops_[index % loops_.size()];
    detail::started_task<void, spawned_sink>::launch(where, std::move(body), {}, std::move(stop), false);
}

}  // namespace lido

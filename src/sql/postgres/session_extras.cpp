// LISTEN and COPY: what a session does beside statements.
#include "sql/postgres/session_implementation.hpp"

#include <fmt/format.h>

#include <utility>

namespace lido::postgres {
namespace {

/// A name as the server reads it, whatever is in it.
std::string quoted(const std::string& name) {
    std::string made = "\"";
    for (const char each : name) {
        if (each == '"') made.push_back(each);
        made.push_back(each);
    }
    return made + "\"";
}

}  // namespace

/// Waits until something came that nobody asked for; false: the deadline came first.
class session::implementation::notification_wait : private timer {
public:
    notification_wait(implementation& of, time_point deadline) noexcept
        : timer([](timer& self) noexcept { static_cast<notification_wait&>(self).expire(); }),
          of_(of),
          deadline_(deadline) {}
    notification_wait(notification_wait&&) = delete;
    ~notification_wait() { leave(); }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        of_.listener_ = waiter;
        armed_ = true;
        of_.wire_.loop().arm(*this, deadline_);
    }
    [[nodiscard]] bool await_resume() noexcept {
        leave();
        return !expired_;
    }

private:
    void leave() noexcept {
        of_.listener_ = nullptr;
        if (std::exchange(armed_, false)) of_.wire_.loop().disarm(*this);
    }
    void expire() noexcept {
        armed_ = false;
        expired_ = true;
        std::exchange(of_.listener_, nullptr).resume();
    }

    implementation& of_;
    time_point deadline_;
    bool armed_ = false;
    bool expired_ = false;
};

task<result<void>> session::implementation::listen(const std::string& channel, time_point deadline) {
    if (channel.empty() || channel.size() > 63 || channel.find('\0') != std::string::npos) {
        co_return error(lido::errc::invalid_argument, "the name of a channel has not 1 … 63 bytes",
                        "choose another name");
    }
    if (options_.transaction_pooling) {
        co_return error(
            lido::errc::invalid_argument,
            "LISTEN is not possible with transaction_pooling: the proxy gives each transaction another session",
            "listen through a pool that connects to PostgreSQL itself");
    }
    if (must_settle()) {
        result<void> settled = co_await settle(deadline);
        if (!settled) co_return std::move(settled).error();
    }
    const std::string text = "LISTEN " + quoted(channel);
    result<sql::rows> done = co_await command(text.c_str(), deadline);
    if (!done) co_return std::move(done).error();
    co_return result<void>();
}

task<result<std::vector<notification>>> session::implementation::notifications(time_point deadline) {
    while (true) {
        std::vector<notification> came = wire_.take_notifications();
        if (!came.empty()) co_return std::move(came);
        if (wire_.broken()) {
            co_return error(lido::errc::connection_closed, "the connection that listened is broken",
                            "listen again, and look for what may have been missed");
        }
        notification_wait waiting(*this, deadline);
        const bool in_time = co_await waiting;
        if (!in_time) co_return std::vector<notification>();
    }
}

task<result<void>> session::implementation::copy_begin(const sql::statement& what, bool put, time_point deadline) {
    if (must_settle()) {
        result<void> settled = co_await settle(deadline);
        if (!settled) co_return std::move(settled).error();
    }
    if (auto fits = check_text(what.text()); !fits) co_return std::move(fits).error();
    copy_ = put ? wire::copy_direction::in : wire::copy_direction::out;
    result<void> begun = co_await wire_.begin_copy(what.text(), copy_, deadline);
    co_return std::move(begun);
}

task<result<void>> session::implementation::copy_put(std::string_view data, time_point deadline) {
    return wire_.put_copy(data, deadline);
}
task<result<std::string>> session::implementation::copy_take(time_point deadline) {
    return wire_.take_copy(deadline);
}
task<result<std::uint64_t>> session::implementation::copy_end(time_point deadline) {
    return wire_.end_copy(copy_, deadline);
}

task<result<void>> session::listen(const std::string& channel, time_point deadline) {
    return implementation_->listen(channel, deadline);
}
task<result<std::vector<notification>>> session::notifications(time_point deadline) {
    return implementation_->notifications(deadline);
}
task<result<void>> session::copy_begin(const sql::statement& what, bool put, time_point deadline) {
    return implementation_->copy_begin(what, put, deadline);
}
task<result<void>> session::copy_put(std::string_view data, time_point deadline) {
    return implementation_->copy_put(data, deadline);
}
task<result<std::string>> session::copy_take(time_point deadline) {
    return implementation_->copy_take(deadline);
}
task<result<std::uint64_t>> session::copy_end(time_point deadline) {
    return implementation_->copy_end(deadline);
}

}  // namespace lido::postgres

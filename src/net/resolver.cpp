#include "lido/net/resolver.hpp"

#include "lido/base/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <coroutine>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <netdb.h>
#include <pthread.h>

namespace lido::net {
namespace {

using addresses = std::vector<address>;

constexpr std::size_t longest_name = 253;  // RFC 1035, section 2.3.4, as text without the final dot

error lookup_error(const std::string& host, int code) {
    const int system_code = errno;
    const std::string reason = code == EAI_SYSTEM ? std::generic_category().message(system_code) : gai_strerror(code);
    std::string remedy;
    if (code == EAI_AGAIN) remedy = "the name server did not answer: check the network and /etc/resolv.conf, or retry";
    return {errc::resolve_failed, fmt::format("resolve {}: {}", host, reason), std::move(remedy)};
}

result<addresses> system_lookup(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    if (const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) return lookup_error(host, code);
    addresses found;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
        const address next(entry->ai_addr, entry->ai_addrlen);
        if (std::find(found.begin(), found.end(), next) == found.end()) found.push_back(next);
    }
    freeaddrinfo(list);
    return found;
}

void check_range(const char* name, std::uint32_t value, std::uint32_t highest) {
    if (value >= 1 && value <= highest) return;
    throw exception(error(errc::invalid_argument,
                          fmt::format("resolver setting {} = {} is out of range 1 … {}", name, value, highest)));
}

/// One caller that waits. `waiting`, under the resolver's lock, says whether the result may still be posted; the
/// coroutine is touched on its own scheduler alone.
struct waiter : work {
    explicit waiter(scheduler& where) noexcept
        : work([](work& item) noexcept { static_cast<waiter&>(item).arrive(); }), home(where) {}

    void arrive() noexcept {
        const auto alive = std::move(keep);
        if (coroutine) std::exchange(coroutine, nullptr).resume();
    }

    scheduler& home;
    std::coroutine_handle<> coroutine;
    bool waiting = true;
    std::optional<result<addresses>> value;
    std::shared_ptr<waiter> keep;  // from the posting until it ran
};

/// One name that is, or is to be, looked up, and all who wait for it.
struct lookup_job {
    std::string host;
    std::vector<std::shared_ptr<waiter>> waiters;
};

}  // namespace

/// What callers, the resolver's threads and the resolver share. It lives as long as the last of them.
struct resolver::state {
    explicit state(resolver_settings given) : settings(std::move(given)) {
        if (!settings.lookup) settings.lookup = system_lookup;
    }

    struct worker {
        std::thread thread;
        bool ended = false;
    };

    /// Queues `who` for `host`; the error says why not.
    result<void> enqueue(const std::string& host, const std::shared_ptr<waiter>& who, const std::shared_ptr<state>& me);
    void abandon(const std::shared_ptr<waiter>& who);
    void serve(worker& mine);
    void close();

    result<void> start_worker_if_useful(const std::shared_ptr<state>& me);
    static void deliver(lookup_job& job, const result<addresses>& outcome);

    resolver_settings settings;
    std::mutex mutex;
    std::condition_variable work_came;
    std::condition_variable worker_ended;
    std::map<std::string, std::shared_ptr<lookup_job>> jobs;  // queued and under way
    std::deque<std::shared_ptr<lookup_job>> queue;
    std::deque<worker> workers;  // a deque, because workers hold references to their entries
    std::uint32_t idle_workers = 0;
    bool closing = false;
};

result<void> resolver::state::enqueue(const std::string& host, const std::shared_ptr<waiter>& who,
                                      const std::shared_ptr<state>& me) {
    const std::lock_guard lock(mutex);
    if (closing) return error(errc::cancelled, fmt::format("resolve {}: the resolver is closed", host));
    if (const auto same = jobs.find(host); same != jobs.end()) {
        same->second->waiters.push_back(who);
        return {};
    }
    if (queue.size() >= settings.max_queued) {
        return error(errc::queue_full,
                     fmt::format("resolve {}: {} names wait for the name server already", host, queue.size()),
                     "check the name server, or raise the resolver's threads or max_queued");
    }
    auto job = std::make_shared<lookup_job>(lookup_job{host, {who}});
    queue.push_back(job);
    if (auto started = start_worker_if_useful(me); !started) {
        queue.pop_back();
        return started;
    }
    jobs.emplace(host, std::move(job));
    work_came.notify_one();
    return {};
}

/// Starts a thread when all are busy and one more is allowed. An error only when there is none at all.
result<void> resolver::state::start_worker_if_useful(const std::shared_ptr<state>& me) {
    if (idle_workers >= queue.size() || workers.size() >= settings.threads) return {};
    worker& mine = workers.emplace_back();
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // the program's signals are not this thread's
    std::error_code failure;
    try {
        mine.thread = std::thread([me, &mine] { me->serve(mine); });
        pthread_setname_np(mine.thread.native_handle(), "lido-resolver");
    } catch (const std::system_error& refused) {
        failure = refused.code();
        workers.pop_back();
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failure && workers.empty()) {
        return error(errc::resolve_failed, fmt::format("no thread for name lookups: {}", failure.message()),
                     "raise the limit of threads (ulimit -u)");
    }
    return {};
}

void resolver::state::abandon(const std::shared_ptr<waiter>& who) {
    const std::lock_guard lock(mutex);
    if (!std::exchange(who->waiting, false)) return;
    for (const auto& [host, job] : jobs) {
        if (std::erase(job->waiters, who) == 0) continue;
        if (!job->waiters.empty()) return;
        // Nobody wants it any more: if no thread has it yet, none has to. Where one has, later callers may still join.
        const auto queued = std::find(queue.begin(), queue.end(), job);
        if (queued == queue.end()) return;
        queue.erase(queued);
        jobs.erase(host);
        return;
    }
}

/// With the lock held: gives `outcome` to all who wait.
void resolver::state::deliver(lookup_job& job, const result<addresses>& outcome) {
    for (auto& who : std::exchange(job.waiters, {})) {
        who->waiting = false;
        who->value.emplace(outcome);
        waiter& item = *who;
        item.keep = std::move(who);
        item.home.post(item);
    }
}

void resolver::state::serve(worker& mine) {
    std::unique_lock lock(mutex);
    while (true) {
        ++idle_workers;
        work_came.wait(lock, [this] { return closing || !queue.empty(); });
        --idle_workers;
        if (closing) break;
        const std::shared_ptr<lookup_job> job = std::move(queue.front());
        queue.pop_front();
        lock.unlock();
        result<addresses> outcome = settings.lookup(job->host);
        if (outcome.has_value() && outcome->empty()) {
            outcome = error(errc::resolve_failed, fmt::format("resolve {}: the name has no address", job->host));
        }
        lock.lock();
        jobs.erase(job->host);
        deliver(*job, outcome);
    }
    mine.ended = true;
    worker_ended.notify_all();
}

void resolver::state::close() {
    std::unique_lock lock(mutex);
    closing = true;
    const auto cancel = [](lookup_job& job) {
        deliver(job, error(errc::cancelled, fmt::format("resolve {}: the resolver was destroyed", job.host)));
    };
    for (const auto& job : std::exchange(queue, {})) {
        cancel(*job);
        jobs.erase(job->host);
    }
    work_came.notify_all();
    const auto all_ended = [this] {
        return std::all_of(workers.begin(), workers.end(), [](const worker& one) { return one.ended; });
    };
    worker_ended.wait_for(lock, settings.shutdown_grace, all_ended);
    for (const auto& [host, job] : jobs) cancel(*job);
    std::vector<std::thread> to_join;
    for (worker& one : workers) {
        if (one.ended) {
            to_join.push_back(std::move(one.thread));
        } else {
            one.thread.detach();
        }
    }
    lock.unlock();
    for (std::thread& thread : to_join) thread.join();
}

namespace {

/// Waits for a lookup, at most until a deadline. Its destructor takes the wait back.
class lookup_awaiter : private timer {
public:
    lookup_awaiter(std::shared_ptr<resolver::state> shared, const std::string& host, time_point deadline)
        : timer([](timer& self) noexcept { static_cast<lookup_awaiter&>(self).expire(); }),
          state_(std::move(shared)),
          host_(host),
          deadline_(deadline),
          waiter_(std::make_shared<waiter>(current())) {}
    lookup_awaiter(lookup_awaiter&&) = delete;
    ~lookup_awaiter() {
        if (waiter_->coroutine) give_up();
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> coroutine) {
        waiter_->coroutine = coroutine;
        result<void> queued = state_->enqueue(host_, waiter_, state_);
        if (!queued) {
            waiter_->coroutine = nullptr;
            waiter_->value.emplace(std::move(queued).error());
            return false;
        }
        waiter_->home.arm(*this, deadline_);
        return true;
    }
    [[nodiscard]] result<addresses> await_resume() {
        waiter_->home.disarm(*this);
        return std::move(*waiter_->value);
    }

private:
    [[nodiscard]] static scheduler& current() {
        LIDO_ASSERT(scheduler::current() != nullptr);
        return *scheduler::current();
    }
    void give_up() {
        waiter_->coroutine = nullptr;
        waiter_->home.disarm(*this);
        state_->abandon(waiter_);
    }
    void expire() noexcept {
        const std::coroutine_handle<> coroutine = waiter_->coroutine;
        give_up();
        // A result that is posted but has not arrived yet comes too late: its arrival finds no coroutine.
        waiter_->value.emplace(error(errc::connect_timeout, fmt::format("resolve {}: no answer in time", host_),
                                     "check the name server in /etc/resolv.conf, or raise the connect time-out"));
        coroutine.resume();
    }

    std::shared_ptr<resolver::state> state_;
    const std::string& host_;
    time_point deadline_;
    std::shared_ptr<waiter> waiter_;
};

result<void> check_name(const std::string& host) {
    if (host.empty()) return error(errc::resolve_failed, "resolve: the host name is empty", "name a host");
    if (host.size() > longest_name + 1) {
        return error(errc::resolve_failed, fmt::format("resolve: a host name of {} bytes is too long", host.size()),
                     "host names have at most 253 bytes");
    }
    const bool clean = std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c != '\x7f'; });
    if (!clean) {
        return error(errc::resolve_failed,
                     "resolve: the host name contains a space, a control or a non-ASCII character",
                     "write international names in their ASCII form (xn--…)");
    }
    return {};
}

}  // namespace

resolver::resolver(resolver_settings settings) {
    check_range("threads", settings.threads, 64);
    check_range("max_queued", settings.max_queued, 65536);
    state_ = std::make_shared<state>(std::move(settings));
}

resolver::~resolver() {
    state_->close();
}

task<result<std::vector<address>>> resolver::resolve(std::string host, std::uint16_t port, time_point deadline) {
    const std::shared_ptr<state> shared = state_;
    if (const auto literal = address::from_literal(host, port)) {
        addresses only(1, *literal);
        co_return only;
    }
    if (result<void> name = check_name(host); !name) co_return std::move(name).error();
    lookup_awaiter waiting(shared, host, deadline);
    result<addresses> found = co_await waiting;
    if (found) {
        for (address& one : *found) one.set_port(port);
    }
    co_return found;
}

resolver& default_resolver() {
    static resolver* const shared = new resolver;  // NOLINT: never destroyed, see the header
    return *shared;
}

}  // namespace lido::net

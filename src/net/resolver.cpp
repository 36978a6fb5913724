#include "lido/net/resolver.hpp"

#include "lido/base/scheduler.hpp"
#include "lido/base/worker_threads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include <netdb.h>

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

/// Why the threads took no lookup of `host`, in the words of names.
error refusal(const std::string& host, const error& why) {
    if (why == errc::queue_full) {
        return {errc::queue_full, fmt::format("resolve {}: too many names wait for the name server already", host),
                "check the name server, or raise the resolver's threads or max_queued"};
    }
    if (why == errc::cancelled) return {errc::cancelled, fmt::format("resolve {}: the resolver is closed", host)};
    return {errc::resolve_failed, fmt::format("resolve {}: {}", host, why.what()), why.remedy()};
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

}  // namespace

/// What callers, the lookups under way and the resolver share. It lives as long as the last of them.
struct resolver::state : std::enable_shared_from_this<resolver::state> {
    explicit state(resolver_settings given)
        : settings(std::move(given)),
          threads({.threads = settings.threads,
                   .max_queued = settings.max_queued,
                   .shutdown_grace = settings.shutdown_grace,
                   .name = "lido-resolver"}) {
        if (!settings.lookup) settings.lookup = system_lookup;
    }

    /// One name that is, or is to be, looked up, and all who wait for it.
    struct job final : worker_job {
        job(std::shared_ptr<state> of, std::string name) : owner(std::move(of)), host(std::move(name)) {}
        void run() noexcept override;
        void refuse() noexcept override;
        void deliver(const result<addresses>& outcome);

        const std::shared_ptr<state> owner;
        const std::string host;
        std::vector<std::shared_ptr<waiter>> waiters;  // under the owner's lock
    };

    /// Queues `who` for `host`; the error says why not.
    result<void> enqueue(const std::string& host, const std::shared_ptr<waiter>& who);
    void abandon(const std::shared_ptr<waiter>& who);

    resolver_settings settings;
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<job>> jobs;  // queued and under way
    worker_threads threads;
};

result<void> resolver::state::enqueue(const std::string& host, const std::shared_ptr<waiter>& who) {
    const std::lock_guard lock(mutex);
    if (const auto same = jobs.find(host); same != jobs.end()) {
        same->second->waiters.push_back(who);
        return {};
    }
    auto fresh = std::make_shared<job>(shared_from_this(), host);
    fresh->waiters.push_back(who);
    if (result<void> queued = threads.submit(fresh); !queued) return refusal(host, queued.error());
    jobs.emplace(host, std::move(fresh));
    return {};
}

void resolver::state::abandon(const std::shared_ptr<waiter>& who) {
    std::shared_ptr<job> unwanted;  // goes after the lock
    const std::lock_guard lock(mutex);
    if (!std::exchange(who->waiting, false)) return;
    for (const auto& [host, one] : jobs) {
        if (std::erase(one->waiters, who) == 0) continue;
        // Nobody wants it any more: if no thread has it yet, none has to. Where one has, later callers may still join.
        if (!one->waiters.empty() || !threads.take_back(*one)) return;
        unwanted = one;
        jobs.erase(host);
        return;
    }
}

/// With the lock held: gives `outcome` to all who wait; later callers look the name up anew.
void resolver::state::job::deliver(const result<addresses>& outcome) {
    const auto mine = owner->jobs.find(host);
    if (mine != owner->jobs.end() && mine->second.get() == this) owner->jobs.erase(mine);
    for (auto& who : std::exchange(waiters, {})) {
        who->waiting = false;
        who->value.emplace(outcome);
        waiter& item = *who;
        item.keep = std::move(who);
        item.home.post(item);
    }
}

void resolver::state::job::run() noexcept {
    result<addresses> outcome = owner->settings.lookup(host);
    if (outcome.has_value() && outcome->empty()) {
        outcome = error(errc::resolve_failed, fmt::format("resolve {}: the name has no address", host));
    }
    const std::lock_guard lock(owner->mutex);
    deliver(outcome);
}

void resolver::state::job::refuse() noexcept {
    const std::lock_guard lock(owner->mutex);
    deliver(error(errc::cancelled, fmt::format("resolve {}: the resolver was destroyed", host)));
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
        result<void> queued = state_->enqueue(host_, waiter_);
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
    state_->threads.close();
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

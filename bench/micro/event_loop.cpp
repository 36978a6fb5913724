// Echo round trips over loopback TCP: Lido's loop, socket and task beside Boost.Asio's coroutines, in one run.
//
// One thread of this program is the client and is measured alone; another, on a core of its own where there is one,
// sends back what it gets and is the same for all. Counters: cpu_us and wall_us per round trip.
// docs/design/event_loop.md has the figures and the commands.
#include "lido/net/event_loop.hpp"

#include "lido/base/operation.hpp"
#include "lido/net/socket.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using lido::net::unique_descriptor;

constexpr std::size_t message_size = 100;
constexpr int trips_per_run = 20'000;

int checked(int value, const char* what) {
    if (value < 0) throw std::system_error(errno, std::generic_category(), what);
    return value;
}

void pin_to_core(std::size_t core) {
    if (std::thread::hardware_concurrency() < 2) return;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
}

/// A pair of connected TCP sockets; the second is the server's.
std::pair<unique_descriptor, unique_descriptor> connect_pair() {
    const unique_descriptor listener(checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    checked(bind(listener.get(), generic, size), "bind");
    checked(listen(listener.get(), 1), "listen");
    checked(getsockname(listener.get(), generic, &size), "getsockname");
    unique_descriptor client(checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    checked(connect(client.get(), generic, size), "connect");
    unique_descriptor server(
        checked(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC), "accept4"));
    const int on = 1;
    checked(setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "setsockopt");
    checked(setsockopt(server.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "setsockopt");
    return {std::move(client), std::move(server)};
}

/// Sends back what comes on its connections, until its end.
class echo_server {
public:
    explicit echo_server(std::vector<unique_descriptor> connections) : connections_(std::move(connections)) {
        watch(stop_.get());
        for (const unique_descriptor& each : connections_) watch(each.get());
        thread_ = std::thread([this] { run(); });
    }
    echo_server(const echo_server&) = delete;
    echo_server& operator=(const echo_server&) = delete;
    ~echo_server() {
        eventfd_write(stop_.get(), 1);
        thread_.join();
    }

private:
    void watch(int descriptor) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = descriptor;
        checked(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
    }
    void run() {
        pin_to_core(1);
        std::array<epoll_event, 64> events{};
        std::array<char, 4096> space{};
        while (true) {
            const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < count; ++i) {
                const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
                if (descriptor == stop_.get()) return;
                const ssize_t got = recv(descriptor, space.data(), space.size(), 0);
                if (got > 0) {
                    checked(
                        static_cast<int>(send(descriptor, space.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL)),
                        "send");
                }
                if (got == 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
            }
        }
    }

    std::vector<unique_descriptor> connections_;
    unique_descriptor epoll_{checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")};
    unique_descriptor stop_{checked(eventfd(0, EFD_CLOEXEC), "eventfd")};
    std::thread thread_;
};

double seconds_of(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Opens connections, hands them to `client`, which makes `trips` round trips on each, and takes the time of that.
template <class Client>
void measure(benchmark::State& state, Client client) {
    const auto connections = static_cast<std::size_t>(state.range(0));
    const int trips = trips_per_run / static_cast<int>(connections);
    double cpu = 0.0;
    double wall = 0.0;
    pin_to_core(0);
    for (auto _ : state) {
        std::vector<unique_descriptor> mine;
        std::vector<unique_descriptor> theirs;
        for (std::size_t i = 0; i < connections; ++i) {
            auto [near_end, far_end] = connect_pair();
            mine.push_back(std::move(near_end));
            theirs.push_back(std::move(far_end));
        }
        const echo_server server(std::move(theirs));
        const double cpu_before = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        const double wall_before = seconds_of(CLOCK_MONOTONIC);
        client(std::move(mine), trips);
        const double passed = seconds_of(CLOCK_MONOTONIC) - wall_before;
        cpu += seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu_before;
        wall += passed;
        state.SetIterationTime(passed);
    }
    const double done =
        static_cast<double>(state.iterations()) * static_cast<double>(trips) * static_cast<double>(connections);
    state.counters["cpu_us"] = 1e6 * cpu / done;
    state.counters["wall_us"] = 1e6 * wall / done;
}

class one_loop final : public lido::scheduler_group {
public:
    [[nodiscard]] std::uint32_t size() const noexcept override { return 1; }
    [[nodiscard]] lido::net::event_loop& at(std::uint32_t) noexcept override { return loop_; }
    [[nodiscard]] lido::net::event_loop& pick() noexcept override { return loop_; }

private:
    lido::net::event_loop loop_{*this, 0};
};

/// Each wait has a deadline, as it has in a client.
lido::task<lido::result<int>> lido_trips(lido::net::event_loop& loop, unique_descriptor descriptor, int trips) {
    lido::net::socket socket(loop, std::move(descriptor));
    std::array<char, message_size> message{};
    std::array<char, 4096> space{};
    for (int i = 0; i < trips; ++i) {
        if (socket.send(message).bytes != message.size()) std::abort();
        for (std::size_t got = 0; got < message.size();) {
            const bool in_time = co_await socket.readiness(lido::net::io_status::want_read, loop.now() + 30s);
            if (!in_time) std::abort();
            const auto part = socket.receive(space);
            if (part.status == lido::net::io_status::failed || part.status == lido::net::io_status::end) std::abort();
            got += part.bytes;
        }
    }
    co_return trips;
}

void lido_client(std::vector<unique_descriptor> connections, int trips) {
    one_loop group;
    std::size_t running = connections.size();
    for (unique_descriptor& each : connections) {
        lido::operation<int>(group, lido_trips(group.at(0), std::move(each), trips))
            .start([&](const lido::result<int>&) {
                if (--running == 0) group.at(0).stop();
            });
    }
    group.at(0).run();
}

namespace asio = boost::asio;

asio::awaitable<void> asio_trips(asio::io_context& context, int descriptor, int trips, bool with_deadline) {
    asio::ip::tcp::socket socket(context, asio::ip::tcp::v4(), descriptor);
    asio::steady_timer timer(context);
    std::array<char, message_size> message{};
    std::array<char, 4096> space{};
    for (int i = 0; i < trips; ++i) {
        if (with_deadline) {
            timer.expires_after(30s);
            timer.async_wait([&socket](const boost::system::error_code& failure) {
                if (!failure) socket.close();
            });
        }
        co_await asio::async_write(socket, asio::buffer(message), asio::use_awaitable);
        for (std::size_t got = 0; got < message.size();) {
            const std::size_t part = co_await socket.async_read_some(asio::buffer(space), asio::use_awaitable);
            got += part;
        }
        if (with_deadline) timer.cancel();
    }
}

void asio_client(std::vector<unique_descriptor> connections, int trips, bool with_deadline) {
    asio::io_context context(1);
    for (const unique_descriptor& each : connections) {
        asio::co_spawn(context, asio_trips(context, dup(each.get()), trips, with_deadline), asio::detached);
    }
    context.run();
}

void echo_lido(benchmark::State& state) {
    measure(state, lido_client);
}
void echo_asio(benchmark::State& state) {
    measure(state, [](auto connections, int trips) { asio_client(std::move(connections), trips, false); });
}
void echo_asio_with_deadline(benchmark::State& state) {
    measure(state, [](auto connections, int trips) { asio_client(std::move(connections), trips, true); });
}

// NOLINTBEGIN(cert-err58-cpp): how Google Benchmark registers
BENCHMARK(echo_lido)->Arg(1)->Arg(8)->Arg(64)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(echo_asio)->Arg(1)->Arg(8)->Arg(64)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(echo_asio_with_deadline)
    ->Arg(1)
    ->Arg(8)
    ->Arg(64)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
// NOLINTEND(cert-err58-cpp)

}  // namespace

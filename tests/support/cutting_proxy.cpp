#include "support/cutting_proxy.hpp"

#include "support/test_sockets.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

namespace lido::test {
namespace {

/// A connection through the proxy.
struct pair_of_sockets {
    net::unique_descriptor client;
    net::unique_descriptor server;
    std::size_t answers_left = 0;
    std::size_t requests_left = std::numeric_limits<std::size_t>::max();
    std::size_t number = 0;
    bool stalled = false;
    bool over = false;
};

void no_delay(int descriptor) {
    const int yes = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/// Blocking, for what the other side takes slowly; what it does not take any more is dropped with it.
bool pass(int to, std::string_view data) {
    while (!data.empty()) {
        const ssize_t sent = ::send(to, data.data(), data.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        data.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

/// Takes what has come at `from` to `to`, as far as `left` goes, and counts it first. True when the connection is to
/// break now.
bool pass_on(pair_of_sockets& of, int from, int to, std::size_t& left, std::atomic<std::size_t>* passed) {
    std::array<char, 65536> space;
    const ssize_t got = recv(from, space.data(), space.size(), 0);
    const std::size_t size = std::min(static_cast<std::size_t>(std::max<ssize_t>(got, 0)), left);
    if (passed != nullptr) *passed += size;
    of.over = got <= 0 || !pass(to, {space.data(), size});
    left -= size;
    return left == 0 && !of.over;
}

}  // namespace

cutting_proxy::cutting_proxy(std::uint16_t to, std::uint64_t seed, allowance answers, allowance requests, breaking how)
    : to_(to), dice_(seed), answers_(std::move(answers)), requests_(std::move(requests)), how_(how) {
    net::unique_descriptor listener(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const net::address where = *net::address::from_literal("127.0.0.1", 0);
    checked_call(bind(listener.get(), where.data(), where.size()), "bind");
    checked_call(listen(listener.get(), 1000), "listen");
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    checked_call(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &size), "getsockname");
    port_ = ntohs(bound.sin_port);
    thread_ = std::thread([this, taken = std::move(listener)] { run(taken); });
}

cutting_proxy::~cutting_proxy() {
    ends_ = true;
    thread_.join();
}

void cutting_proxy::run(const net::unique_descriptor& listener) {
    std::vector<pair_of_sockets> pairs;
    std::vector<pollfd> watched;
    while (!ends_) {
        watched.assign(1, {listener.get(), POLLIN, 0});
        for (const pair_of_sockets& each : pairs) {
            // One that stands still is only watched for its end.
            const auto events = static_cast<short>(each.stalled ? POLLRDHUP : POLLIN);
            watched.push_back({each.client.get(), events, 0});
            watched.push_back({each.server.get(), events, 0});
        }
        if (poll(watched.data(), watched.size(), 20) <= 0) continue;
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            pair_of_sockets& each = pairs[i];
            const int client = each.client.get();
            const int server = each.server.get();
            const bool by_client = watched[1 + 2 * i].revents != 0;
            const bool by_server = watched[2 + 2 * i].revents != 0;
            if (each.stalled) {
                each.over = by_client || by_server;
                continue;
            }
            const bool is_last = each.number == accepted_;
            bool breaks =
                by_client && pass_on(each, client, server, each.requests_left, is_last ? &requests_passed_ : nullptr);
            if (by_server && !each.over && !breaks) {
                breaks = pass_on(each, server, client, each.answers_left, is_last ? &answers_passed_ : nullptr);
            }
            if (!breaks) continue;
            ++cut_;
            each.stalled = how_ == breaking::stall;
            if (each.stalled) continue;
            each.over = true;
            const linger abort{1, 0};
            if (dice_.below(2) == 0) setsockopt(client, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
        }
        std::erase_if(pairs, [](const pair_of_sockets& each) { return each.over; });
        if (watched[0].revents == 0) continue;
        pair_of_sockets made;
        made.client = net::unique_descriptor(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        made.server = net::unique_descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const net::address where = *net::address::from_literal("127.0.0.1", to_);
        made.number = ++accepted_;
        answers_passed_ = 0;
        requests_passed_ = 0;
        if (connect(made.server.get(), where.data(), where.size()) != 0) continue;
        no_delay(made.client.get());
        no_delay(made.server.get());
        made.answers_left = answers_(dice_);
        if (requests_) made.requests_left = requests_(dice_);
        pairs.push_back(std::move(made));
        peak_ = std::max(peak_.load(), pairs.size());
    }
}

}  // namespace lido::test

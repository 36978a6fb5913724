#include "support/cutting_proxy.hpp"

#include "support/test_sockets.hpp"

#include <algorithm>
#include <array>
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
    std::size_t left = 0;
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

}  // namespace

cutting_proxy::cutting_proxy(std::uint16_t to, std::uint64_t seed, allowance bytes)
    : to_(to), dice_(seed), bytes_(std::move(bytes)) {
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
    std::array<char, 65536> space;
    while (!ends_) {
        watched.assign(1, {listener.get(), POLLIN, 0});
        for (const pair_of_sockets& each : pairs) {
            watched.push_back({each.client.get(), POLLIN, 0});
            watched.push_back({each.server.get(), POLLIN, 0});
        }
        if (poll(watched.data(), watched.size(), 20) <= 0) continue;
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            pair_of_sockets& each = pairs[i];
            if (watched[1 + 2 * i].revents != 0) {
                const ssize_t got = recv(each.client.get(), space.data(), space.size(), 0);
                const auto size = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
                each.over = got <= 0 || !pass(each.server.get(), {space.data(), size});
            }
            if (watched[2 + 2 * i].revents != 0 && !each.over) {
                const ssize_t got = recv(each.server.get(), space.data(), space.size(), 0);
                const std::size_t size = std::min(static_cast<std::size_t>(std::max<ssize_t>(got, 0)), each.left);
                each.over = got <= 0 || !pass(each.client.get(), {space.data(), size});
                each.left -= size;
                if (each.left == 0 && !each.over) {
                    each.over = true;
                    ++cut_;
                    const linger abort{1, 0};
                    if (dice_.below(2) == 0) {
                        setsockopt(each.client.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
                    }
                }
            }
        }
        std::erase_if(pairs, [](const pair_of_sockets& each) { return each.over; });
        if (watched[0].revents == 0) continue;
        pair_of_sockets made;
        made.client = net::unique_descriptor(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        made.server = net::unique_descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const net::address where = *net::address::from_literal("127.0.0.1", to_);
        ++accepted_;
        if (connect(made.server.get(), where.data(), where.size()) != 0) continue;
        no_delay(made.client.get());
        no_delay(made.server.get());
        made.left = bytes_(dice_);
        pairs.push_back(std::move(made));
        peak_ = std::max(peak_.load(), pairs.size());
    }
}

}  // namespace lido::test

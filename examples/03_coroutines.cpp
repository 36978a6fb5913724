// The same operations in coroutines: a thousand tasks at once on one thread, a start with a function to call at the
// end, and a request that is given up.
#include "shop_server.hpp"
#include <lido/http/client.hpp>
#include <lido/net/runtime.hpp>

#include <iostream>
#include <latch>
#include <stop_token>
#include <string>

namespace {

struct tally {
    explicit tally(std::ptrdiff_t count) : running(count) {}
    std::latch running;
    int answered = 0;  // all tasks run on one thread
};

// Keep co_await out of conditions, and give each result a name: GCC 12 has trouble with anything more clever.
lido::task<void> browse(lido::http::client& shop, int user, tally& counts) {
    const std::string target = "/users/" + std::to_string(user);
    const auto page = co_await shop.get(target);
    if (page) {
        ++counts.answered;
    } else {
        std::cerr << page.error().message() << '\n';
    }
    const auto rating = co_await shop.post(target + "/rating", "5", "text/plain");
    if (rating) ++counts.answered;
    counts.running.count_down();
}

}  // namespace

int main() {
    lido::runtime io;  // one I/O thread is enough for this
    const shop_server server(io);
    lido::http::client shop(io, {.base_url = server.url(), .max_connections_per_origin = 10});

    constexpr int users = 1000;
    tally counts(users);
    for (int user = 0; user < users; ++user) io.spawn(browse(shop, user, counts));
    counts.running.wait();
    std::cout << counts.answered << " responses for " << users << " tasks over "
              << shop.statistics().connections_created << " connections\n";

    // Without a coroutine: the function is called once, on an I/O thread.
    std::latch done(2);
    shop.get("/started").start([&](lido::result<lido::http::response> ended) {
        std::cout << (ended ? std::string(ended->body()) : ended.error().message() + '\n');
        done.count_down();
    });

    // Whoever starts an operation may end it. Its connection is closed unless the response had been read.
    std::stop_source stop;
    shop.get("/given-up")
        .start(
            [&](const lido::result<lido::http::response>& ended) {
                if (!ended) std::cout << ended.error().what() << '\n';
                done.count_down();
            },
            stop.get_token());
    stop.request_stop();
    done.wait();
    return counts.answered == 2 * users ? 0 : 1;
}

// One HTTP client for all threads of a program: each waits for its own response, all share one pool of connections.
#include "shop_server.hpp"
#include <lido/http/client.hpp>
#include <lido/net/runtime.hpp>

#include <chrono>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int main() {
    lido::runtime io;
    const shop_server server(io);
    lido::http::client shop(io, {.base_url = server.url(), .max_connections_per_origin = 4});

    // Ten threads ask for five pages each, over four connections.
    std::mutex output;
    std::vector<std::thread> users;
    for (int user = 0; user < 10; ++user) {
        users.emplace_back([&, user] {
            for (int page = 0; page < 5; ++page) {
                const auto got = shop.get("/outfits/" + std::to_string(page)).wait();
                const std::lock_guard held(output);
                if (!got) {
                    std::cerr << got.error().message() << '\n';  // what happened, to what, and what helps
                } else if (user == 0) {
                    std::cout << got->status() << ' ' << got->body();
                }
            }
        });
    }
    for (std::thread& each : users) each.join();

    // A request with more to it than a target.
    const auto rated = shop.send(lido::http::request(lido::http::method::post, "/outfits/7/rating")
                                     .header("Accept", "text/plain")
                                     .body("5", "text/plain")
                                     .timeout(5s))
                           .wait();
    std::cout << (rated ? std::string(rated->body()) : rated.error().message() + '\n');

    // A status is no failure: it is the caller who knows what to make of it.
    const auto busy = shop.send(lido::http::request(lido::http::method::get, "/busy").timeout(200ms)).wait();
    if (busy) std::cout << busy->status() << " after all retries that fit into 200 ms\n";

    const lido::http::client_statistics numbers = shop.statistics();
    std::cout << numbers.requests << " requests over " << numbers.connections_created << " connections\n";
    return numbers.failed == 0 && numbers.connections_created <= 4 ? 0 : 1;
}

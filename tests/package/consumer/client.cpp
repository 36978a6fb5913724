// Asks a port on which nobody listens. That needs every library behind Lido linked, and no server.
#include <lido/http/client.hpp>
#include <lido/net/runtime.hpp>

#include <iostream>

int main() {
    using namespace std::chrono_literals;
    lido::runtime io;
    lido::http::client shop{io, {.base_url = "http://127.0.0.1:1", .timeout = 2s}};
    const auto page = shop.get("/outfits").wait();
    std::cout << (page ? "wrong" : "refused") << '\n';
    return page ? 1 : 0;
}

// Nanoseconds that the cache adds to a request: a hit, with its copy of the body, and a miss; by one thread and by two.
#include "http/response_reader.hpp"
#include "lido/http/response_cache.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace lido;
using namespace lido::http;

constexpr std::size_t pages = 1000;

response page(std::size_t size) {
    static const http_limits limits;
    response_reader reader;
    reader.reset(method::get, limits);
    reader.feed(
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
        "Content-Type: text/plain\r\nCache-Control: max-age=2147483648\r\nETag: \"18c0ffee\"\r\n"
        "Content-Length: " +
        std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
    return reader.take();
}

std::string uri_of(std::size_t number) {
    return "http://shop.example/outfits/" + std::to_string(number);
}

/// A cache with a thousand pages, shared by the threads of a benchmark.
struct filled_cache {
    explicit filled_cache(std::size_t size) {
        const request what(method::get, "/");
        for (std::size_t i = 0; i < pages; ++i) {
            cache_visit made = cache.visit(uri_of(i), what, {}, defaults, now);
            benchmark::DoNotOptimize(made.settle(page(size), {now, now, std::chrono::system_clock::now()}));
        }
    }
    response_cache cache{{.max_bytes = std::size_t{1} << 30}};
    headers defaults;
    time_point now = clock::now();
};

void hit(benchmark::State& state) {
    static filled_cache small(500);
    static filled_cache large(64 * 1024);
    filled_cache& filled = state.range(0) == 500 ? small : large;
    const request what = request(method::get, "/").header("Accept", "text/plain");
    std::size_t number = static_cast<std::size_t>(state.thread_index()) * 7919;
    for (auto _ : state) {
        cache_visit made = filled.cache.visit(uri_of(++number % pages), what, {}, filled.defaults, filled.now);
        benchmark::DoNotOptimize(made.answer(filled.now));
    }
}

void miss(benchmark::State& state) {
    static filled_cache filled(500);
    const request what = request(method::get, "/").header("Accept", "text/plain");
    for (auto _ : state) {
        benchmark::DoNotOptimize(filled.cache.visit("http://shop.example/", what, {}, filled.defaults, filled.now));
    }
}

BENCHMARK(hit)->Arg(500)->Threads(1)->Threads(2);
BENCHMARK(hit)->Arg(64 * 1024)->Threads(1)->Threads(2);
BENCHMARK(miss)->Threads(1)->Threads(2);

}  // namespace

// Nanoseconds to read one HTTP/1.1 response, in the two sizes of common servers: a short answer of nginx, and one with
// the headers that a site behind a content network adds.
#include "http/request_writer.hpp"
#include "http/response_reader.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace lido::http;

/// 161 bytes, 5 headers.
std::string short_response() {
    return "HTTP/1.1 200 OK\r\n"
           "Server: nginx/1.22.1\r\n"
           "Date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
           "Content-Type: text/plain\r\n"
           "Content-Length: 13\r\n"
           "Connection: keep-alive\r\n"
           "\r\n"
           "hello, world\n";
}

/// 562 bytes, 13 headers.
std::string long_response() {
    return "HTTP/1.1 200 OK\r\n"
           "Server: nginx/1.22.1\r\n"
           "Date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
           "Content-Type: application/json; charset=utf-8\r\n"
           "Content-Length: 13\r\n"
           "Connection: keep-alive\r\n"
           "Vary: Accept-Encoding, Origin\r\n"
           "Cache-Control: private, max-age=0, must-revalidate, no-transform\r\n"
           "ETag: \"5f2b-18c0ffee-1122334455667788\"\r\n"
           "Last-Modified: Thu, 19 Nov 2026 08:15:42 GMT\r\n"
           "Strict-Transport-Security: max-age=63072000; includeSubDomains\r\n"
           "X-Content-Type-Options: nosniff\r\n"
           "X-Request-Id: 4bf92f3577b34da6a3ce929d0e0e4736\r\n"
           "X-Upstream: a1b2c3d4e5, eu-central-1, cache miss 0\r\n"
           "\r\n"
           "hello, world\n";
}

std::string chunked_response() {
    return "HTTP/1.1 200 OK\r\n"
           "Date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
           "Content-Type: text/plain\r\n"
           "Transfer-Encoding: chunked\r\n"
           "\r\n"
           "d\r\nhello, world\n\r\n0\r\n\r\n";
}

/// Reading alone: the response stays in the reader.
void read_only(benchmark::State& state, const std::string& text) {
    const http_limits limits;
    response_reader reader;
    for (auto _ : state) {
        reader.reset(method::get, limits);
        benchmark::DoNotOptimize(reader.feed(text));
    }
    state.counters["bytes"] = static_cast<double>(text.size());
}

/// What a client does: read, take the response, look at a header, destroy it.
void read_and_take(benchmark::State& state, const std::string& text) {
    const http_limits limits;
    response_reader reader;
    for (auto _ : state) {
        reader.reset(method::get, limits);
        benchmark::DoNotOptimize(reader.feed(text));
        const response taken = reader.take();
        benchmark::DoNotOptimize(taken.status());
    }
    state.counters["bytes"] = static_cast<double>(text.size());
}

void write_request(benchmark::State& state) {
    const request message = request(method::get, "/outfits?size=38").header("Accept", "application/json");
    headers defaults;
    (void)defaults.add("User-Agent", "lido/0.1");
    const request_target_context context{.host = "shop.example:8080", .defaults = &defaults};
    std::string out;
    for (auto _ : state) {
        out.clear();
        benchmark::DoNotOptimize(append_request(out, message, context));
    }
    state.counters["bytes"] = static_cast<double>(out.size());
}

BENCHMARK_CAPTURE(read_only, short, short_response());
BENCHMARK_CAPTURE(read_only, long, long_response());
BENCHMARK_CAPTURE(read_only, chunked, chunked_response());
BENCHMARK_CAPTURE(read_and_take, short, short_response());
BENCHMARK_CAPTURE(read_and_take, long, long_response());
BENCHMARK_CAPTURE(read_and_take, chunked, chunked_response());
BENCHMARK(write_request);

}  // namespace

// Servers that go on without end, in each part of a response that can: stopped by the limit of that part, with no more
// memory taken than that limit allows. curl CVE-2023-38039; interim responses, chunk extensions and trailers likewise.
// Over HTTP/2 the floods of CVE-2019-9511 to 9518 and CVE-2024-27983 and 28182.
#include "support/http2_frames.hpp"
#include "support/http_client_world.hpp"
#include "support/peak_memory.hpp"
#include "support/repeated.hpp"
#include "support/sanitized.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <thread>

#include <netinet/in.h>

namespace lido::test {
namespace {

using testing::HasSubstr;

/// What is said on a connection.
struct endless_script {
    std::string greeting;                     ///< as soon as it is there
    bool (*was_asked)(std::string_view all);  ///< all that came until then is a request
    std::string begin;                        ///< after it
    std::string piece;                        ///< after that, again and again
};

/// Follows a script on its one connection until nobody takes what it says.
class endless_server {
public:
    explicit endless_server(endless_script script)
        : listener_(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
        const net::address where = *net::address::from_literal("127.0.0.1", 0);
        checked_call(bind(listener_.get(), where.data(), where.size()), "bind");
        checked_call(listen(listener_.get(), 1), "listen");
        url_ = fmt::format("http://{}", net::address::local_of(listener_.get()).to_text());
        thread_ = std::thread([this, what = std::move(script)] { run(what); });
    }
    endless_server(const endless_server&) = delete;
    endless_server& operator=(const endless_server&) = delete;
    ~endless_server() { thread_.join(); }

    [[nodiscard]] const std::string& url() const noexcept { return url_; }

private:
    /// Even this has an end, for a client without limits.
    static constexpr std::size_t most = std::size_t{1} << 30U;

    void run(const endless_script& what) const {
        const net::unique_descriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!pass(client.get(), what.greeting) || !is_asked(client.get(), what)) return;
        if (!pass(client.get(), what.begin)) return;
        for (std::size_t sent = 0; sent < most && pass(client.get(), what.piece); sent += what.piece.size()) continue;
    }
    static bool is_asked(int by, const endless_script& what) {
        std::string all;
        std::array<char, 4096> some;
        while (!what.was_asked(all)) {
            const ssize_t came = recv(by, some.data(), some.size(), 0);
            if (came <= 0) return false;
            all.append(some.data(), static_cast<std::size_t>(came));
        }
        return true;
    }
    static bool pass(int to, std::string_view data) {
        while (!data.empty()) {
            const ssize_t sent = ::send(to, data.data(), data.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            data.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    net::unique_descriptor listener_;
    std::string url_;
    std::thread thread_;
};

struct endless_part {
    const char* name;
    const char* begin;
    const char* piece;  ///< sent ten thousand times at once
    errc code;
    const char* words;
};

constexpr endless_part parts[] = {
    {"status_line", "HTTP/1.1 200 ", "x", errc::limit_exceeded, "max_start_line_bytes"},
    {"field", "HTTP/1.1 200 OK\r\nA: ", "x", errc::limit_exceeded, "max_head_bytes"},
    {"fields", "HTTP/1.1 200 OK\r\n", "A: 1\r\n", errc::limit_exceeded, "max_header_count"},
    {"interim_responses", "", "HTTP/1.1 103 Early Hints\r\n\r\n", errc::limit_exceeded, "max_interim_responses"},
    {"body", "HTTP/1.1 200 OK\r\n\r\n", "body", errc::limit_exceeded, "max_body_bytes"},
    {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nbody\r\n", errc::limit_exceeded,
     "max_body_bytes"},
    {"chunk_size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0", errc::protocol_error, "chunk size"},
    {"chunk_extension", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;", "x", errc::limit_exceeded,
     "max_chunk_extension_bytes"},
    {"chunk_extensions", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;a=b\r\nx\r\n",
     errc::limit_exceeded, "max_chunk_extension_bytes"},
    {"trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", "x", errc::limit_exceeded,
     "max_trailer_bytes"},
    {"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: 1\r\n", errc::limit_exceeded,
     "max_header_count"},
};

/// The memory that the process takes while a client with these settings asks such a server, and what it is told.
void expect_bounded(endless_script script, http::client_settings settings, errc code, const char* words) {
    constexpr std::size_t limit = std::size_t{1} << 20U;
    constexpr std::size_t allowance = std::size_t{16} << 20U;
    const endless_server server(std::move(script));
    runtime io;
    settings.base_url = server.url();
    settings.limits.max_body_bytes = limit;
    forget_peak();
    const std::size_t before = peak_memory();
    {
        http::client user(io, settings);
        const auto got = user.get("/").wait();
        ASSERT_FALSE(got.has_value());
        EXPECT_EQ(got.error(), code) << got.error().message();
        EXPECT_THAT(got.error().message(), HasSubstr(words));
    }
    EXPECT_LE(peak_memory(), before + limit + allowance);
}

class endless : public testing::TestWithParam<endless_part> {};

TEST_P(endless, parts_of_a_response_are_stopped_before_they_take_more_memory_than_their_limit) {
    // What is measured is the memory of the whole process.
    if (sanitized) GTEST_SKIP() << "sanitizers take memory of their own";
    const auto was_asked = [](std::string_view all) { return all.find("\r\n\r\n") != std::string_view::npos; };
    expect_bounded({"", was_asked, GetParam().begin, repeated(GetParam().piece, 10'000)}, plain_settings(""),
                   GetParam().code, GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(called, endless, testing::ValuesIn(parts),
                         [](const auto& one) { return std::string(one.param.name); });

// ---- HTTP/2
// -----------------------------------------------------------------------------------------------------------

struct endless_frames {
    const char* name;
    std::string begin;
    std::string piece;
    errc code;
    const char* words;
};

const std::string ok_block = h2::block({{":status", "200"}});
const std::string ok_head = h2::frame(h2::headers, h2::end_headers, 1, ok_block);

/// A field of 3,000 bytes that goes into the table of HPACK (RFC 7541 §6.2.1), and the number by which it is had again.
std::string remembered_field() {
    return std::string(
               "\x40\x04"
               "bomb",
               6) +
           "\x7f\xb9\x16" + std::string(3000, 'x');
}

std::vector<endless_frames> endless_frames_of_all_kinds() {
    const std::string no_end = h2::frame(h2::headers, 0, 1, ok_block);
    const std::string field = h2::block({{"a", "1"}});
    return {
        {"pings", "", h2::frame(h2::ping, 0, 0, "12345678"), errc::connection_closed, "control frames"},
        {"settings", "", h2::frame(h2::settings, 0, 0), errc::connection_closed, "control frames"},
        {"full_settings", "", h2::frame(h2::settings, 0, 0, repeated(h2::setting(0x55, 1).substr(9), 2700)),
         errc::protocol_error, "ENHANCE_YOUR_CALM"},
        {"priorities", "", h2::frame(h2::priority, 0, 1, std::string("\0\0\0\0\x10", 5)), errc::connection_closed,
         "control frames"},
        {"window_updates", "", h2::frame(h2::window_update, 0, 0, h2::number(1)), errc::connection_closed,
         "control frames"},
        {"goaways", "", h2::frame(h2::goaway, 0, 0, h2::number(1) + h2::number(0) + std::string(1000, 'x')),
         errc::connection_closed, "control frames"},
        {"unknown_frames", "", h2::frame(0x77, 0, 0, std::string(16'000, 'x')), errc::connection_closed,
         "control frames"},
        {"resets", "", h2::frame(h2::rst_stream, 0, 1, h2::number(2)), errc::connection_closed, ""},
        {"pushes", "", h2::frame(h2::push_promise, h2::end_headers, 1, h2::number(2) + ok_block), errc::protocol_error,
         ""},
        {"empty_data", ok_head, h2::frame(h2::data, 0, 1), errc::limit_exceeded, ""},
        {"padding", ok_head, h2::frame(h2::data, 8, 1, "\xff" + std::string(255, '\0')), errc::protocol_error, ""},
        {"body", ok_head, h2::frame(h2::data, 0, 1, std::string(16'000, 'x')), errc::protocol_error,
         "more of it than the window allows"},
        {"continuations", no_end, h2::frame(h2::continuation, 0, 1, field), errc::limit_exceeded, ""},
        {"empty_continuations", no_end, h2::frame(h2::continuation, 0, 1), errc::limit_exceeded, ""},
        {"full_continuations", no_end, h2::frame(h2::continuation, 0, 1, repeated(field, 3000)), errc::limit_exceeded,
         ""},
        {"interim_heads", "", h2::head(1, {{":status", "103"}}), errc::limit_exceeded, ""},
        {"heads", "", ok_head, errc::protocol_error, ""},
        {"fields_of_the_table", h2::frame(h2::headers, 0, 1, ok_block + remembered_field()),
         h2::frame(h2::continuation, 0, 1, std::string(16'000, '\xbe')), errc::limit_exceeded, ""},
        {"sizes_of_the_table", "", h2::frame(h2::headers, h2::end_headers, 1, repeated("\x20", 1000) + ok_block),
         errc::protocol_error, ""},
        {"streams_that_nobody_asked_for", "", h2::frame(h2::data, 0, 9, "data"), errc::protocol_error, ""},
    };
}

class endless_http2 : public testing::TestWithParam<endless_frames> {};

TEST_P(endless_http2, frames_are_stopped_before_they_take_more_memory_than_their_limit) {
    if (sanitized) GTEST_SKIP() << "sanitizers take memory of their own";
    const auto was_asked = [](std::string_view all) {
        for (const h2::seen_frame& each : h2::read_frames(all)) {
            if (each.type == h2::headers) return true;
        }
        return false;
    };
    http::client_settings settings = plain_settings("");
    settings.http_version = http::http_versions::http2;
    expect_bounded({h2::frame(h2::settings, 0, 0), was_asked, GetParam().begin,
                    repeated(GetParam().piece, 1 + 200'000 / GetParam().piece.size())},
                   settings, GetParam().code, GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(called, endless_http2, testing::ValuesIn(endless_frames_of_all_kinds()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace lido::test

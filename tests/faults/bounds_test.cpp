// Every bound on what a server may send is a setting with a default and a range, and has an error of its own that names
// it: one table.
#include "support/content_codings.hpp"
#include "support/http2_frames.hpp"
#include "support/http_client_world.hpp"
#include "support/recording_peer.hpp"
#include "support/scripted_server.hpp"
#include "support/streamed_bodies.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using http::client;
using http::client_settings;
using http::method;
using testing::HasSubstr;

constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

struct bound {
    const char* name;
    std::uint64_t usual;
    std::uint64_t lowest;
    std::uint64_t highest;
    std::function<std::uint64_t(const client_settings&)> get;
    std::function<void(client_settings&, std::uint64_t)> set;
    /// The value that it is tried out with, and an answer of HTTP/1.1 in which what it bounds has that size.
    std::uint64_t tried;
    std::function<std::string(const std::string& target, std::uint64_t size)> answer;
    /// The same in frames of HTTP/2; nothing where there is no such thing.
    std::function<std::string(std::uint32_t stream, std::uint64_t size)> frames = {};
    /// It is found out before the response has ended.
    bool breaks = true;
};

/// So many bytes, the last of them at the end of `end`.
std::string filled(const std::string& start, std::uint64_t size, const std::string& end) {
    return start + std::string(size - start.size() - end.size(), 'x') + end;
}
std::string fields(std::uint64_t count) {
    std::string text;
    for (std::uint64_t i = 0; i < count; ++i) text += "A: 1\r\n";
    return text;
}

const h2::fields success{{":status", "200"}};

/// So many bytes as fields of HTTP/2 count (RFC 9113 §6.5.2), at least 34, a hundred in each but the last one.
h2::fields filling(std::uint64_t bytes) {
    h2::fields all;
    std::uint64_t left = bytes;
    for (; left >= 200; left -= 100) all.emplace_back("x", std::string(67, 'y'));
    all.emplace_back("x", std::string(left - 33, 'y'));
    return all;
}
h2::fields with_status(h2::fields rest) {
    rest.insert(rest.begin(), success.front());
    return rest;
}

std::vector<bound> of_heads() {
    return {
        {"max_start_line_bytes", 8 * 1024, 32, 64 * 1024,
         [](const client_settings& s) { return s.limits.max_start_line_bytes; },
         [](client_settings& s, std::uint64_t to) { s.limits.max_start_line_bytes = to; }, 40,
         [](const std::string&, std::uint64_t size) {
             return filled("HTTP/1.1 200 ", size, "\r\n") + "Content-Length: 5\r\n\r\nright";
         }},
        {"max_head_bytes", 64 * 1024, 128, 16 * 1024 * 1024,
         [](const client_settings& s) { return s.limits.max_head_bytes; },
         [](client_settings& s, std::uint64_t to) {
             s.limits.max_head_bytes = to;
             s.limits.max_start_line_bytes = 64;
         },
         4000,
         [](const std::string&, std::uint64_t size) {
             return filled("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: ", size, "\r\n\r\n") + "right";
         },
         [](std::uint32_t stream, std::uint64_t size) {
             return h2::head(stream, with_status(filling(size))) + h2::frame(h2::data, h2::end_stream, stream, "right");
         }},
        {"max_header_count", 100, 1, 10'000, [](const client_settings& s) { return s.limits.max_header_count; },
         [](client_settings& s, std::uint64_t to) { s.limits.max_header_count = to; }, 7,
         [](const std::string&, std::uint64_t size) {
             return "HTTP/1.1 200 OK\r\n" + fields(size - 1) + "Content-Length: 5\r\n\r\nright";
         },
         [](std::uint32_t stream, std::uint64_t size) {
             return h2::head(stream, with_status(filling(100 * size))) +
                    h2::frame(h2::data, h2::end_stream, stream, "right");
         }},
        {"max_interim_responses", 8, 0, 1'000, [](const client_settings& s) { return s.limits.max_interim_responses; },
         [](client_settings& s, std::uint64_t to) { s.limits.max_interim_responses = to; }, 3,
         [](const std::string&, std::uint64_t size) {
             std::string text;
             for (std::uint64_t i = 0; i < size; ++i) text += "HTTP/1.1 103 Early Hints\r\n\r\n";
             return text + response_text("right");
         },
         [](std::uint32_t stream, std::uint64_t size) {
             std::string text;
             for (std::uint64_t i = 0; i < size; ++i) text += h2::head(stream, {{":status", "103"}});
             return text + h2::head(stream, success) + h2::frame(h2::data, h2::end_stream, stream, "right");
         }},
    };
}

std::vector<bound> of_bodies() {
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5";
    return {
        {"max_body_bytes", 64 * 1024 * 1024, 0, largest,
         [](const client_settings& s) { return s.limits.max_body_bytes; },
         [](client_settings& s, std::uint64_t to) { s.limits.max_body_bytes = to; }, 1000,
         [](const std::string&, std::uint64_t size) { return response_text(filled("right", size, "")); },
         [](std::uint32_t stream, std::uint64_t size) {
             return h2::head(stream, success) + h2::frame(h2::data, h2::end_stream, stream, filled("right", size, ""));
         }},
        {"max_chunk_extension_bytes", 16 * 1024, 0, 1024 * 1024,
         [](const client_settings& s) { return s.limits.max_chunk_extension_bytes; },
         [](client_settings& s, std::uint64_t to) { s.limits.max_chunk_extension_bytes = to; }, 50,
         [=](const std::string&, std::uint64_t size) {
             return chunked + filled(";", size, "") + "\r\nright\r\n0\r\n\r\n";
         }},
        {"max_trailer_bytes", 8 * 1024, 2, 16 * 1024 * 1024,
         [](const client_settings& s) { return s.limits.max_trailer_bytes; },
         [](client_settings& s, std::uint64_t to) { s.limits.max_trailer_bytes = to; }, 2000,
         [=](const std::string&, std::uint64_t size) {
             return chunked + "\r\nright\r\n0\r\n" + filled("A: ", size, "\r\n\r\n");
         },
         [](std::uint32_t stream, std::uint64_t size) {
             return h2::head(stream, success) + h2::frame(h2::data, 0, stream, "right") +
                    h2::head(stream, filling(size), h2::end_stream);
         }},
    };
}

std::string coded(const std::string& codings, const std::string& body) {
    return response_text(body, 200, fmt::format("Content-Encoding: {}\r\n", codings));
}

/// A member of gzip of that size without content: all but a few bytes are a name.
std::string empty_gzip(std::uint64_t size) {
    using namespace std::string_literals;
    const std::string begin = "\x1f\x8b\x08\x08\0\0\0\0\0\xff"s;
    const std::string end = "\0\x03\0\0\0\0\0\0\0\0\0"s;
    return begin + std::string(size - begin.size() - end.size(), 'n') + end;
}

std::vector<bound> around_requests() {
    return {
        {"max",
         0,
         0,
         50,
         [](const client_settings& s) { return s.redirects.max; },
         [](client_settings& s, std::uint64_t to) { s.redirects.max = static_cast<unsigned>(to); },
         4,
         [](const std::string& target, std::uint64_t size) {
             const std::uint64_t next = target == "/bounded" ? 1 : std::stoul(target.substr(1)) + 1;
             if (next > size) return response_text("right");
             return response_text("", 302, fmt::format("Location: /{}\r\n", next));
         },
         {},
         false},
        {"max_codings",
         2,
         1,
         5,
         [](const client_settings& s) { return s.decoding.max_codings; },
         [](client_settings& s, std::uint64_t to) { s.decoding.max_codings = to; },
         3,
         [](const std::string&, std::uint64_t size) {
             std::string names;
             std::string body = "right";
             for (std::uint64_t i = 0; i < size; ++i) {
                 names += i == 0 ? "gzip" : ", gzip";
                 body = compressed("gzip", body);
             }
             return coded(names, body);
         },
         {},
         false},
        {"max_bytes",
         64 * 1024 * 1024,
         1,
         largest,
         [](const client_settings& s) { return s.decoding.max_bytes; },
         [](client_settings& s, std::uint64_t to) { s.decoding.max_bytes = to; },
         30'000,
         [](const std::string&, std::uint64_t size) {
             return coded("br", compressed("br", "right" + numbered_text(size - 5)));
         },
         {},
         false},
        {"max_ratio",
         500,
         2,
         1'000'000,
         [](const client_settings& s) { return s.decoding.max_ratio; },
         [](client_settings& s, std::uint64_t to) {
             s.decoding.max_ratio = to;
             s.decoding.ratio_free_bytes = 1000;
         },
         100,
         [](const std::string&, std::uint64_t size) {
             const std::string text = size > 100 ? std::string(2'000'000, 'x') : numbered_text(2'000);
             return coded("gzip", compressed("gzip", "right" + text));
         },
         {},
         false},
        {"max_fruitless_bytes",
         1024 * 1024,
         1,
         largest,
         [](const client_settings& s) { return s.decoding.max_fruitless_bytes; },
         [](client_settings& s, std::uint64_t to) { s.decoding.max_fruitless_bytes = to; },
         1000,
         [](const std::string&, std::uint64_t size) {
             return coded("gzip", empty_gzip(size) + compressed("gzip", "right"));
         },
         {},
         false},
    };
}

std::vector<bound> bounds() {
    std::vector<bound> all;
    for (const auto& some : {of_heads(), of_bodies(), around_requests()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}

class a_bound : public testing::TestWithParam<bound> {
protected:
    static client_settings at(std::string url, std::uint64_t value) {
        client_settings settings = plain_settings(std::move(url));
        settings.max_connections_per_origin = 1;
        GetParam().set(settings, value);
        return settings;
    }
    static void expect_passed(const result<http::response>& got) {
        ASSERT_TRUE(got.has_value()) << got.error().message();
        EXPECT_EQ(got->body().substr(0, 5), "right");
    }
    static void expect_refused(const result<http::response>& got) {
        ASSERT_FALSE(got.has_value());
        EXPECT_EQ(got.error(), errc::limit_exceeded) << got.error().message();
        EXPECT_THAT(got.error().message(), HasSubstr(fmt::format("{} = {}", GetParam().name, GetParam().tried)));
        EXPECT_NE(got.error().remedy(), "");
    }
};

TEST_P(a_bound, has_a_default_and_a_range) {
    EXPECT_EQ(GetParam().get(client_settings{}), GetParam().usual);
    EXPECT_TRUE(client_settings{}.validate());
    const auto expect_out_of_range = [](std::uint64_t value) {
        const result<void> checked = at("", value).validate();
        ASSERT_FALSE(checked.has_value()) << value;
        EXPECT_EQ(checked.error(), errc::invalid_argument);
        EXPECT_THAT(checked.error().message(), HasSubstr(fmt::format("{} = {}", GetParam().name, value)));
        const std::string highest = GetParam().highest == largest ? "2^63 - 1" : std::to_string(GetParam().highest);
        EXPECT_THAT(checked.error().message(), testing::AnyOf(HasSubstr(highest), HasSubstr(std::to_string(largest))));
    };
    EXPECT_TRUE(at("", GetParam().lowest).validate()) << at("", GetParam().lowest).validate().error().message();
    if (GetParam().lowest > 0) expect_out_of_range(GetParam().lowest - 1);
    if (std::string_view(GetParam().name) != "max_start_line_bytes") {  // which has to fit into a head, too
        EXPECT_TRUE(at("", GetParam().highest).validate());
    }
    expect_out_of_range(GetParam().highest + 1);
}

TEST_P(a_bound, lets_pass_what_reaches_it_and_refuses_one_more_by_its_name) {
    for (const std::uint64_t more : {0U, 1U}) {
        scripted_server server({.on_request = [&](const arrival& came) {
            if (came.target == "/right") return reaction{.bytes = response_text("right")};
            return reaction{.bytes = GetParam().answer(came.target, GetParam().tried + more)};
        }});
        runtime io;
        client user(io, at(server.url(), GetParam().tried));
        const auto got = user.get("/bounded").wait();
        more == 0 ? expect_passed(got) : expect_refused(got);
        expect_passed(user.get("/right").wait());
        // What was read to its end leaves a good connection: too many redirects, or a body that is whole but expands.
        EXPECT_EQ(server.accepted(), more == 1 && GetParam().breaks ? 2U : 1U);
    }
}

TEST_P(a_bound, holds_for_http2_as_well) {
    if (!GetParam().frames) GTEST_SKIP() << "there is no such thing in HTTP/2, or it is above it";
    for (const bool above : {false, true}) {
        auto asked = std::make_shared<std::atomic<std::uint32_t>>(0);
        recording_peer server([=](std::string& unanswered, std::size_t step) {
            const std::string usual = recording_peer::as_http2(unanswered, step);
            const std::vector<h2::seen_frame> frames = h2::read_frames(usual);
            std::string said;
            for (const h2::seen_frame& each : frames) {
                if (each.type != h2::headers) {
                    said += h2::frame(each.type, each.flags, each.stream, each.payload);
                } else if (asked->fetch_add(1) == 0) {
                    said += GetParam().frames(each.stream, above ? GetParam().tried + 1 : GetParam().tried);
                } else {
                    said += h2::head(each.stream, success) + h2::frame(h2::data, h2::end_stream, each.stream, "right");
                }
            }
            return said;
        });
        runtime io;
        client_settings settings = at(fmt::format("http://127.0.0.1:{}", server.port()), GetParam().tried);
        settings.http_version = http::http_versions::http2;
        client user(io, settings);
        const auto got = user.get("/bounded").wait();
        above ? expect_refused(got) : expect_passed(got);
        expect_passed(user.get("/right").wait());
        EXPECT_EQ(server.heard().size(), 1U) << "a stream was refused, not its connection";
    }
}

INSTANTIATE_TEST_SUITE_P(called, a_bound, testing::ValuesIn(bounds()), [](const auto& one) {
    return one.param.name == std::string("max") ? std::string("redirects_max") : std::string(one.param.name);
});

}  // namespace
}  // namespace lido::test

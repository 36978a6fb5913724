// Bodies larger than anybody wants to hold, up to and down from a real server, over both protocols: they come as they
// went, and the memory of this process does not grow with them.
#include "lido/base/random.hpp"
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"
#include "support/peak_memory.hpp"
#include "support/sanitized.hpp"
#include "support/test_certificates.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;
using http::response_stream;

constexpr std::uint64_t large = 50'000'000;
constexpr std::size_t most_growth = std::size_t{16} << 20U;

/// The byte at a place of the content, so that each place can be told from its neighbours and from those a piece away.
constexpr char byte_at(std::uint64_t place) noexcept {
    return static_cast<char>('a' + (place + place / 4096 + place / 1'000'003) % 26);
}

/// Gives `size` bytes, of which it says the number or not.
std::shared_ptr<http::body_source> made_up(std::uint64_t size, bool sized, bool rewinds = false) {
    const auto at = std::make_shared<std::uint64_t>(0);
    const auto give = [at, size](std::span<char> space) -> task<result<std::size_t>> {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(space.size(), size - *at));
        for (std::size_t i = 0; i < count; ++i) space[i] = byte_at(*at + i);
        *at += count;
        co_return count;
    };
    const auto known = sized ? std::optional(size) : std::nullopt;
    if (!rewinds) return http::body_from(give, known);
    return http::body_from(give, known, [at]() -> result<void> {
        *at = 0;
        return {};
    });
}

/// How many bytes came; those before `wrong` were right.
struct seen {
    std::uint64_t bytes = 0;
    std::uint64_t wrong = 0;
};

seen read_all(response_stream& from) {
    seen so_far;
    std::string space(100'000, '\0');
    while (true) {
        const auto got = from.read_some(space).wait();
        EXPECT_TRUE(got.has_value()) << got.error().message();
        if (!got || *got == 0) return so_far;
        for (std::size_t i = 0; i < *got; ++i) {
            if (space[i] != byte_at(so_far.bytes + i)) ++so_far.wrong;
        }
        so_far.bytes += *got;
    }
}

class large_streams : public testing::TestWithParam<bool> {
protected:
    large_streams()
        : server_({.server = R"(client_max_body_size 200m;
                               location / { root temporary; dav_methods PUT; create_full_put_path on; }
                               location ~ ^/moved(/.*)$ { return 307 $1; }
                               location /packed/ { alias temporary/; gzip on; gzip_types *; })",
                   .certificate = files_.certificate,
                   .key = files_.key,
                   .http2 = true}) {}

    http::client_settings trusting() const {
        http::client_settings settings = plain_settings(server_.url());
        settings.tls.ca_file = authority_.ca_file();
        settings.http_version = GetParam() ? http::http_versions::http2 : http::http_versions::http1;
        return settings;
    }

    temporary_directory folder_;
    certificate_authority authority_{folder_};
    certificate_request for_localhost_{.common_name = "localhost", .dns = {"localhost"}, .ips = {"127.0.0.1"}};
    certificate_files files_{authority_.issue(for_localhost_)};
    nginx_server server_;
};

TEST_P(large_streams, go_up_and_come_down_without_being_held) {
    runtime io;
    client user(io, trusting());
    ASSERT_TRUE(user.send(request(method::put, "/small").body(made_up(10, true))).wait().has_value());
    forget_peak();
    const std::size_t before = peak_memory();
    for (const bool sized : {true, false}) {
        const auto put =
            user.send(request(method::put, sized ? "/sized" : "/unsized").body(made_up(large, sized))).wait();
        ASSERT_TRUE(put.has_value()) << put.error().message();
        EXPECT_EQ(put->status(), 201U) << put->body();
        auto opened = user.open(request(method::get, sized ? "/sized" : "/unsized")).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        EXPECT_EQ(opened->head().header("Content-Length"), std::to_string(large));
        const seen got = read_all(*opened);
        EXPECT_EQ(got.bytes, large);
        EXPECT_EQ(got.wrong, 0U);
    }
    if (!sanitized) {
        EXPECT_LE(peak_memory() - before, most_growth);
    }
    const auto used = user.statistics();
    EXPECT_EQ((GetParam() ? used.http2 : used.http1).connections, 1U);
}

TEST_P(large_streams, that_nobody_reads_take_no_memory_and_stop_nobody) {
    runtime io;
    client user(io, trusting());
    const auto put = user.send(request(method::put, "/file").body(made_up(large, true))).wait();
    ASSERT_TRUE(put.has_value()) << put.error().message();
    forget_peak();
    const std::size_t before = peak_memory();
    std::vector<response_stream> unread;
    for (int i = 0; i < 8; ++i) {
        auto opened = user.open(request(method::get, "/file")).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        unread.push_back(std::move(*opened));
    }
    auto read = user.open(request(method::get, "/file")).wait();
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(read_all(*read).bytes, large);
    if (!sanitized) {
        EXPECT_LE(peak_memory() - before, most_growth);
    }
    unread.clear();
    EXPECT_TRUE(comes_true([&] { return user.statistics().origins.at(0).pool.in_use == 0; }));
    EXPECT_EQ(user.send(request(method::head, "/file")).wait().value().status(), 200U);
    if (GetParam()) {
        EXPECT_EQ(user.statistics().http2.connections, 1U);
    }
}

TEST_P(large_streams, follow_a_redirect_when_their_source_can_begin_again) {
    runtime io;
    auto settings = trusting();
    settings.redirects.max = 3;
    client user(io, settings);
    for (const bool rewinds : {true, false}) {
        const auto source = made_up(1'000'000, true, rewinds);
        const auto put = user.send(request(method::put, "/moved/file").body(source)).wait();
        ASSERT_TRUE(put.has_value()) << put.error().message();
        EXPECT_EQ(put->status(), rewinds ? 201U : 307U);
    }
    auto opened = user.open(request(method::get, "/moved/file")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->head().redirects(), 1U);
    const seen got = read_all(*opened);
    EXPECT_EQ(got.bytes, 1'000'000U);
    EXPECT_EQ(got.wrong, 0U);
}

TEST_P(large_streams, are_decoded_while_they_come) {
    runtime io;
    client user(io, trusting());
    ASSERT_TRUE(user.send(request(method::put, "/file").body(made_up(3'000'000, false))).wait().has_value());
    auto opened = user.open(request(method::get, "/packed/file")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_TRUE(opened->head().was_decoded());
    const seen got = read_all(*opened);
    EXPECT_EQ(got.bytes, 3'000'000U);
    EXPECT_EQ(got.wrong, 0U);
    EXPECT_TRUE(opened->head().was_decoded()) << "at the end too";
}

TEST_P(large_streams, are_not_bounded_by_what_may_be_held) {
    runtime io;
    auto settings = trusting();
    settings.limits.max_body_bytes = 100'000;
    client user(io, settings);
    ASSERT_TRUE(user.send(request(method::put, "/file").body(made_up(3'000'000, true))).wait().has_value());
    const auto held = user.get("/file").wait();
    ASSERT_FALSE(held.has_value());
    EXPECT_EQ(held.error(), errc::limit_exceeded) << held.error().message();
    auto opened = user.open(request(method::get, "/file")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    const auto part = opened->read_all(100'000).wait();
    ASSERT_FALSE(part.has_value());
    EXPECT_EQ(part.error(), errc::limit_exceeded) << part.error().message();
    EXPECT_EQ(read_all(*opened).bytes, 3'000'000U - 100'001U);
}

/// Reads some of one file after the other and drops it wherever it is.
task<void> read_here_and_there(client& from, std::size_t number, std::atomic<std::size_t>& wrong) {
    random_source dice(number);
    std::string space(50'000, '\0');
    for (int i = 0; i < 10; ++i) {
        const std::uint64_t file = dice.below(4);
        auto opened = co_await from.open(request(method::get, fmt::format("/file-{}", file)));
        EXPECT_TRUE(opened.has_value()) << opened.error().message();
        if (!opened) continue;
        std::uint64_t seen_so_far = 0;
        for (std::uint64_t left = dice.below(10); left > 0; --left) {
            const auto got = co_await opened->read_some(space);
            EXPECT_TRUE(got.has_value()) << got.error().message();
            if (!got || *got == 0) break;
            for (std::size_t at = 0; at < *got; ++at) {
                if (space[at] != byte_at(file + seen_so_far + at)) ++wrong;
            }
            seen_so_far += *got;
        }
    }
}

TEST_P(large_streams, never_mix_whoever_drops_them_and_wherever) {
    runtime io({.threads = 3});
    auto settings = trusting();
    settings.http2.max_resets_at_once = 1'000;
    client user(io, settings);
    for (std::uint64_t file = 0; file < 4; ++file) {
        std::string content(1'000'000, '\0');
        for (std::uint64_t i = 0; i < content.size(); ++i) content[i] = byte_at(file + i);
        const auto put = user.send(request(method::put, fmt::format("/file-{}", file)).body(content)).wait();
        ASSERT_TRUE(put.has_value()) << put.error().message();
    }
    std::atomic<std::size_t> wrong{0};
    on_tasks(io, 30, [&](std::size_t i) { return read_here_and_there(user, i, wrong); });
    EXPECT_EQ(wrong, 0U);
    EXPECT_TRUE(comes_true([&] { return user.statistics().origins.at(0).pool.in_use == 0; }));
    EXPECT_TRUE(user.send(request(method::head, "/file-0")).wait().has_value());
}

INSTANTIATE_TEST_SUITE_P(over, large_streams, testing::Bool(),
                         [](const auto& which) { return std::string(which.param ? "http2" : "http1"); });

}  // namespace
}  // namespace lido::test

// What must not happen twice does not: POSTs by a way on which connections break at every byte, there and back, counted
// at the server. LIDO_POSTS=100000 asks for a longer run.
#include "lido/base/random.hpp"
#include "support/cutting_proxy.hpp"
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"
#include "support/temporary_directory.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <unordered_map>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::http_versions;
using http::method;

constexpr std::size_t users = 20;

std::size_t posts_wanted() {
    const char* const asked = std::getenv("LIDO_POSTS");
    return asked != nullptr ? std::strtoull(asked, nullptr, 10) : 4'000;
}

/// How each POST ended: with its answer, or why not.
struct posts {
    explicit posts(std::size_t count) : endings(count) {}
    std::vector<std::optional<errc>> endings;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> wrong{0};
};

task<void> post_all(client& by, posts& all) {
    for (std::size_t i = all.next++; i < all.endings.size(); i = all.next++) {
        const std::string nonce = fmt::format("p{}", i);
        const result<http::response> got = co_await by.send(nonce_request(method::post, nonce));
        if (!got) all.endings[i] = static_cast<errc>(got.error().code().value());
        if (got && (got->status() != 200 || got->body() != nonce)) ++all.wrong;
    }
}

/// A server that writes down each request that it answers, whether the answer arrives or not.
class posts_by_a_way_that_is_cut : public testing::TestWithParam<http_versions> {
protected:
    posts_by_a_way_that_is_cut() {
        std::filesystem::permissions(folder_.path(), std::filesystem::perms(0777));
        server_.emplace(nginx_configuration{.server = fmt::format(R"(access_log {} nonces; keepalive_requests 1000000;
                location / {{ return 200 "$http_x_nonce"; }})",
                                                                  log()),
                                            .http = R"(log_format nonces "$http_x_nonce $status";)",
                                            .http2 = GetParam() == http_versions::http2});
        way_.emplace(server_->port(), random_source::entropy_seed(), up_to(6'000), up_to(9'000));
    }
    static cutting_proxy::allowance up_to(std::size_t bytes) {
        return [bytes](random_source& dice) { return 1 + dice.below(bytes); };
    }
    std::string log() const { return folder_.file("nonces.log"); }

    http::client_settings settings() const {
        http::client_settings made = eager_settings(fmt::format("http://127.0.0.1:{}", way_->port()), 0);
        made.http_version = GetParam();
        made.max_connections_per_origin = 5;
        made.connect_back_off.initial = 1ms;
        made.connect_back_off.maximum = 5ms;
        return made;
    }

    void run(const http::client_settings& how, posts& all) {
        runtime io;
        {
            client user(io, how);
            on_tasks(io, users, [&](std::size_t) { return post_all(user, all); });
        }
        EXPECT_EQ(all.wrong, 0U);
        cut_ = way_->cut();
        EXPECT_GT(cut_, all.endings.size() / 200);
        way_.reset();
        // It writes a request down when its connection has ended at the latest. All of them have: what it is asked now,
        // it hears after that. (Its own count of connections does not come back to 0 when many are reset.)
        for (int i = 0; i < 3; ++i) static_cast<void>(server_->active());
    }

    /// How often each was carried out.
    std::unordered_map<std::string, std::size_t> counted() const {
        std::unordered_map<std::string, std::size_t> times;
        std::ifstream from(log());
        std::string nonce;
        std::string status;
        while (from >> nonce >> status) {
            if (status == "200") ++times[nonce];
        }
        return times;
    }

    temporary_directory folder_;
    std::optional<nginx_server> server_;
    std::optional<cutting_proxy> way_;
    std::size_t cut_ = 0;
};

TEST_P(posts_by_a_way_that_is_cut, are_never_carried_out_twice_and_whose_fate_is_unknown_says_so) {
    posts all(posts_wanted());
    http::client_settings how = settings();
    how.retry.max_retries = 2;
    how.retry.methods = {"GET"};  // what did not reach the server is tried again whatever its method
    run(how, all);

    auto times = counted();
    std::size_t answered = 0;
    std::size_t unsure = 0;
    std::size_t unsure_and_done = 0;
    std::size_t not_sent = 0;
    for (std::size_t i = 0; i < all.endings.size(); ++i) {
        const std::size_t seen = times[fmt::format("p{}", i)];
        const std::optional<errc>& ending = all.endings[i];
        if (!ending) {
            ++answered;
            EXPECT_EQ(seen, 1U) << i;
        } else if (*ending == errc::maybe_executed) {
            ++unsure;
            unsure_and_done += seen;
            EXPECT_LE(seen, 1U) << i;
        } else {
            ++not_sent;
            EXPECT_EQ(seen, 0U) << i << " ended as if the server had not seen it: " << name_of(*ending);
        }
    }
    EXPECT_GT(answered, all.endings.size() / 4);
    EXPECT_GT(unsure_and_done, 0U) << "no answer was cut, so nothing was tried out";
    fmt::print("{} POSTs: {} answered, {} maybe executed ({} were), {} not sent; {} connections, {} cut\n",
               all.endings.size(), answered, unsure, unsure_and_done, not_sent, server_->accepted(), cut_);
}

TEST_P(posts_by_a_way_that_is_cut, are_carried_out_again_only_when_that_is_allowed_and_as_often) {
    posts all(std::min<std::size_t>(posts_wanted(), 4'000));
    http::client_settings how = settings();
    how.retry.max_retries = 2;  // POST is one of the default methods
    run(how, all);
    std::size_t most = 0;
    for (const auto& [nonce, times] : counted()) most = std::max(most, times);
    EXPECT_GT(most, 1U) << "nothing was tried again, so the other test shows nothing";
    EXPECT_LE(most, 3U);
}

INSTANTIATE_TEST_SUITE_P(over, posts_by_a_way_that_is_cut, testing::Values(http_versions::http1, http_versions::http2),
                         [](const auto& one) { return one.param == http_versions::http1 ? "http1" : "http2"; });

}  // namespace
}  // namespace lido::test

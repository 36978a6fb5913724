// Closing and destroying a client while requests run: each ends, nothing is left, and it takes no longer than allowed.
#include "lido/http/service.hpp"
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <memory>
#include <optional>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;

server_script delayed(std::chrono::milliseconds by) {
    return {
        .on_request = [by](const arrival& what) { return reaction{.bytes = response_text(what.target), .delay = by}; }};
}

/// Requests that run, and what came of them.
struct running_requests {
    explicit running_requests(std::size_t count) : done(static_cast<std::ptrdiff_t>(count)) {}
    void start(client& by, const std::string& target) {
        by.get(target).start([this](result<http::response> ended) {
            if (ended) {
                ++answered;
            } else {
                const bool fitting = ended.error() == errc::pool_closed || ended.error() == errc::connection_closed ||
                                     ended.error() == errc::cancelled;
                EXPECT_TRUE(fitting) << ended.error().message();
                ++failed;
            }
            done.count_down();
        });
    }
    std::latch done;
    std::atomic<std::size_t> answered{0};
    std::atomic<std::size_t> failed{0};
};

TEST(close, lets_running_requests_end) {
    scripted_server server(delayed(200ms));
    runtime io({.threads = 2});
    client user(io, plain_settings(server.url()));
    running_requests running(5);
    for (int i = 0; i < 5; ++i) running.start(user, "/running");
    ASSERT_TRUE(server.wait_until([&] { return server.requests() == 5; }));
    EXPECT_EQ(user.close(20s).wait().value(), 0U);
    running.done.wait();
    EXPECT_EQ(running.answered, 5U);
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
}

TEST(close, refuses_what_waits_and_what_comes) {
    // With the answer to the first the second would begin: so it comes long after the close.
    scripted_server server(delayed(2s));
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    client user(io, settings);
    running_requests running(3);
    for (int i = 0; i < 3; ++i) running.start(user, "/running");
    ASSERT_TRUE(server.wait_until([&] { return server.requests() == 1; }));
    EXPECT_EQ(user.close(20s).wait().value(), 0U);
    running.done.wait();
    EXPECT_EQ(running.answered, 1U);
    EXPECT_EQ(running.failed, 2U);
    for (const char* target : {"/later", "http://127.0.0.1:1/elsewhere"}) {
        const auto later = user.get(target).wait();
        ASSERT_FALSE(later.has_value());
        EXPECT_EQ(later.error(), errc::pool_closed) << later.error().message();
    }
    EXPECT_FALSE(user.warm_up(1).wait().has_value());
    EXPECT_EQ(user.close().wait().value(), 0U) << "a second time is no mistake";
}

TEST(close, cuts_what_does_not_end_in_time) {
    scripted_server server({.on_request = [](const arrival&) { return reaction{.then = afterwards::stall}; }});
    runtime io({.threads = 2});
    client user(io, plain_settings(server.url()));
    running_requests running(4);
    for (int i = 0; i < 4; ++i) running.start(user, "/stalls");
    ASSERT_TRUE(server.wait_until([&] { return server.requests() == 4; }));
    const auto begun = clock::now();
    EXPECT_EQ(user.close(50ms).wait().value(), 4U);
    running.done.wait();
    EXPECT_LT(clock::now() - begun, 15s);
    EXPECT_EQ(running.failed, 4U);
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
}

TEST(close, by_the_destructor_ends_running_requests) {
    for (const std::uint32_t threads : {1U, 2U}) {
        const std::size_t descriptors = open_descriptors();
        {
            scripted_server server({.on_request = [](const arrival&) { return reaction{.then = afterwards::stall}; }});
            runtime io({.threads = threads});
            running_requests running(20);
            std::optional<client> user(std::in_place, io, plain_settings(server.url()));
            for (int i = 0; i < 20; ++i) running.start(*user, "/stalls");
            ASSERT_TRUE(server.wait_until([&] { return server.requests() == 10; }));
            const auto begun = clock::now();
            user.reset();
            running.done.wait();
            EXPECT_LT(clock::now() - begun, 15s);
            EXPECT_EQ(running.failed, 20U);
            EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
        }
        EXPECT_LE(open_descriptors(), descriptors);
    }
}

TEST(close, by_the_destructor_right_after_the_start_ends_requests_that_have_not_begun) {
    scripted_server server(echo_script());
    runtime io({.threads = 2});
    for (int round = 0; round < 200; ++round) {
        running_requests running(4);
        {
            client user(io, plain_settings(server.url()));
            for (int i = 0; i < 3; ++i) running.start(user, "/");
            running.start(user, server.url() + "/absolute");
            if (round % 3 == 1) user.close(0s).start([](const result<std::size_t>&) {});
            if (round % 3 == 2) user.warm_up(2).start([](const result<std::size_t>&) {});
        }
        running.done.wait();
        EXPECT_EQ(running.answered + running.failed, 4U);
    }
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
}

TEST(close, by_the_destructor_while_leases_return_on_two_loops_ends_all) {
    scripted_server server(echo_script());
    runtime io({.threads = 2});
    for (int round = 0; round < 200; ++round) {
        running_requests running(20);
        {
            client user(io, plain_settings(server.url()));
            const std::size_t before = server.requests();
            for (int i = 0; i < 20; ++i) running.start(user, "/");
            ASSERT_TRUE(server.wait_until([&] { return server.requests() > before + 2; }));
        }
        running.done.wait();
        EXPECT_EQ(running.answered + running.failed, 20U);
    }
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
}

TEST(close, of_all_clients_closes_the_process_wide_one_too) {
    scripted_server server(echo_script());
    runtime io;
    client own(io, plain_settings(server.url()));
    client& shared = client::process_default();
    EXPECT_EQ(&shared, &client::process_default());
    ASSERT_TRUE(own.get("/").wait().has_value());
    ASSERT_TRUE(shared.get(server.url() + "/").wait().has_value());
    EXPECT_EQ(server.connections(), 2U);
    client::close_all(5s);
    for (client* each : {&own, &shared}) {
        const auto later = each->get(server.url() + "/").wait();
        ASSERT_FALSE(later.has_value());
        EXPECT_EQ(later.error(), errc::pool_closed);
    }
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
    client::close_all(5s);
}

TEST(close, of_all_clients_closes_services_too) {
    scripted_server server(echo_script());
    runtime io;
    http::service_settings settings;
    settings.regions = {{.base_url = server.url()}};
    http::service shop(io, settings);
    ASSERT_TRUE(shop.get("/").wait().has_value());
    client::close_all(5s);
    EXPECT_EQ(shop.get("/").wait().error(), errc::pool_closed);
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
}

TEST(a_blocking_wait, on_an_io_thread_is_refused_instead_of_hanging) {
    scripted_server server(echo_script());
    runtime io;
    client user(io, plain_settings(server.url()));
    struct misuse {
        static task<errc> run(client& by) {
            const auto outcome = by.get("/").wait();
            co_return outcome ? errc::protocol_error : static_cast<errc>(outcome.error().code().value());
        }
    };
    EXPECT_EQ(io.run(misuse::run(user)), errc::would_deadlock);
}

}  // namespace
}  // namespace lido::test

#include "lido/net/stream.hpp"

#include "lido/net/listener.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_certificates.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"
#include "unit/net/stream_pair.hpp"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <chrono>
#include <optional>
#include <string>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using opened = result<std::unique_ptr<stream>>;
using ends = std::pair<std::unique_ptr<stream>, std::unique_ptr<stream>>;

task<opened> serve_one(listener& from, std::shared_ptr<const tls_context> context) {
    task<result<std::unique_ptr<socket>>> accepting = from.accept();
    result<std::unique_ptr<socket>> accepted = co_await std::move(accepting);
    if (!accepted) co_return std::move(accepted).error();
    task<opened> securing = accept_stream(std::move(*accepted), std::move(context), clock::now() + 20s);
    opened made = co_await std::move(securing);
    co_return made;
}

class stream_test : public testing::Test {
protected:
    stream_test() : server(listener::open(here.loop(), {"127.0.0.1", 0}).value()) {
        resolver_settings settings;
        settings.lookup = [](const std::string& host) -> result<std::vector<address>> {
            if (host != "shop.example") return error(errc::resolve_failed, "resolve " + host + ": no such name");
            return std::vector<address>(1, *address::from_literal("127.0.0.1", 0));
        };
        names = std::make_unique<resolver>(std::move(settings));
        const test::certificate_files files = ca.issue({.common_name = "x", .dns = {"shop.example"}});
        tls_server_settings serving{.certificate_file = files.certificate, .key_file = files.key};
        serving.alpn = {"http/1.1"};
        server_context = tls_context::server(serving).value();
        tls_settings trusting{.ca_file = ca.ca_file()};
        trusting.alpn = {"http/1.1"};
        client_context = tls_context::client(trusting).value();
    }

    open_options plain_options() {
        open_options options("shop.example", server->port());
        options.deadline = clock::now() + 20s;
        options.names = names.get();
        return options;
    }
    open_options tls_options() {
        open_options options = plain_options();
        options.tls = client_context;
        return options;
    }
    /// Both ends of a new connection.
    ends connect(const open_options& options) {
        const auto accepting = here.start(serve_one(*server, options.tls != nullptr ? server_context : nullptr));
        const auto opening = here.start(open_stream(here.loop(), options));
        here.run_until([&] { return accepting.done() && opening.done(); });
        return {opening.take().value(), accepting.take().value()};
    }
    void send(stream& from, const std::string& text) { here.run(test::write_all(from, text)).value(); }
    std::string receive(stream& at, std::size_t size) { return here.run(test::read_bytes(at, size)).value(); }

    test::test_loop here;
    test::temporary_directory folder;
    test::certificate_authority ca{folder};
    std::unique_ptr<listener> server;
    std::unique_ptr<resolver> names;
    std::shared_ptr<const tls_context> server_context;
    std::shared_ptr<const tls_context> client_context;
};

TEST_F(stream_test, opens_a_plain_stream_by_name) {
    const auto [client, accepted] = connect(plain_options());
    EXPECT_FALSE(client->is_tls());
    send(*client, "hello");
    EXPECT_EQ(receive(*accepted, 5), "hello");
    EXPECT_EQ(client->peer(), server->local());
}

TEST_F(stream_test, opens_a_tls_stream_by_name) {
    const auto [client, accepted] = connect(tls_options());
    EXPECT_TRUE(client->is_tls());
    EXPECT_EQ(client->alpn(), "http/1.1");
    send(*client, "hello");
    EXPECT_EQ(receive(*accepted, 5), "hello");
    send(*accepted, "world");
    EXPECT_EQ(receive(*client, 5), "world");
}

TEST_F(stream_test, carries_megabytes_both_ways_at_once_plain_and_by_tls) {
    std::string data(3'000'000, '\0');
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 23);
    for (const auto& options : {plain_options(), tls_options()}) {
        const auto [client, accepted] = connect(options);
        const auto there = here.start(test::write_all(*client, data));
        const auto back = here.start(test::write_all(*accepted, data));
        const auto at_server = here.start(test::read_bytes(*accepted, data.size()));
        const auto at_client = here.start(test::read_bytes(*client, data.size()));
        here.run_until([&] { return there.done() && back.done() && at_server.done() && at_client.done(); });
        EXPECT_TRUE(there.take().has_value());
        EXPECT_TRUE(back.take().has_value());
        EXPECT_TRUE(at_server.take().value() == data);
        EXPECT_TRUE(at_client.take().value() == data);
    }
}

TEST_F(stream_test, carries_data_by_tls_in_writes_and_reads_of_one_byte) {
    const auto [client, accepted] = connect(tls_options());
    const std::string data = "the quick brown fox jumps over the lazy dog";
    const auto writing = here.start(test::write_all(*client, data, 1));
    const auto reading = here.start(test::read_bytes(*accepted, data.size(), 1));
    here.run_until([&] { return writing.done() && reading.done(); });
    EXPECT_EQ(reading.take().value(), data);
}

TEST_F(stream_test, names_host_address_and_reason_when_the_connect_is_refused) {
    const test::refusing_address refusing;
    open_options options = plain_options();
    options.port = refusing.where().port();
    const opened made = here.run(open_stream(here.loop(), options));
    ASSERT_FALSE(made.has_value());
    const std::string port = std::to_string(options.port);
    EXPECT_EQ(made.error().what(), "shop.example:" + port + ": connect to 127.0.0.1:" + port + ": connection refused");
}

TEST_F(stream_test, names_the_host_that_cannot_be_resolved) {
    open_options options = plain_options();
    options.host = "nowhere.example";
    const opened made = here.run(open_stream(here.loop(), options));
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), errc::resolve_failed);
    EXPECT_THAT(made.error().what(), HasSubstr("nowhere.example"));
}

TEST_F(stream_test, names_the_host_whose_certificate_is_refused) {
    open_options options = tls_options();
    options.host = "127.0.0.1";
    const auto accepting = here.start(serve_one(*server, server_context));
    const opened made = here.run(open_stream(here.loop(), options));
    here.run_until([&] { return accepting.done(); });
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), errc::tls_failed);
    EXPECT_EQ(made.error().what(), "TLS handshake with " + server->local().to_text() +
                                       ": certificate is for shop.example, not for 127.0.0.1");
}

TEST_F(stream_test, says_that_a_plain_server_does_not_speak_tls) {
    const auto accepting = here.start(serve_one(*server, nullptr));
    const auto opening = here.start(open_stream(here.loop(), tls_options()));
    here.run_until([&] { return accepting.done(); });
    const auto accepted = accepting.take().value();
    send(*accepted, "HTTP/1.1 400 Bad Request\r\n\r\n");
    here.run_until([&] { return opening.done(); });
    const opened made = opening.take();
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), errc::tls_failed);
    EXPECT_THAT(made.error().what(), HasSubstr("does not speak TLS"));
    EXPECT_THAT(made.error().remedy(), HasSubstr("port"));
}

TEST_F(stream_test, says_that_a_plain_client_does_not_speak_tls) {
    const auto accepting = here.start(serve_one(*server, server_context));
    const auto client = here.run(open_stream(here.loop(), plain_options())).value();
    send(*client, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    here.run_until([&] { return accepting.done(); });
    const opened made = accepting.take();
    ASSERT_FALSE(made.has_value());
    EXPECT_THAT(made.error().what(), HasSubstr("does not speak TLS"));
}

TEST_F(stream_test, gives_up_a_handshake_in_which_the_peer_says_nothing) {
    open_options options = tls_options();
    options.handshake_timeout = 15ms;
    const opened made = here.run(open_stream(here.loop(), options));
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), errc::connect_timeout);
    EXPECT_EQ(made.error().what(),
              "TLS handshake with shop.example:" + std::to_string(server->port()) + ": not finished in time");
}

TEST_F(stream_test, keeps_to_the_deadline_over_all_in_the_handshake_too) {
    open_options options = tls_options();
    options.deadline = clock::now() + 15ms;
    EXPECT_EQ(here.run(open_stream(here.loop(), options)).error(), errc::connect_timeout);
}

TEST_F(stream_test, says_when_the_peer_ends_the_connection_during_the_handshake) {
    const auto opening = here.start(open_stream(here.loop(), tls_options()));
    here.run(serve_one(*server, nullptr)).value().reset();
    here.run_until([&] { return opening.done(); });
    const opened made = opening.take();
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), errc::connect_failed);
    EXPECT_THAT(made.error().what(), HasSubstr("during the handshake"));
}

TEST_F(stream_test, leaves_nothing_behind_wherever_opening_is_cancelled) {
    int turns_needed = 0;
    for (int turns = 0; turns_needed == 0; ++turns) {
        const std::size_t before = test::open_descriptors();
        {
            const auto accepting = here.start(serve_one(*server, server_context));
            const auto opening = here.start(open_stream(here.loop(), tls_options()));
            for (int i = 0; i < turns && !opening.done(); ++i) here.turn();
            if (opening.done()) turns_needed = turns;
            opening.cancel();
            accepting.cancel();
            here.run_until([&] { return opening.done() && accepting.done(); });
        }
        here.settle();
        // A connection that was made, but not accepted yet, is the kernel's still.
        while (true) {
            const auto rest = here.start(serve_one(*server, nullptr));
            here.settle();
            const bool accepted = rest.done();
            rest.cancel();
            here.run_until([&] { return rest.done(); });
            if (!accepted) break;
        }
        here.settle();
        EXPECT_LE(test::open_descriptors(), before) << "after " << turns << " turns";
        ASSERT_LT(turns, 1000);
    }
    EXPECT_GT(turns_needed, 3);
}

TEST_F(stream_test, tells_an_end_in_order_from_a_truncation) {
    {
        auto [client, accepted] = connect(tls_options());
        send(*accepted, "half");
        here.run(accepted->close(clock::now() + 20s));
        EXPECT_EQ(receive(*client, 100), "half");
        here.settle();
        char byte = 0;
        EXPECT_EQ(client->read_some({&byte, 1}).status, io_status::end);
    }
    auto [client, accepted] = connect(tls_options());
    send(*accepted, "half");
    accepted.reset();
    const auto truncated = here.run(test::read_bytes(*client, 100));
    ASSERT_FALSE(truncated.has_value());
    EXPECT_EQ(truncated.error(), errc::connection_closed);
    EXPECT_THAT(truncated.error().what(), HasSubstr("close_notify"));
}

TEST_F(stream_test, reports_a_reset_in_plain_words) {
    for (const auto& options : {plain_options(), tls_options()}) {
        auto [client, accepted] = connect(options);
        accepted->abort();
        accepted.reset();
        here.settle();
        const auto read = here.run(test::read_bytes(*client, 1));
        ASSERT_FALSE(read.has_value());
        EXPECT_EQ(read.error(), errc::connection_closed);
        EXPECT_EQ(read.error().what(), "connection reset by peer");
    }
}

TEST_F(stream_test, closes_by_tls_within_its_deadline_when_the_peer_takes_nothing) {
    auto [client, accepted] = connect(tls_options());
    const std::string block(65536, 'x');
    while (client->write_some(block).status == io_status::done) {
    }
    here.run(client->close(clock::now() + 15ms));
}

TEST_F(stream_test, is_quiet_until_the_peer_sends_or_closes) {
    for (const auto& options : {plain_options(), tls_options()}) {
        auto [client, accepted] = connect(options);
        here.settle();
        client->mark_idle();
        EXPECT_TRUE(client->quiet());
        send(*accepted, "stray");
        here.settle();
        EXPECT_FALSE(client->quiet());
        EXPECT_FALSE(client->healthy_after_disturbance());
        auto [second, second_accepted] = connect(options);
        second_accepted.reset();
        here.settle();
        EXPECT_FALSE(second->quiet());
        EXPECT_FALSE(second->healthy_after_disturbance());
    }
}

TEST_F(stream_test, is_not_quiet_while_a_decrypted_byte_is_unread) {
    auto [client, accepted] = connect(tls_options());
    send(*accepted, "two");
    EXPECT_EQ(receive(*client, 1), "t");
    client->mark_idle();
    EXPECT_FALSE(client->quiet());
    EXPECT_EQ(receive(*client, 2), "wo");
    client->mark_idle();
    EXPECT_TRUE(client->quiet());
}

TEST_F(stream_test, is_not_quiet_once_the_peer_has_said_good_bye_by_tls) {
    auto [client, accepted] = connect(tls_options());
    here.run(accepted->close(clock::now() + 20s));
    here.settle();
    EXPECT_FALSE(client->quiet());
}

/// A server that, unlike ours, sends tickets for sessions, as most do.
class ticket_test : public stream_test {
protected:
    ticket_test() {
        SSL_CTX_set_num_tickets(server_context->native(), 2);
        SSL_CTX_clear_options(server_context->native(), SSL_OP_NO_TICKET);
    }
};

TEST_F(ticket_test, survives_session_tickets_that_arrive_while_it_is_idle) {
    auto [client, accepted] = connect(tls_options());
    struct watcher {
        stream* watched;
        int calls = 0;
        bool healthy = true;
    } watch{client.get()};
    client->on_disturbance(
        [](void* context) noexcept {
            auto& self = *static_cast<watcher*>(context);
            ++self.calls;
            self.healthy = self.watched->healthy_after_disturbance() && self.healthy;
        },
        &watch);
    client->mark_idle();
    here.settle();
    EXPECT_TRUE(watch.healthy);
    EXPECT_TRUE(client->quiet());
    send(*client, "hello");
    EXPECT_EQ(receive(*accepted, 5), "hello");
    send(*accepted, "stray");
    here.settle();
    EXPECT_GE(watch.calls, 1);
    EXPECT_FALSE(watch.healthy);
}

TEST_F(ticket_test, is_quiet_though_tickets_arrived_with_nobody_watching) {
    auto [client, accepted] = connect(tls_options());
    client->mark_idle();
    here.settle();
    EXPECT_TRUE(client->quiet());
    send(*accepted, "answer");
    EXPECT_EQ(receive(*client, 6), "answer");
}

}  // namespace
}  // namespace lido::net

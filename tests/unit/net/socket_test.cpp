#include "lido/net/socket.hpp"

#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <chrono>
#include <string>

namespace lido::net {
namespace {

using namespace std::chrono_literals;

/// A socket on a loop, and the other end as a bare descriptor.
class socket_test : public testing::Test {
protected:
    socket_test() {
        auto [mine, theirs] = test::socket_pair();
        peer = std::move(theirs);
        end = std::make_unique<socket>(here.loop(), std::move(mine));
        here.settle();
    }

    static task<bool> wait_for(socket& which, io_status wanted, duration patience) {
        const time_point deadline = deadline_after(which.loop().now(), patience);
        const bool ready = co_await which.readiness(wanted, deadline);
        co_return ready;
    }
    io_result receive(std::size_t most) {
        buffer.resize(most);
        const io_result got = end->receive(buffer);
        buffer.resize(got.bytes);
        return got;
    }
    io_result fill() {
        const std::string block(65536, 'x');
        io_result sent = end->send(block);
        while (sent.status == io_status::done) sent = end->send(block);
        return sent;
    }

    test::test_loop here;
    unique_descriptor peer;
    std::unique_ptr<socket> end;
    std::string buffer;
};

TEST_F(socket_test, receives_what_has_arrived_and_otherwise_wants_to_read) {
    EXPECT_EQ(receive(10).status, io_status::want_read);
    test::put(peer.get(), "hello");
    EXPECT_EQ(receive(10).bytes, 5U);
    EXPECT_EQ(buffer, "hello");
    EXPECT_EQ(receive(10).status, io_status::want_read);
}

TEST_F(socket_test, wakes_a_reader_when_bytes_arrive) {
    const auto waiting = here.start(wait_for(*end, io_status::want_read, 20s));
    here.settle();
    EXPECT_FALSE(waiting.done());
    test::put(peer.get(), "x");
    here.run_until([&] { return waiting.done(); });
    EXPECT_TRUE(waiting.take());
}

TEST_F(socket_test, lets_a_reader_go_at_its_deadline) {
    EXPECT_FALSE(here.run(wait_for(*end, io_status::want_read, 5ms)));
}

TEST_F(socket_test, wakes_a_writer_when_the_peer_has_read) {
    EXPECT_EQ(fill().status, io_status::want_write);
    const auto waiting = here.start(wait_for(*end, io_status::want_write, 20s));
    here.settle();
    EXPECT_FALSE(waiting.done());
    while (!test::get(peer.get()).empty()) {
    }
    here.run_until([&] { return waiting.done(); });
    EXPECT_TRUE(waiting.take());
    EXPECT_EQ(end->send(std::string_view("x")).status, io_status::done);
}

TEST_F(socket_test, reports_the_end_when_the_peer_has_closed) {
    test::put(peer.get(), "last");
    peer.reset();
    here.settle();
    EXPECT_EQ(receive(10).bytes, 4U);
    EXPECT_EQ(receive(10).status, io_status::end);
}

TEST_F(socket_test, fails_to_write_to_a_closed_peer_without_a_signal) {
    peer.reset();
    const io_result sent = end->send(std::string_view("x"));
    EXPECT_EQ(sent.status, io_status::failed);
    EXPECT_EQ(sent.error, EPIPE);
}

TEST_F(socket_test, wakes_reader_and_writer_when_the_peer_closes) {
    EXPECT_EQ(fill().status, io_status::want_write);
    const auto reading = here.start(wait_for(*end, io_status::want_read, 20s));
    const auto writing = here.start(wait_for(*end, io_status::want_write, 20s));
    here.settle();
    peer.reset();
    here.run_until([&] { return reading.done() && writing.done(); });
    EXPECT_TRUE(reading.take());
    EXPECT_TRUE(writing.take());
}

TEST_F(socket_test, keeps_no_wait_of_a_reader_that_was_destroyed) {
    const auto waiting = here.start(wait_for(*end, io_status::want_read, 20s));
    here.settle();
    waiting.cancel();
    here.run_until([&] { return waiting.done(); });
    EXPECT_TRUE(waiting.cancelled());
    test::put(peer.get(), "x");
    here.settle();
    EXPECT_TRUE(here.run(wait_for(*end, io_status::want_read, 20s)));
    EXPECT_EQ(receive(10).bytes, 1U);
}

TEST_F(socket_test, keeps_no_wait_of_a_writer_that_was_destroyed) {
    EXPECT_EQ(fill().status, io_status::want_write);
    const auto waiting = here.start(wait_for(*end, io_status::want_write, 20s));
    here.settle();
    waiting.cancel();
    here.run_until([&] { return waiting.done(); });
    while (!test::get(peer.get()).empty()) {
    }
    here.settle();
    EXPECT_TRUE(here.run(wait_for(*end, io_status::want_write, 20s)));
}

task<bool> destroy_when_readable(std::unique_ptr<socket>& which) {
    const bool ready = co_await which->readiness(io_status::want_read, never);
    which.reset();
    co_return ready;
}

TEST_F(socket_test, may_be_destroyed_by_the_reader_that_it_wakes) {
    const auto reading = here.start(destroy_when_readable(end));
    here.settle();
    test::put(peer.get(), "x");
    here.run_until([&] { return reading.done(); });
    EXPECT_EQ(end, nullptr);
}

task<bool> destroy_when_writable(std::unique_ptr<socket>& which) {
    const bool ready = co_await which->readiness(io_status::want_write, never);
    which.reset();
    co_return ready;
}

TEST_F(socket_test, may_be_destroyed_by_the_writer_that_it_wakes) {
    EXPECT_EQ(fill().status, io_status::want_write);
    const auto writing = here.start(destroy_when_writable(end));
    here.settle();
    peer.reset();
    here.run_until([&] { return writing.done(); });
    EXPECT_EQ(end, nullptr);
}

TEST_F(socket_test, is_quiet_until_a_byte_arrives) {
    end->mark_idle();
    EXPECT_TRUE(end->quiet());
    here.turn(0ms);
    EXPECT_TRUE(end->quiet());
    test::put(peer.get(), "x");
    here.settle();
    EXPECT_FALSE(end->quiet());
}

TEST_F(socket_test, is_not_quiet_once_the_peer_has_closed) {
    end->mark_idle();
    peer.reset();
    here.settle();
    EXPECT_FALSE(end->quiet());
}

TEST_F(socket_test, that_distrusts_the_last_poll_notices_what_came_after_it) {
    end->mark_idle();
    peer.reset();
    EXPECT_TRUE(end->quiet()) << "the loop has not turned";
    end->distrust_last_poll();
    EXPECT_FALSE(end->quiet());
}

TEST_F(socket_test, is_quiet_after_a_read_that_exactly_filled_its_space) {
    test::put(peer.get(), "hello");
    here.settle();
    EXPECT_EQ(receive(5).bytes, 5U);
    end->mark_idle();
    EXPECT_TRUE(end->quiet());
}

TEST_F(socket_test, calls_the_disturbance_for_stray_bytes_and_for_the_end) {
    int calls = 0;
    end->on_disturbance([](void* count) noexcept { ++*static_cast<int*>(count); }, &calls);
    test::put(peer.get(), "x");
    here.settle();
    EXPECT_EQ(calls, 1);
    peer.reset();
    here.settle();
    EXPECT_EQ(calls, 2);
}

TEST_F(socket_test, does_not_call_the_disturbance_for_bytes_that_were_read_before_their_event_came) {
    int calls = 0;
    end->on_disturbance([](void* count) noexcept { ++*static_cast<int*>(count); }, &calls);
    test::put(peer.get(), "hello");
    EXPECT_EQ(receive(10).bytes, 5U);
    here.settle();
    EXPECT_EQ(calls, 0);
    end->mark_idle();
    EXPECT_TRUE(end->quiet());
}

TEST_F(socket_test, does_not_call_the_disturbance_while_somebody_waits_to_read) {
    int calls = 0;
    end->on_disturbance([](void* count) noexcept { ++*static_cast<int*>(count); }, &calls);
    const auto waiting = here.start(wait_for(*end, io_status::want_read, 20s));
    here.settle();
    test::put(peer.get(), "x");
    here.run_until([&] { return waiting.done(); });
    EXPECT_EQ(calls, 0);
}

TEST(socket_of_tcp, fails_with_a_reset_when_the_peer_aborts) {
    test::test_loop here;
    const unique_descriptor listening(test::checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const address any = *address::from_literal("127.0.0.1", 0);
    test::checked_call(bind(listening.get(), any.data(), any.size()), "bind");
    test::checked_call(listen(listening.get(), 1), "listen");
    const address where = address::local_of(listening.get());
    unique_descriptor mine(test::checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    test::checked_call(connect(mine.get(), where.data(), where.size()), "connect");
    socket end(here.loop(), std::move(mine));
    auto theirs = std::make_unique<socket>(
        here.loop(), unique_descriptor(test::checked_call(accept(listening.get(), nullptr, nullptr), "accept")));
    theirs->abort_on_close();
    theirs.reset();
    here.settle();
    char byte = 0;
    const io_result got = end.receive({&byte, 1});
    EXPECT_EQ(got.status, io_status::failed);
    EXPECT_EQ(got.error, ECONNRESET);
}

}  // namespace
}  // namespace lido::net

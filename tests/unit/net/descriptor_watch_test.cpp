#include "lido/net/descriptor_watch.hpp"

#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using readiness = descriptor_watch::readiness;

/// A descriptor that a test reads and writes itself, as a client library would, and the other end.
class descriptor_watch_test : public testing::Test {
protected:
    descriptor_watch_test() {
        auto [mine, theirs] = test::socket_pair();
        end = std::move(mine);
        peer = std::move(theirs);
        watch = std::make_unique<descriptor_watch>(here.loop(), end.get());
        here.settle();
    }
    /// What has been reported since the last wait is taken out of the way.
    void forget() { static_cast<void>(here.run(wait(*watch, {true, true}, 0ms))); }

    static task<readiness> wait(descriptor_watch& on, readiness wanted, duration patience) {
        const time_point deadline = deadline_after(on.loop().now(), patience);
        const readiness got = co_await on.ready(wanted, deadline);
        co_return got;
    }

    test::test_loop here;
    unique_descriptor end;
    unique_descriptor peer;
    std::unique_ptr<descriptor_watch> watch;
};

TEST_F(descriptor_watch_test, wakes_when_there_is_something_to_read) {
    forget();
    const auto waiting = here.start(wait(*watch, {.read = true, .write = false}, 20s));
    here.settle();
    EXPECT_FALSE(waiting.done());
    test::put(peer.get(), "hello");
    here.run_until([&] { return waiting.done(); });
    const readiness got = waiting.take();
    EXPECT_TRUE(got.read);
    EXPECT_FALSE(got.write);
}

TEST_F(descriptor_watch_test, remembers_what_happened_while_nobody_waited) {
    forget();
    test::put(peer.get(), "hello");
    here.settle();
    EXPECT_TRUE(here.run(wait(*watch, {.read = true, .write = false}, 0ms)).read);
    EXPECT_FALSE(here.run(wait(*watch, {.read = true, .write = false}, 1ms))) << "it counts once";
}

TEST_F(descriptor_watch_test, says_nothing_at_the_deadline) {
    forget();
    EXPECT_FALSE(here.run(wait(*watch, {.read = true, .write = false}, 1ms)));
}

TEST_F(descriptor_watch_test, a_reader_is_not_woken_by_what_it_does_not_want) {
    EXPECT_FALSE(here.run(wait(*watch, {.read = true, .write = false}, 1ms)));
    EXPECT_TRUE(here.run(wait(*watch, {.read = false, .write = true}, 20s)).write);
}

TEST_F(descriptor_watch_test, that_the_peer_has_read_something_wakes_nobody) {
    const auto write_and_read = [this] {
        here.settle();
        test::put(end.get(), "x");
        EXPECT_EQ(test::get(peer.get()), "x");
        return here.turn(1ms);
    };
    EXPECT_FALSE(write_and_read());
    EXPECT_TRUE(here.run(wait(*watch, {.read = false, .write = true}, 20s)).write);
    EXPECT_FALSE(write_and_read()) << "also after somebody wanted to write";
}

TEST_F(descriptor_watch_test, a_writer_is_woken_when_the_peer_has_made_room) {
    const std::string block(65536, 'x');
    while (::send(end.get(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    }
    forget();
    const auto waiting = here.start(wait(*watch, {.read = false, .write = true}, 20s));
    here.settle();
    EXPECT_FALSE(waiting.done());
    while (!test::get(peer.get()).empty()) {
    }
    here.run_until([&] { return waiting.done(); });
    EXPECT_TRUE(waiting.take().write);
}

TEST_F(descriptor_watch_test, the_peers_end_can_be_read_and_written) {
    forget();
    const auto waiting = here.start(wait(*watch, {.read = true, .write = false}, 20s));
    here.settle();
    EXPECT_FALSE(waiting.done());
    peer.reset();
    here.run_until([&] { return waiting.done(); });
    EXPECT_TRUE(waiting.take().read);
    EXPECT_TRUE(here.run(wait(*watch, {.read = false, .write = true}, 20s)).write);
}

TEST_F(descriptor_watch_test, a_disturbance_is_told_while_nobody_waits) {
    forget();
    int disturbed = 0;
    watch->on_disturbance([](void* count) noexcept { ++*static_cast<int*>(count); }, &disturbed);
    test::put(peer.get(), "x");
    here.run_until([&] { return disturbed > 0; });
    EXPECT_EQ(disturbed, 1);
}

TEST_F(descriptor_watch_test, a_wait_that_is_given_up_leaves_nothing_behind) {
    forget();
    {
        const auto waiting = here.start(wait(*watch, {.read = true, .write = false}, 20s));
        here.settle();
        waiting.cancel();
        here.settle();
    }
    test::put(peer.get(), "x");
    here.settle();
    EXPECT_TRUE(here.run(wait(*watch, {.read = true, .write = false}, 0ms)).read);
}

TEST_F(descriptor_watch_test, its_end_leaves_alone_who_got_the_number_of_its_descriptor_since) {
    const int number = end.get();
    end.reset();  // as libraries do when a connection breaks
    auto [mine, theirs] = test::socket_pair();
    ASSERT_EQ(mine.get(), number);
    descriptor_watch next(here.loop(), mine.get());
    static_cast<void>(here.run(wait(next, {true, true}, 0ms)));
    watch.reset();
    test::put(theirs.get(), "hello");
    EXPECT_TRUE(here.run(wait(next, {.read = true, .write = false}, 20s)).read);
}

}  // namespace
}  // namespace lido::net

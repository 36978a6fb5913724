#include "lido/net/listener.hpp"

#include "lido/net/connect.hpp"
#include "support/sanitized.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <string>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class listener_test : public testing::Test {
protected:
    std::unique_ptr<listener> open(std::uint16_t port = 0) {
        return listener::open(here.loop(), {"127.0.0.1", port}).value();
    }
    std::unique_ptr<socket> connect(const listener& to) {
        return here.run(connect_tcp(here.loop(), {to.local()}, clock::now() + 20s)).value();
    }
    test::test_loop here;
};

TEST_F(listener_test, finds_a_free_port_and_tells_it) {
    const auto one = open();
    const auto other = open();
    EXPECT_NE(one->port(), 0);
    EXPECT_NE(one->port(), other->port());
    EXPECT_EQ(one->local().host_text(), "127.0.0.1");
}

TEST_F(listener_test, accepts_connections_that_came_before_and_after_the_call) {
    const auto server = open();
    const auto first = connect(*server);
    const auto first_accepted = here.run(server->accept());
    ASSERT_TRUE(first_accepted.has_value());
    EXPECT_EQ(address::peer_of((*first_accepted)->descriptor()), address::local_of(first->descriptor()));
    const auto waiting = here.start(server->accept());
    here.settle();
    EXPECT_FALSE(waiting.done());
    const auto second = connect(*server);
    here.run_until([&] { return waiting.done(); });
    EXPECT_TRUE(waiting.take().has_value());
}

TEST_F(listener_test, accepts_all_that_wait_one_after_the_other) {
    const auto server = open();
    std::vector<std::unique_ptr<socket>> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(connect(*server));
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(here.run(server->accept()).has_value());
}

TEST_F(listener_test, says_that_an_address_is_in_use_and_what_to_do) {
    const auto server = open();
    const auto second = listener::open(here.loop(), {"127.0.0.1", server->port()});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().what(), "listen on " + server->local().to_text() + ": address already in use");
    EXPECT_THAT(second.error().remedy(), HasSubstr("another port"));
}

TEST_F(listener_test, shares_its_port_with_others_when_told_so) {
    listen_options options("127.0.0.1", 0);
    options.share_port = true;
    const auto one = listener::open(here.loop(), options).value();
    options.port = one->port();
    EXPECT_TRUE(listener::open(here.loop(), options).has_value());
}

TEST_F(listener_test, refuses_a_host_that_is_no_address) {
    const auto made = listener::open(here.loop(), {"shop.example", 80});
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), errc::invalid_argument);
}

TEST_F(listener_test, keeps_no_wait_of_a_caller_that_was_destroyed) {
    const auto server = open();
    const auto waiting = here.start(server->accept());
    here.settle();
    waiting.cancel();
    here.run_until([&] { return waiting.done(); });
    const auto client = connect(*server);
    here.settle();
    EXPECT_TRUE(here.run(server->accept()).has_value());
}

TEST_F(listener_test, pauses_instead_of_spinning_while_there_is_no_descriptor_and_then_goes_on) {
    if (test::sanitized) GTEST_SKIP() << "the sanitizer of undefined behaviour needs descriptors of its own";
    const auto server = open();
    const auto client = connect(*server);
    std::optional<test::descriptors_exhausted> none_left(std::in_place);
    const auto waiting = here.start(server->accept());
    const time_point begin = clock::now();
    int turns = 0;
    while (clock::now() - begin < 100ms) turns += here.turn(20ms) ? 1 : 0;
    EXPECT_FALSE(waiting.done());
    EXPECT_LE(turns, 30);
    none_left.reset();
    here.run_until([&] { return waiting.done(); });
    EXPECT_TRUE(waiting.take().has_value());
}

TEST_F(listener_test, hands_out_bare_descriptors_for_other_loops) {
    const auto server = open();
    const auto client = connect(*server);
    const auto accepted = here.run(server->accept_descriptor());
    ASSERT_TRUE(accepted.has_value());
    EXPECT_TRUE(accepted->valid());
}

}  // namespace
}  // namespace lido::net

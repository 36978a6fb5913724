#include "lido/net/connect.hpp"

#include "lido/net/listener.hpp"
#include "support/sanitized.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using connected = result<std::unique_ptr<socket>>;

class connect_test : public testing::Test {
protected:
    connect_test() : server(listener::open(here.loop(), {"127.0.0.1", 0}).value()) {}

    connected connect(std::vector<address> peers, duration patience = 20s, connect_options options = {}) {
        return here.run(connect_tcp(here.loop(), std::move(peers), clock::now() + patience, options));
    }
    [[nodiscard]] static int option(const socket& of, int level, int name) {
        int value = 0;
        socklen_t size = sizeof value;
        getsockopt(of.descriptor(), level, name, &value, &size);
        return value;
    }

    test::test_loop here;
    std::unique_ptr<listener> server;
    test::refusing_address refusing;
};

TEST_F(connect_test, connects_to_a_listening_address) {
    const connected made = connect({server->local()});
    ASSERT_TRUE(made.has_value()) << made.error().message();
    EXPECT_EQ(address::peer_of((*made)->descriptor()), server->local());
}

TEST_F(connect_test, sets_the_options_that_make_it_quick_and_its_death_noticed) {
    const connected made = connect({server->local()});
    EXPECT_EQ(option(**made, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(**made, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(**made, IPPROTO_TCP, TCP_USER_TIMEOUT), 30'000);
    EXPECT_EQ(option(**made, IPPROTO_TCP, TCP_KEEPIDLE), 10);
    EXPECT_NE(fcntl((*made)->descriptor(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(connect_test, leaves_the_systems_timeouts_alone_when_told_so) {
    const connected made = connect({server->local()}, 20s, {.user_timeout = 0s});
    EXPECT_EQ(option(**made, SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(option(**made, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

TEST_F(connect_test, names_the_address_and_the_reason_when_it_is_refused) {
    const connected made = connect({refusing.where()});
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), errc::connect_failed);
    EXPECT_EQ(made.error().what(), "connect to " + refusing.where().to_text() + ": connection refused");
}

TEST_F(connect_test, names_every_address_that_failed) {
    const test::refusing_address second;
    const connected made = connect({refusing.where(), second.where()});
    ASSERT_FALSE(made.has_value());
    EXPECT_THAT(made.error().what(), HasSubstr(refusing.where().to_text() + ": connection refused"));
    EXPECT_THAT(made.error().what(), HasSubstr(second.where().to_text() + ": connection refused"));
}

TEST_F(connect_test, goes_on_at_once_to_the_next_address_when_one_refuses) {
    // An attempt delay of two seconds would show.
    const time_point begin = clock::now();
    const connected made = connect({refusing.where(), server->local()}, 20s, {.attempt_delay = 2s});
    EXPECT_TRUE(made.has_value());
    EXPECT_LT(clock::now() - begin, 1s);
}

TEST_F(connect_test, tries_the_next_address_beside_one_that_does_not_answer) {
    const test::silent_address silent;
    const std::size_t before = test::open_descriptors();
    const time_point begin = clock::now();
    const connected made = connect({silent.where(), server->local()}, 20s, {.attempt_delay = 20ms});
    ASSERT_TRUE(made.has_value()) << made.error().message();
    EXPECT_GE(clock::now() - begin, 20ms);
    EXPECT_EQ(address::peer_of((*made)->descriptor()), server->local());
    EXPECT_EQ(test::open_descriptors(), before + 1) << "the attempt that lost is closed";
}

TEST_F(connect_test, gives_up_at_the_deadline_and_says_who_did_not_answer) {
    const test::silent_address silent;
    const std::size_t before = test::open_descriptors();
    const connected made = connect({silent.where()}, 15ms);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), errc::connect_timeout);
    EXPECT_EQ(made.error().what(), "connect to " + silent.where().to_text() + ": no answer in time");
    EXPECT_EQ(test::open_descriptors(), before);
}

TEST_F(connect_test, opens_nothing_when_the_deadline_has_passed_already) {
    const connected made = connect({server->local()}, -1s);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), errc::connect_timeout);
}

TEST_F(connect_test, closes_all_attempts_when_it_is_destroyed) {
    const test::silent_address one;
    const test::silent_address other;
    const std::size_t before = test::open_descriptors();
    const auto connecting =
        here.start(connect_tcp(here.loop(), {one.where(), other.where()}, clock::now() + 20s, {.attempt_delay = 10ms}));
    here.run_until([&] { return test::open_descriptors() == before + 2; });
    connecting.cancel();
    here.run_until([&] { return connecting.done(); });
    EXPECT_EQ(test::open_descriptors(), before);
    EXPECT_FALSE(here.turn(0ms));
}

TEST_F(connect_test, takes_the_families_in_turn) {
    if (!listener::open(here.loop(), {"::1", 0}).has_value()) GTEST_SKIP() << "no IPv6 on this machine";
    const auto on_ipv6 = listener::open(here.loop(), {"::1", 0}).value();
    const test::silent_address first;
    const test::silent_address second;
    const connected made = connect({first.where(), second.where(), on_ipv6->local()}, 20s, {.attempt_delay = 200ms});
    ASSERT_TRUE(made.has_value()) << made.error().message();
    EXPECT_EQ(address::peer_of((*made)->descriptor()), on_ipv6->local());
}

TEST_F(connect_test, connects_from_the_local_address_that_is_asked_for) {
    const connected made = connect({server->local()}, 20s, {.local_address = *address::from_literal("127.0.0.2", 0)});
    ASSERT_TRUE(made.has_value()) << made.error().message();
    EXPECT_EQ(address::local_of((*made)->descriptor()).host_text(), "127.0.0.2");
}

TEST_F(connect_test, says_what_is_wrong_with_the_local_address) {
    const connected wrong_family = connect({server->local()}, 20s, {.local_address = *address::from_literal("::1", 0)});
    ASSERT_FALSE(wrong_family.has_value());
    EXPECT_EQ(wrong_family.error(), errc::invalid_argument);
    const connected not_ours =
        connect({server->local()}, 20s, {.local_address = *address::from_literal("192.0.2.1", 0)});
    ASSERT_FALSE(not_ours.has_value());
    EXPECT_THAT(not_ours.error().what(), HasSubstr("no such local address"));
}

TEST_F(connect_test, refuses_to_connect_to_no_address) {
    EXPECT_EQ(connect({}).error(), errc::invalid_argument);
}

TEST_F(connect_test, says_what_to_do_when_the_process_has_no_descriptor_left) {
    if (test::sanitized) GTEST_SKIP() << "the sanitizer of undefined behaviour needs descriptors of its own";
    std::optional<test::descriptors_exhausted> none_left(std::in_place);
    const connected made = connect({server->local()});
    none_left.reset();  // sanitizers need some themselves
    ASSERT_FALSE(made.has_value());
    EXPECT_THAT(made.error().what(), HasSubstr("too many open files"));
    EXPECT_THAT(made.error().remedy(), HasSubstr("ulimit -n"));
    ASSERT_NE(made.error().cause(), nullptr);
    EXPECT_EQ(made.error().cause()->code(), std::errc::too_many_files_open);
}

TEST_F(connect_test, connects_to_a_unix_socket) {
    const test::temporary_directory folder;
    const std::string path = folder.file("server.sock");
    const address where = address::unix_socket(path).value();
    const unique_descriptor listening(test::checked_call(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    test::checked_call(bind(listening.get(), where.data(), where.size()), "bind");
    test::checked_call(listen(listening.get(), 1), "listen");
    const connected made = here.run(connect_unix(here.loop(), path, clock::now() + 20s));
    ASSERT_TRUE(made.has_value()) << made.error().message();
    EXPECT_EQ((*made)->send(std::string_view("x")).status, io_status::done);
}

TEST_F(connect_test, names_the_unix_socket_that_is_not_there) {
    const connected made = here.run(connect_unix(here.loop(), "/nonexistent/server.sock", clock::now() + 20s));
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().what(), "connect to /nonexistent/server.sock: no such file");
}

TEST(plain_reason, begins_with_a_small_letter_unless_it_is_a_name) {
    EXPECT_EQ(plain_reason(ECONNREFUSED), "connection refused");
    EXPECT_EQ(plain_reason(EIO), "input/output error");
}

}  // namespace
}  // namespace lido::net

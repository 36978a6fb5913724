// A server that speaks another language than MySQL's, at a point of the test's choice: the connection ends with a clear
// error, and nothing of it is taken for an answer.
#include "lido/net/endpoint.hpp"
#include "lido/net/runtime.hpp"
#include "lido/sql/mysql/pool.hpp"
#include "support/becomes_true.hpp"
#include "support/test_sockets.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using namespace std::literals;
using testing::HasSubstr;

std::string framed(unsigned number, std::string_view body) {
    std::string made;
    for (const unsigned shift : {0U, 8U, 16U}) made.push_back(static_cast<char>(body.size() >> shift & 0xffU));
    made.push_back(static_cast<char>(number));
    return made.append(body);
}

/// Packets that follow each other, from an answer's first number on.
std::string answer_of(std::initializer_list<std::string_view> packets) {
    std::string made;
    unsigned number = 1;
    for (const std::string_view each : packets) made += framed(number++, each);
    return made;
}

const std::string ok("\0\0\0\2\0\0\0"sv);
const std::string end_of_rows("\xfe\0\0\2\0"sv);
const std::string refusal("\xff\x28\x04#42000You have an error"sv);
const std::string not_to_be_prepared("\xff\x0f\x05#HY000not in the prepared protocol"sv);
/// A column "n", an int.
const std::string column("\3def\0\0\0\1n\1n\x0c\x3f\0\x0b\0\0\0\3\0\0\0\0\0"sv);
const std::string row("\0\0\7\0\0\0"sv);
const std::string prepared = answer_of({"\0\1\0\0\0\1\0\0\0\0\0\0"sv, column, end_of_rows});
const std::string executed = answer_of({"\1"sv, column, end_of_rows, row, end_of_rows});

/// Lets everybody in, sends `after_login` together with the login's end, and answers the commands that follow one by
/// one; then it waits for the client's end, unless it hangs up.
class strange_server {
public:
    enum class manner : std::uint8_t { usual, byte_by_byte, hangs_up };
    explicit strange_server(std::vector<std::string> answers, manner how = manner::usual, std::string after_login = {})
        : after_login_(std::move(after_login)),
          answers_(std::move(answers)),
          how_(how),
          listening_(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
        const net::address any = *net::address::from_literal("127.0.0.1", 0);
        checked_call(bind(listening_.get(), any.data(), any.size()), "bind");
        checked_call(listen(listening_.get(), 16), "listen");
        port_ = net::address::local_of(listening_.get()).port();
        thread_ = std::thread([this] { run(); });
    }
    strange_server(const strange_server&) = delete;
    strange_server& operator=(const strange_server&) = delete;
    ~strange_server() {
        shutdown(listening_.get(), SHUT_RDWR);
        thread_.join();
        for (std::thread& each : clients_) each.join();
    }
    [[nodiscard]] mysql::pool_settings settings() const {
        mysql::pool_settings made;
        made.url = fmt::format("mysql://lido@127.0.0.1:{}/", port_);
        made.pool.connections.max_size = 1;
        made.pool.connections.down_fail_fast = 0s;
        made.pool.statement_timeout = 20s;
        made.pool.cancel_abandoned = false;
        return made;
    }

private:
    void run() {
        while (true) {
            net::unique_descriptor taken(accept(listening_.get(), nullptr, nullptr));
            if (!taken.valid()) return;
            clients_.emplace_back([this, client = std::move(taken)] { serve(client.get()); });
        }
    }
    static std::string greeting() {
        std::string made(
            "\x0a"
            "8.0.40\0\1\0\0\0salt1234\0"sv);
        made += "\x89\xa2"sv;  // LONG_PASSWORD, CONNECT_WITH_DB, LOCAL_FILES, PROTOCOL_41, SECURE_CONNECTION …
        made += "\x21\2\0"sv;  // character set, status
        made += "\x0e\x00"sv;  // MULTI_RESULTS, PS_MULTI_RESULTS, PLUGIN_AUTH
        made += "\x15"s + std::string(10, '\0');
        return made.append("salt56789012\0mysql_native_password\0"sv);
    }
    void serve(int to) {
        const int on = 1;
        setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!say(to, framed(0, greeting())) || command(to) < 0) return;
        if (!say(to, framed(2, ok)) || command(to) < 0) return;
        if (!say(to, framed(1, ok) + after_login_)) return;  // the time zone
        for (const std::string& each : answers_) {
            if (command(to) < 0 || !answer(to, each)) return;
        }
        if (how_ != manner::hangs_up) {
            while (command(to) >= 0) continue;
        }
    }
    [[nodiscard]] bool answer(int to, const std::string& what) const {
        if (how_ != manner::byte_by_byte) return say(to, what);
        for (const char each : what) {
            if (!say(to, std::string_view(&each, 1))) return false;
        }
        return true;
    }
    /// The next one that is to be answered, which is taken; below 0: the client has gone.
    static int command(int from) {
        constexpr int closes_statement = 0x19;
        int what = closes_statement;
        while (what == closes_statement) {
            std::array<unsigned char, 4> head{};
            if (!take(from, head)) return -1;
            std::vector<unsigned char> body(head[0] + 256U * head[1] + 65536U * head[2]);
            if (!take(from, body)) return -1;
            what = body.empty() ? 0 : body.front();
        }
        return what;
    }
    static bool take(int from, std::span<unsigned char> into) {
        return into.empty() || recv(from, into.data(), into.size(), MSG_WAITALL) == static_cast<ssize_t>(into.size());
    }
    static bool say(int to, std::string_view what) { return send(to, what.data(), what.size(), MSG_NOSIGNAL) >= 0; }

    const std::string after_login_;
    const std::vector<std::string> answers_;
    const manner how_;
    std::uint16_t port_ = 0;
    net::unique_descriptor listening_;
    std::vector<std::thread> clients_;
    std::thread thread_;
};

using manner = strange_server::manner;

struct strange_world {
    explicit strange_world(const strange_server& at) : strange_world(at.settings()) {}
    explicit strange_world(const mysql::pool_settings& with) : db(io, with) {}
    [[nodiscard]] result<sql::rows> query() { return db.query("select n").wait(); }

    runtime io;
    mysql::pool db;
};

TEST(mysql_strange_server, that_is_none_is_understood) {
    for (const manner how : {manner::usual, manner::byte_by_byte}) {
        const strange_server server({prepared, executed, executed}, how);
        strange_world world(server);
        for (int i = 0; i < 2; ++i) {
            const auto got = world.query();
            ASSERT_TRUE(got) << got.error().message();
            EXPECT_EQ(got->column_name(0), "n");
            EXPECT_EQ((*got)[0][0].as<int>().value(), 7);
        }
    }
}

TEST(mysql_strange_server, that_says_more_than_the_login_needs_is_not_connected_to) {
    for (const std::string& more : {ok, refusal, "\1"s}) {
        const strange_server server({prepared, executed}, manner::usual, framed(2, more));
        strange_world world(server);
        const auto got = world.query();
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error(), errc::connect_failed) << got.error().message();
        EXPECT_THAT(got.error().message(), HasSubstr("said more"));
    }
}

TEST(mysql_strange_server, answers_that_are_none_end_the_connection) {
    const std::string definition = framed(2, column) + framed(3, end_of_rows);
    const std::string head = framed(1, "\1") + definition;
    for (const std::string& wrong : {
             framed(1, ""),
             framed(1, end_of_rows),
             framed(1, "\0\0\0"sv),
             framed(1, "\1\2"),
             framed(1, "\1\0"sv) + framed(2, row),
             framed(1, "\2\0"sv) + framed(2, end_of_rows),  // one more than there were
             framed(1, "\xff\xff"sv),
             framed(1, "\1") + framed(2, "no definition") + framed(3, end_of_rows),
             framed(1, "\1") + framed(2, column) + framed(3, row),
             head + framed(4, "\0\0\7\0\0"sv),
             head + framed(4, row + "x"),
             head + framed(4, "\1\0\7\0\0\0"sv),
             head + framed(4, ok),
             head + framed(4, "\xfe\0\0\2"sv),
             head + framed(5, row),
             head + framed(3, row),
             framed(0, "\1"),
             framed(2, "\1"),
             "\xff\xff\xff\1"s,                    // 16 MiB of what is no row
             framed(1, "\xfb/proc/self/environ"),  // no file
         }) {
        mysql::pool_settings settings;
        const strange_server server({prepared, wrong});
        settings = server.settings();
        settings.pool.max_result_bytes = 1024;
        strange_world world(settings);
        const auto got = world.query();
        ASSERT_FALSE(got) << testing::PrintToString(wrong);
        EXPECT_EQ(got.error(), errc::protocol_error) << testing::PrintToString(wrong) << got.error().message();
        EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().closed == 1; }));
    }
}

TEST(mysql_strange_server, what_is_no_prepared_statement_ends_the_connection) {
    for (const std::string& wrong : {
             framed(1, "\0\1\0\0\0"sv),
             framed(1, "\1"),
             framed(1, "\0\1\0\0\0\1\0\0\0\0\0\0"sv) + framed(2, "none"sv) + framed(3, end_of_rows),
             framed(1, "\0\1\0\0\0\0\0\1\0\0\0\0"sv) + framed(2, column) + framed(3, column),
             framed(2, "\0\1\0\0\0\0\0\0\0\0\0\0"sv),
             framed(1, "\xfb/proc/self/environ"),
         }) {
        const strange_server server({wrong});
        strange_world world(server);
        const auto got = world.query();
        ASSERT_FALSE(got) << testing::PrintToString(wrong);
        EXPECT_EQ(got.error(), errc::protocol_error) << testing::PrintToString(wrong) << got.error().message();
    }
}

TEST(mysql_strange_server, what_is_no_answer_to_a_text_ends_the_connection) {
    const std::string refused = framed(1, not_to_be_prepared);
    for (const std::string& wrong : {
             framed(1, "\xfb/proc/self/environ"),
             framed(1, "\1") + framed(2, column) + framed(3, end_of_rows) + framed(4, "\2x"),
             framed(1, "\0\0\0\x0a\0\0\0"sv) + framed(2, end_of_rows),
         }) {
        const strange_server server({refused, wrong});
        strange_world world(server);
        const auto got = world.query();
        ASSERT_FALSE(got) << testing::PrintToString(wrong);
        EXPECT_EQ(got.error(), errc::protocol_error) << testing::PrintToString(wrong) << got.error().message();
    }
}

TEST(mysql_strange_server, an_answer_that_is_cut_anywhere_may_have_been_executed) {
    for (std::size_t size = 0; size < executed.size(); ++size) {
        const strange_server server({prepared, executed.substr(0, size)}, manner::hangs_up);
        strange_world world(server);
        const auto got = world.query();
        ASSERT_FALSE(got) << size;
        EXPECT_EQ(got.error(), errc::maybe_executed) << size << got.error().message();
    }
}

TEST(mysql_strange_server, while_it_is_only_prepared_nothing_was_executed) {
    for (std::size_t size = 0; size < prepared.size(); ++size) {
        const strange_server server({prepared.substr(0, size)}, manner::hangs_up);
        strange_world world(server);
        const auto got = world.query();
        ASSERT_FALSE(got) << size;
        EXPECT_EQ(got.error(), errc::connection_closed) << size << got.error().message();
    }
}

TEST(mysql_strange_server, an_answer_together_with_the_end_counts) {
    const strange_server server({prepared, executed}, manner::hangs_up);
    strange_world world(server);
    const auto got = world.query();
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().closed == 1; }));
}

TEST(mysql_strange_server, last_words_instead_of_an_answer_are_told) {
    // As MySQL says it to those that were idle: with a number that is none of the answer's.
    const std::string idle = framed(0, "\xff\xbf\x0f#HY000The client was disconnected by the server"sv);
    const strange_server server({prepared, executed, idle}, manner::hangs_up);
    strange_world world(server);
    ASSERT_TRUE(world.query());
    const auto got = world.query();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::maybe_executed) << got.error().message();
    EXPECT_THAT(got.error().message(), HasSubstr("disconnected by the server"));
}

TEST(mysql_strange_server, what_nobody_asked_for_is_nobodys_answer) {
    for (const std::string& more : {framed(6, ok), framed(0, refusal), "\7"s}) {
        const strange_server server({prepared, executed + more});
        strange_world world(server);
        ASSERT_TRUE(world.query());
        const auto again = world.query();
        EXPECT_TRUE(again) << "on a connection of its own: " << again.error().message();
        EXPECT_EQ(world.db.connections().statistics().created, 2U);
    }
}

TEST(mysql_strange_server, progress_is_no_answer) {
    const std::string progress("\xff\xff\xff\1\1\2\0\0\0\5table"sv);
    const strange_server server({prepared, answer_of({progress, progress, "\0\3\0\2\0\0\0"sv})});
    strange_world world(server);
    const auto got = world.query();
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->affected(), 3U);
}

TEST(mysql_strange_server, definitions_of_before_hold_until_there_are_others) {
    const std::string other("\3def\0\0\0\1m\1m\x0c\x21\0\x0b\0\0\0\xfd\0\0\0\0\0"sv);
    const strange_server server({prepared, answer_of({"\1\0"sv, end_of_rows, row, end_of_rows}),
                                 answer_of({"\1\1"sv, other, end_of_rows, "\0\0\2hi"sv, end_of_rows}),
                                 answer_of({"\1\0"sv, end_of_rows, "\0\0\2ho"sv, end_of_rows})});
    strange_world world(server);
    EXPECT_EQ(world.query().value()[0][0].as<int>().value(), 7);
    const auto changed = world.query();
    ASSERT_TRUE(changed) << changed.error().message();
    EXPECT_EQ(changed->column_name(0), "m");
    EXPECT_EQ((*changed)[0][0].text(), "hi");
    EXPECT_EQ(world.query().value()[0][0].text(), "ho");
}

TEST(mysql_strange_server, a_row_that_is_announced_as_too_large_is_refused_before_it_comes) {
    const strange_server server(
        {prepared, framed(1, "\1") + framed(2, column) + framed(3, end_of_rows) + "\xff\xff\xff\4"s});
    mysql::pool_settings settings = server.settings();
    settings.pool.max_result_bytes = 1024;
    strange_world world(settings);
    const auto got = world.query();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::limit_exceeded) << got.error().message();
}

TEST(mysql_strange_server, a_state_that_is_not_told_after_an_error_costs_the_connection_and_not_the_error) {
    for (const std::string& none : {framed(1, "\1"), framed(1, refusal), framed(2, ok), framed(1, "\0\0"sv)}) {
        const strange_server server({prepared, framed(1, refusal), none});
        strange_world world(server);
        const auto got = world.query();
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error(), sql::errc::syntax_error) << got.error().message();
        EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().closed == 1; }));
    }
}

}  // namespace
}  // namespace lido::test

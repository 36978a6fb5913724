// A server that speaks another language than PostgreSQL's, at a point of the test's choice: the connection ends with a
// clear error, and nothing of it is taken for an answer.
#include "postgres_world.hpp"
#include "support/free_port.hpp"
#include "support/test_sockets.hpp"

#include <array>
#include <atomic>
#include <string_view>
#include <vector>

#include <sys/socket.h>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string framed(char type, std::string_view body) {
    const auto size = static_cast<std::uint32_t>(body.size() + 4);
    std::string made(1, type);
    for (const unsigned shift : {24U, 16U, 8U, 0U}) made.push_back(static_cast<char>(size >> shift & 0xffU));
    return made.append(body);
}

std::string zero_ended(std::initializer_list<std::string_view> texts) {
    std::string made;
    for (const std::string_view each : texts) made.append(each).push_back('\0');
    return made;
}

const std::string ready = framed('Z', "I");
const std::string notice = framed('N', zero_ended({"SNOTICE", "VNOTICE", "C00000", "Mit is late", ""}));
const std::string columns = framed('T', std::string_view("\0\1n\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0", 22));
const std::string row = framed('D', std::string_view("\0\1\0\0\0\1"
                                                     "7",
                                                     7));
const std::string completed = framed('C', zero_ended({"SELECT 1"}));
/// Of a statement that is prepared with it.
const std::string answer = framed('1', "") + framed('2', "") + columns + row + completed + ready;

constexpr std::string_view sync("S\0\0\0\4", 5);

/// What the server says to what ends so.
struct step {
    step(std::string what) : says(std::move(what)) {}  // NOLINT(google-explicit-constructor): most are answers alone
    step(std::string what, std::chrono::milliseconds late) : says(std::move(what)), delay(late) {}
    step(std::string_view end, std::string what) : says(std::move(what)), to(end) {}

    std::string says;
    std::string to{sync};
    std::chrono::milliseconds delay{0};
};

/// Lets everybody in, sends `after_login` together with the login's end, and the first of `answers` for the first Sync,
/// the second for the second, and so on, and then waits for the client's end.
class strange_server {
public:
    strange_server(std::string after_login, std::vector<step> answers)
        : after_login_(std::move(after_login)), answers_(std::move(answers)) {
        for (int attempt = 0; attempt < 100 && !listening_.valid(); ++attempt) {
            port_ = free_port(database_ports);
            listening_ = bind_to(port_, "127.0.0.1");
        }
        checked_call(listen(listening_.get(), 16), "listen");
        thread_ = std::thread([this] { run(); });
    }
    strange_server(const strange_server&) = delete;
    strange_server& operator=(const strange_server&) = delete;
    ~strange_server() {
        stops_ = true;
        shutdown(listening_.get(), SHUT_RDWR);
        thread_.join();
        for (std::thread& each : clients_) each.join();
    }
    [[nodiscard]] std::string url() const { return fmt::format("postgresql://lido@127.0.0.1:{}/any", port_); }
    /// How many of its steps were asked for.
    [[nodiscard]] int asked() const { return asked_; }
    /// Cancel requests are taken, and not answered before they are let go.
    void hold_cancels(bool held) { holds_cancels_ = held; }
    /// Of a connection whose steps are over: it is reset, which is done when this returns.
    void reset_connection() {
        resets_ = true;
        EXPECT_TRUE(becomes_true([this] { return has_reset_.load(); }));
    }

private:
    void run() {
        while (!stops_) {
            net::unique_descriptor taken(accept(listening_.get(), nullptr, nullptr));
            if (!taken.valid()) continue;
            clients_.emplace_back([this, client = std::move(taken)]() mutable {
                serve(client.get());
                client.reset();
                if (resets_) has_reset_ = true;
            });
        }
    }
    void serve(int to) {
        std::string login = framed('R', std::string_view("\0\0\0\0", 4));
        for (const auto& [name, value] : {std::pair("server_version", "15.0"), std::pair("DateStyle", "ISO, MDY"),
                                          std::pair("in_hot_standby", "off"), std::pair("client_encoding", "UTF8")}) {
            login += framed('S', zero_ended({name, value}));
        }
        login += ready + after_login_;
        const std::string first = comes(to, std::string_view("\0\0", 2));
        if (first.size() >= 8 && first.substr(4, 4) == "\x04\xd2\x16\x2e") return answer_cancel();
        if (first.empty() || !say(to, login)) return;
        for (const step& each : answers_) {
            if (comes(to, each.to).empty()) return;
            ++asked_;
            std::this_thread::sleep_for(each.delay);  // the script says how long this server takes
            if (!say(to, each.says)) return;
        }
        wait_for_end(to);
    }
    void answer_cancel() const {
        // Between two looks: either of the two may end it.
        while (holds_cancels_ && !stops_) std::this_thread::sleep_for(5ms);
    }
    void wait_for_end(int of) {
        char byte = 0;
        while (recv(of, &byte, 1, MSG_DONTWAIT) != 0 && !stops_) {
            if (resets_) {
                const linger at_once{.l_onoff = 1, .l_linger = 0};
                setsockopt(of, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
                return;
            }
            std::this_thread::sleep_for(5ms);  // between two looks: any of the three may end it
        }
    }
    /// Until what came ends so; nothing when the client has gone.
    static std::string comes(int from, std::string_view end) {
        std::string all;
        std::array<char, 4096> space;
        while (!all.ends_with(end)) {
            const ssize_t got = recv(from, space.data(), space.size(), 0);
            if (got <= 0) return {};
            all.append(space.data(), static_cast<std::size_t>(got));
        }
        return all;
    }
    static bool say(int to, std::string_view what) { return send(to, what.data(), what.size(), MSG_NOSIGNAL) >= 0; }

    const std::string after_login_;
    const std::vector<step> answers_;
    std::uint16_t port_ = 0;
    net::unique_descriptor listening_;
    std::atomic<bool> stops_{false};
    std::atomic<bool> holds_cancels_{false};
    std::atomic<bool> resets_{false};
    std::atomic<bool> has_reset_{false};
    std::atomic<int> asked_{0};
    std::vector<std::thread> clients_;
    std::thread thread_;
};

postgres::settings strange_settings(const strange_server& at) {
    postgres::settings made = settings_for(at.url() + "?sslmode=disable", 1);
    made.pool.statement_timeout = 20s;
    made.pool.cancel_abandoned = false;
    return made;
}

TEST(postgres_strange_server, that_is_none_is_understood) {
    const strange_server server("", {answer});
    postgres_world world(strange_settings(server));
    const auto got = world.query("select n");
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ((*got)[0][0].as<int>().value(), 7);
}

TEST(postgres_strange_server, whole_messages_behind_the_logins_end_change_nothing) {
    const strange_server server(notice + framed('S', zero_ended({"application_name", "other"})) + notice, {answer});
    postgres_world world(strange_settings(server));
    EXPECT_TRUE(world.query("select n"));
}

/// libpq has read the message's beginning with the login's end, and Lido gets the rest.
TEST(postgres_strange_server, part_of_a_message_behind_the_logins_end_never_becomes_an_answer) {
    const std::string heard = framed('A', std::string_view("\0\0\1\2", 4)) + zero_ended({"news", "it is new"});
    for (const std::string& late : {notice, framed('S', zero_ended({"application_name", "another"})), heard}) {
        for (std::size_t size = 1; size < late.size(); ++size) {
            const strange_server server(late.substr(0, size), {late.substr(size) + answer});
            postgres::settings with = strange_settings(server);
            with.pool.statement_timeout = 300ms;  // of what never ends
            postgres_world world(with);
            const auto got = world.query("select n");
            ASSERT_FALSE(got) << size;
            EXPECT_THAT(got.error().code(),
                        testing::AnyOf(make_error_code(errc::protocol_error), make_error_code(errc::timeout)))
                << size << ": " << got.error().message();
            if (got.error() == errc::protocol_error) {
                EXPECT_THAT(got.error().what(), HasSubstr("first words after the login")) << size;
            }
        }
    }
}

TEST(postgres_strange_server, answers_that_are_none_end_the_connection) {
    const std::string parsed = framed('1', "");
    const std::string bound = framed('2', "");
    const std::string up_to_row = parsed + bound + columns;
    const std::string two_cells("\0\2\0\0\0\0\0\0\0\0", 10);
    for (const std::string& wrong :
         {bound + answer, ready, parsed + parsed, parsed + bound + row, up_to_row + columns, up_to_row + ready,
          up_to_row + framed('D', two_cells), up_to_row + framed('D', row.substr(5, 4)),
          up_to_row + framed('C', "SELECT 1"), up_to_row + completed + framed('Z', "?"),
          up_to_row + completed + framed('Z', "II"), parsed + bound + framed('T', std::string_view("\0\1n\0", 4)),
          framed('E', "no error"), framed('R', std::string_view("\0\0\0\0", 4)), framed('S', "no parameter"),
          framed('?', ""), std::string("D\xff\xff\xff\xff", 5), std::string("1\0\0\0\3", 5)}) {
        const strange_server server("", {wrong});
        postgres_world world(strange_settings(server));
        const auto got = world.query("select n");
        ASSERT_FALSE(got) << testing::PrintToString(wrong);
        EXPECT_EQ(got.error(), errc::protocol_error) << testing::PrintToString(wrong) << got.error().message();
        EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().closed == 1; }));
    }
}

TEST(postgres_strange_server, what_nobody_asked_for_is_nobodys_answer) {
    const strange_server server("", {answer + framed('2', "") + row + completed + ready});
    postgres_world world(strange_settings(server));
    ASSERT_TRUE(world.query("select n"));
    EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().idle == 0; }));
    EXPECT_TRUE(world.query("select n")) << "on a connection of its own";
    EXPECT_EQ(world.db.connections().statistics().created, 2U);
}

/// A server whose first answer comes late, and a request to cancel that statement which ends later still.
struct late_cancel {
    late_cancel() : server("", {step(answer, 1300ms), ready, answer}), world(settings_of(server)) {
        server.hold_cancels(true);
    }
    static postgres::settings settings_of(const strange_server& at) {
        postgres::settings made = strange_settings(at);
        made.pool.cancel_abandoned = true;
        made.pool.statement_timeout = 1s;
        return made;
    }
    /// Until the statement has ended by itself after its time, while its cancel is still on its way.
    void run_out_of_time(postgres::pool::lease& on) {
        EXPECT_EQ(on.query("select n").wait().error(), errc::timeout);
        // The answer comes 300 ms after the time-out; that the client has read it shows nowhere.
        std::this_thread::sleep_for(600ms);
    }
    /// Lets the cancel go a little later, and then says what the server had been asked by then.
    [[nodiscard]] std::thread free_cancel(int& asked) {
        return std::thread([this, &asked] {
            std::this_thread::sleep_for(200ms);  // in which the next statement would come, if it was let
            asked = server.asked();
            server.hold_cancels(false);
        });
    }

    strange_server server;
    postgres_world world;
};

TEST(postgres_late_cancel, is_waited_for_before_the_next_borrower_has_the_connection) {
    late_cancel with;
    {
        auto lease = with.world.db.acquire().wait().value();
        with.run_out_of_time(lease);
    }
    int asked = 0;
    std::thread frees = with.free_cancel(asked);
    const auto got = with.world.query("select m");
    frees.join();
    EXPECT_TRUE(got) << got.error().message();
    EXPECT_EQ(asked, 1) << "nothing is sent while the signal may come";
    EXPECT_EQ(with.world.db.connections().statistics().created, 1U);
}

TEST(postgres_late_cancel, is_waited_for_before_the_next_statement_of_the_same_lease) {
    late_cancel with;
    auto lease = with.world.db.acquire().wait().value();
    with.run_out_of_time(lease);
    int asked = 0;
    std::thread frees = with.free_cancel(asked);
    const auto got = lease.query("select m").wait();
    frees.join();
    EXPECT_TRUE(got) << got.error().message();
    EXPECT_EQ(asked, 1) << "nothing is sent while the signal may come";
}

TEST(postgres_strange_server, what_comes_behind_the_end_of_a_copy_is_heard) {
    const std::string gone = framed('E', zero_ended({"SFATAL", "VFATAL", "C57P01", "Mgoing", ""}));
    const std::string copied = framed('H', std::string_view("\0\0\0", 3)) + framed('d', "7\n") + framed('c', "") +
                               framed('C', zero_ended({"COPY 1"})) + ready;
    const strange_server server("", {step(std::string_view("stdout\0", 7), copied + gone)});
    postgres_world world(strange_settings(server));
    postgres::copy_reader out = world.db.copy_out("copy t to stdout").wait().value();
    EXPECT_EQ(out.next().wait().value(), "7\n");
    EXPECT_EQ(out.next().wait().value(), "");
    EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().closed == 1; }));
}

TEST(postgres_strange_server, what_comes_instead_of_a_copys_end_may_mean_that_it_is_stored) {
    const auto fatal = [](const char* state, const char* message) {
        return framed('E', zero_ended({"SFATAL", "VFATAL", std::string("C") + state, std::string("M") + message, ""}));
    };
    const std::string copied = framed('C', zero_ended({"COPY 1"}));
    const auto finished_with = [](const std::string& what) {
        const strange_server server("",
                                    {step(std::string_view("stdin\0", 6), framed('G', std::string_view("\0\0\0", 3))),
                                     step(std::string_view("c\0\0\0\4", 5), what)});
        postgres_world world(strange_settings(server));
        postgres::copy_writer in = world.db.copy_in("copy t from stdin").wait().value();
        EXPECT_TRUE(in.write("7\n").wait());
        return in.finish().wait();
    };
    EXPECT_EQ(finished_with(copied + ready).value(), 1U);
    EXPECT_EQ(finished_with(fatal("57P01", "going")).error(), sql::errc::shutting_down);
    EXPECT_EQ(finished_with(fatal("57P02", "a neighbour")).error(), errc::maybe_executed);
    EXPECT_EQ(finished_with(fatal("08P01", "server conn crashed?")).error(), errc::maybe_executed);
    EXPECT_EQ(finished_with(copied + fatal("57P01", "going")).error(), errc::maybe_executed);
}

/// The loop does not hear of the reset before it sends, as it is kept busy here.
task<result<sql::rows>> ask_after_reset(postgres::pool& db, strange_server& server) {
    operation<postgres::pool::lease> asked = db.acquire();
    auto lease = co_await std::move(asked);
    if (!lease) co_return std::move(lease).error();
    operation<sql::rows> first = lease->query("select n");
    auto got = co_await std::move(first);
    if (!got) co_return std::move(got).error();
    server.reset_connection();
    operation<sql::rows> second = lease->query("select n");
    auto none = co_await std::move(second);
    co_return std::move(none);
}

TEST(postgres_strange_server, of_what_never_went_out_is_not_said_that_it_may_be_executed) {
    strange_server server("", {answer});
    postgres_world world(strange_settings(server));
    const auto got = world.io.run(ask_after_reset(world.db, server));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::connection_closed) << got.error().message();
}

}  // namespace
}  // namespace lido::test

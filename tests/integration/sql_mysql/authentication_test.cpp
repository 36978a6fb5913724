// Who may log in, by what, and what those hear who may not; and what a server that lies is not told.
#include "integration/sql_mysql/mysql_fixture.hpp"
#include "support/sql_load.hpp"
#include "support/test_certificates.hpp"
#include "support/test_sockets.hpp"

#include <pwd.h>
#include <unistd.h>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

std::string own_name() {
    const passwd* const me = getpwuid(geteuid());  // NOLINT(concurrency-mt-unsafe): no other thread asks
    return me == nullptr ? std::string("nobody") : std::string(me->pw_name);
}

class mysql_authentication : public testing::Test {
public:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<temporary_directory>();
        authority_ = std::make_unique<certificate_authority>(*folder_);
        certificate_request wanted;
        wanted.common_name = "localhost";
        wanted.dns = {"localhost"};
        wanted.ips = {"127.0.0.1"};
        const certificate_files files = authority_->issue(wanted);
        server_ = std::make_unique<mariadb_server>(std::vector<std::string>{"--plugin-load-add=auth_ed25519"},
                                                   files.certificate, files.key, authority_->ca_file());
        runtime io;
        mysql::pool_settings settings;
        settings.url = server_->url();
        mysql::pool db(io, settings);
        for (const std::string& each : {
                 fmt::format("create user clerk@'%' identified by '{}' require ssl", test_secret),
                 std::string("create user robot@'%' require subject '/CN=robot'"),
                 fmt::format("create user modern@'%' identified via ed25519 using password('{}')", test_secret),
                 fmt::format("create user if not exists '{}'@localhost identified via unix_socket", own_name()),
                 std::string("create user somebody@localhost identified via unix_socket"),
             }) {
            const auto made = db.query(sql::trusted_sql(each)).wait();
            if (!made) throw std::runtime_error(made.error().message());
        }
    }
    static void TearDownTestSuite() {
        server_.reset();
        authority_.reset();
        folder_.reset();
    }

protected:
    /// Whom the server takes him for.
    static result<std::string> log_in(const std::string& url, const certificate_files& own = {}) {
        runtime io;
        mysql::pool_settings settings;
        settings.url = url;
        settings.ca_file = authority_->ca_file();
        settings.certificate_file = own.certificate;
        settings.key_file = own.key;
        settings.pool.connections.down_fail_fast = 0s;
        mysql::pool db(io, settings);
        const auto got = db.query("select substring_index(current_user(), '@', 1)").wait();
        if (got) return (*got)[0][0].as<std::string>();
        EXPECT_THAT(got.error().message(), Not(HasSubstr(test_secret)));
        EXPECT_FALSE(got.error().remedy().empty()) << got.error().message();
        return got.error();
    }
    static std::string tcp(std::string_view user, std::string_view mode) {
        return fmt::format("mysql://{}@127.0.0.1:{}/?ssl-mode={}", user, server_->port(), mode);
    }
    static std::string clerk() { return fmt::format("clerk:{}", test_secret); }

    static inline std::unique_ptr<temporary_directory> folder_;
    static inline std::unique_ptr<certificate_authority> authority_;
    static inline std::unique_ptr<mariadb_server> server_;
};

TEST_F(mysql_authentication, by_password_over_verified_tls) {
    EXPECT_EQ(log_in(tcp(clerk(), "verify-full")).value(), "clerk");
    const auto wrong = log_in(tcp("clerk:hush-4711-wrong", "verify-full"));
    EXPECT_EQ(wrong.error(), sql::errc::authentication_failed) << wrong.error().message();
    const auto none = log_in(tcp("clerk", "verify-full"));
    EXPECT_EQ(none.error(), sql::errc::authentication_failed) << none.error().message();
}

TEST_F(mysql_authentication, who_speaks_plainly_where_tls_is_demanded_is_refused) {
    const auto plain = log_in(tcp(clerk(), "disabled"));
    EXPECT_EQ(plain.error(), sql::errc::authentication_failed) << plain.error().message();
}

TEST_F(mysql_authentication, by_certificate) {
    EXPECT_EQ(log_in(tcp("robot", "verify-full"), authority_->issue({.common_name = "robot"})).value(), "robot");
    const auto missing = log_in(tcp("robot", "verify-full"));
    EXPECT_EQ(missing.error(), sql::errc::authentication_failed) << missing.error().message();
    const auto of_another = log_in(tcp("robot", "verify-full"), authority_->issue({.common_name = "somebody"}));
    EXPECT_EQ(of_another.error(), sql::errc::authentication_failed) << of_another.error().message();
    certificate_authority stranger(*folder_, "Another CA");
    const auto of_a_stranger = log_in(tcp("robot", "verify-full"), stranger.issue({.common_name = "robot"}));
    ASSERT_FALSE(of_a_stranger);
    EXPECT_EQ(of_a_stranger.error(), lido::errc::tls_failed) << of_a_stranger.error().message();
}

TEST_F(mysql_authentication, files_that_cannot_be_read_are_named) {
    const certificate_files good = authority_->issue({.common_name = "robot"});
    const auto misspelt = log_in(tcp("robot", "verify-full"), {.certificate = good.certificate + "x", .key = good.key});
    EXPECT_EQ(misspelt.error(), lido::errc::tls_failed) << misspelt.error().message();
    EXPECT_THAT(misspelt.error().message(), HasSubstr(good.certificate + "x"));
}

TEST_F(mysql_authentication, by_a_signature_over_a_challenge) {
    const auto in = log_in(tcp(fmt::format("modern:{}", test_secret), "disabled"));
    ASSERT_TRUE(in) << in.error().message();
    EXPECT_EQ(*in, "modern");
    EXPECT_EQ(log_in(tcp("modern:hush-4711-wrong", "disabled")).error(), sql::errc::authentication_failed);
}

TEST_F(mysql_authentication, over_a_unix_socket_by_the_systems_name) {
    const auto url = [](std::string_view user) {
        return fmt::format("mysql://{}@/?socket={}", user, server_->socket());
    };
    EXPECT_EQ(log_in(url(own_name())).value(), own_name());
    const auto another = log_in(url("somebody"));
    EXPECT_EQ(another.error(), sql::errc::authentication_failed) << another.error().message();
    const auto nowhere = log_in("mysql://somebody@/?socket=/nowhere/server.sock");
    EXPECT_EQ(nowhere.error(), lido::errc::connect_failed) << nowhere.error().message();
    EXPECT_THAT(nowhere.error().message(), HasSubstr("/nowhere/server.sock"));
}

/// Speaks just enough of the protocol to ask a client for what it should not give.
class lying_server {
public:
    explicit lying_server(std::string answer_to_login)
        : answer_(std::move(answer_to_login)),
          listening_(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
        const net::address any = *net::address::from_literal("127.0.0.1", 0);
        checked_call(bind(listening_.get(), any.data(), any.size()), "bind");
        checked_call(listen(listening_.get(), 16), "listen");
        thread_ = std::thread([this] { serve(); });
    }
    lying_server(const lying_server&) = delete;
    lying_server& operator=(const lying_server&) = delete;
    ~lying_server() { stop(); }
    [[nodiscard]] std::uint16_t port() const { return net::address::local_of(listening_.get()).port(); }
    /// All that clients have sent.
    [[nodiscard]] const std::string& heard() {
        stop();
        return heard_;
    }

private:
    void stop() {
        ::shutdown(listening_.get(), SHUT_RDWR);
        if (thread_.joinable()) thread_.join();
    }
    static void send_packet(int to, std::uint8_t number, const std::string& payload) {
        const char head[4] = {static_cast<char>(payload.size()), 0, 0, static_cast<char>(number)};
        put(to, std::string(head, 4) + payload);
    }
    static std::string greeting() {
        std::string made =
            "\x0a"
            "10.11.0-MariaDB";
        made += std::string("\0\1\0\0\0salt1234\0", 14);
        made += std::string("\x89\xa2",
                            2);  // LONG_PASSWORD, CONNECT_WITH_DB, LOCAL_FILES, PROTOCOL_41, SECURE_CONNECTION …
        made += std::string("\x21\2\0", 3);  // character set, status
        made += std::string("\x08\0", 2);    // PLUGIN_AUTH
        made += std::string("\x15", 1) + std::string(10, '\0');
        made += std::string("salt56789012\0", 13);
        return made + std::string("mysql_native_password\0", 22);
    }
    void serve() {
        while (true) {
            const net::unique_descriptor client(accept(listening_.get(), nullptr, nullptr));
            if (!client.valid()) return;
            const timeval patience{2, 0};
            setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
            try {
                send_packet(client.get(), 0, greeting());
                hear(client.get());
                send_packet(client.get(), 2, answer_);
                hear(client.get());
                // What a client of LOAD DATA LOCAL would take as the name of the file that it is to send.
                send_packet(client.get(), 1, "\xfb/proc/self/environ");
                hear(client.get());
            } catch (const std::system_error&) {
                // The client has gone, as it should.
            }
        }
    }
    void hear(int from) {
        char space[4096];
        const auto got = recv(from, space, sizeof space, 0);
        if (got > 0) heard_.append(space, static_cast<std::size_t>(got));
    }

    std::string answer_;
    std::string heard_;
    net::unique_descriptor listening_;
    std::thread thread_;
};

error refused_by(const lying_server& server) {
    runtime io;
    mysql::pool_settings settings;
    settings.url = fmt::format("mysql://clerk:{}@127.0.0.1:{}/", test_secret, server.port());
    settings.pool.connections.down_fail_fast = 0s;
    mysql::pool db(io, settings);
    const auto got = db.query("select 1").wait();
    EXPECT_FALSE(got);
    return got ? error(lido::errc::cancelled, "it was believed") : got.error();
}

TEST(mysql_lying_server, that_asks_for_the_password_in_plain_text_does_not_get_it) {
    lying_server server(
        std::string("\xfe"
                    "mysql_clear_password\0",
                    22));
    const error refused = refused_by(server);
    EXPECT_EQ(refused, sql::errc::authentication_failed) << refused.message();
    EXPECT_THAT(server.heard(), HasSubstr("clerk"));
    EXPECT_THAT(server.heard(), Not(HasSubstr(test_secret)));
}

TEST(mysql_lying_server, that_asks_for_a_file_does_not_get_it) {
    lying_server server(std::string("\0\0\0\2\0\0\0", 7));
    const error refused = refused_by(server);
    EXPECT_THAT(refused.message(), Not(HasSubstr(test_secret)));
    EXPECT_THAT(server.heard(), HasSubstr("SET time_zone"));
    EXPECT_THAT(server.heard(), Not(HasSubstr("PATH=")));
}

}  // namespace
}  // namespace lido::test

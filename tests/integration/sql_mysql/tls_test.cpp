// Which servers are believed to be who they say they are.
#include "lido/net/runtime.hpp"
#include "lido/sql/mysql/pool.hpp"
#include "support/mariadb_server.hpp"
#include "support/test_certificates.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

/// A server whose certificate is for "localhost" and 127.0.0.1, signed by a CA of the test's own.
class mysql_tls : public testing::Test {
public:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<temporary_directory>();
        authority_ = std::make_unique<certificate_authority>(*folder_);
        certificate_request wanted;
        wanted.common_name = "localhost";
        wanted.dns = {"localhost"};
        wanted.ips = {"127.0.0.1"};
        const certificate_files files = authority_->issue(wanted);
        server_ = std::make_unique<mariadb_server>(std::vector<std::string>{}, files.certificate, files.key);
    }
    static void TearDownTestSuite() {
        server_.reset();
        authority_.reset();
        folder_.reset();
    }

protected:
    /// The protocol version that a session with these settings has.
    [[nodiscard]] result<std::string> connect(const std::string& host, mysql::tls_mode mode,
                                              const std::string& ca_file) {
        mysql::pool_settings settings;
        settings.url = "mysql://tester:lido%27s@" + host + ":" + std::to_string(server_->port()) + "/shop";
        settings.tls = mode;
        settings.ca_file = ca_file;
        settings.pool.connections.down_fail_fast = 0s;
        mysql::pool pool(io_, settings);
        auto lease = pool.acquire().wait();
        if (!lease) return lease.error();
        return lease->session().tls_version();
    }

    runtime io_;
    static inline std::unique_ptr<temporary_directory> folder_;
    static inline std::unique_ptr<certificate_authority> authority_;
    static inline std::unique_ptr<mariadb_server> server_;
};

TEST_F(mysql_tls, the_right_server_is_accepted_by_address_and_by_name) {
    for (const char* host : {"127.0.0.1", "localhost"}) {
        const auto version = connect(host, mysql::tls_mode::verify_full, authority_->ca_file());
        ASSERT_TRUE(version) << host << ": " << version.error().message();
        EXPECT_THAT(*version, testing::StartsWith("TLSv1.")) << host;
    }
}

TEST_F(mysql_tls, one_whose_ca_is_not_trusted_is_refused) {
    const auto refused = connect("127.0.0.1", mysql::tls_mode::verify_full, "");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::tls_failed) << refused.error().message();
}

TEST_F(mysql_tls, one_whose_certificate_is_for_another_host_is_refused) {
    certificate_request other;
    other.common_name = "elsewhere";
    other.dns = {"elsewhere"};
    const certificate_files files = authority_->issue(other);
    mariadb_server elsewhere({}, files.certificate, files.key);
    mysql::pool_settings settings;
    settings.url = elsewhere.url();
    settings.tls = mysql::tls_mode::verify_full;
    settings.ca_file = authority_->ca_file();
    settings.pool.connections.down_fail_fast = 0s;
    mysql::pool pool(io_, settings);
    const auto refused = pool.query("select 1").wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::tls_failed) << refused.error().message();
}

TEST_F(mysql_tls, near_servers_are_spoken_to_plainly_unless_told_otherwise) {
    EXPECT_EQ(connect("127.0.0.1", mysql::tls_mode::automatic, "").value(), "");
    EXPECT_EQ(connect("127.0.0.1", mysql::tls_mode::disabled, "").value(), "");
    EXPECT_THAT(connect("127.0.0.1", mysql::tls_mode::without_verification, "").value(), testing::StartsWith("TLSv1."));
}

TEST_F(mysql_tls, large_values_and_many_rows_go_there_and_come_back) {
    mysql::pool_settings settings;
    settings.url = server_->url();
    settings.tls = mysql::tls_mode::verify_full;
    settings.ca_file = authority_->ca_file();
    settings.pool.connections.max_size = 1;
    mysql::pool pool(io_, settings);
    const std::string value(10'000'000, 'x');
    const auto back = pool.query("select ?", value).wait();
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_TRUE((*back)[0][0].text() == value);
    const auto many = pool.query("select seq, repeat('y', 100) from seq_1_to_100000").wait();
    ASSERT_TRUE(many) << many.error().message();
    ASSERT_EQ(many->size(), 100'000U);
    EXPECT_EQ((*many)[99'999][0].as<int>().value(), 100'000);
    auto stream = pool.stream("select seq, repeat('z', 1000) from seq_1_to_20000").wait().value();
    std::int64_t count = 0;
    for (auto batch = stream.next().wait(); batch && !batch->empty(); batch = stream.next().wait()) {
        for (const sql::row each : *batch) EXPECT_EQ(each[0].as<std::int64_t>().value(), ++count);
    }
    EXPECT_EQ(count, 20'000);
    EXPECT_EQ(pool.connections().statistics().created, 1U);
}

TEST_F(mysql_tls, a_server_without_tls_is_refused_where_it_is_demanded) {
    mariadb_server plain;
    mysql::pool_settings settings;
    settings.url = plain.url() + "?ssl-mode=verify-full";
    settings.pool.connections.down_fail_fast = 0s;
    mysql::pool pool(io_, settings);
    const auto refused = pool.query("select 1").wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::tls_failed) << refused.error().message();
}

}  // namespace
}  // namespace lido::test

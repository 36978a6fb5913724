// Who may log in, by what, and what those hear who may not.
#include "postgres_world.hpp"
#include "support/sql_load.hpp"
#include "support/test_certificates.hpp"

#include <filesystem>
#include <memory>

#include <pwd.h>
#include <unistd.h>

namespace lido::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The system's name of who runs this test.
std::string own_name() {
    const passwd* const me = getpwuid(geteuid());  // NOLINT(concurrency-mt-unsafe): no other thread asks
    return me == nullptr ? std::string("nobody") : std::string(me->pw_name);
}

/// A server that asks `clerk` for a password, over TLS only, `robot` for a certificate, and whoever comes over the UNIX
/// socket for his system's name or, if it is `clerk`, for his password.
class postgres_authentication : public testing::Test {
public:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<temporary_directory>();
        authority_ = std::make_unique<certificate_authority>(*folder_);
        stranger_ = std::make_unique<certificate_authority>(*folder_, "Another CA");
        const certificate_files files = authority_->issue({.common_name = "localhost", .dns = {"localhost"}});
        server_ = std::make_unique<postgres_server>(postgres_configuration{
            .settings = "",
            .access = fmt::format("hostssl all clerk 127.0.0.1/32 scram-sha-256\nhost all clerk 127.0.0.1/32 reject\n"
                                  "hostssl all robot 127.0.0.1/32 cert\nlocal all clerk scram-sha-256\n"
                                  "local all \"{}\" peer\nlocal all somebody peer",
                                  own_name()),
            .certificate = files.certificate,
            .key = files.key,
            .client_authority = authority_->ca_file()});
        server_->ask(
            fmt::format("create user clerk password '{}'; create user robot; create user somebody; create "
                        "user \"{}\"",
                        test_secret, own_name()));
    }
    static void TearDownTestSuite() {
        server_.reset();
        stranger_.reset();
        authority_.reset();
        folder_.reset();
    }

protected:
    /// Whom the server takes him for, and whether their connection is protected.
    static result<std::string> log_in(const std::string& url, const certificate_files& own = {},
                                      const std::string& ca_file = authority_->ca_file()) {
        postgres::settings with = settings_for(url, 1);
        with.pool.connections.down_fail_fast = duration::zero();
        with.ca_file = ca_file;
        with.certificate_file = own.certificate;
        with.key_file = own.key;
        postgres_world world(with);
        auto got = world.query(
            "select current_user || case when ssl then ' over TLS' else '' end from pg_stat_ssl where pid = "
            "pg_backend_pid()");
        if (got) return (*got)[0][0].as<std::string>();
        EXPECT_THAT(got.error().message(), Not(HasSubstr(test_secret)));
        EXPECT_FALSE(got.error().remedy().empty()) << got.error().message();
        return got.error();
    }
    static std::string tls_url(std::string_view user, std::string_view mode = "verify-full") {
        return fmt::format("postgresql://{}@localhost:{}/postgres?sslmode={}", user, server_->port(), mode);
    }
    static std::string socket_url(std::string_view user) {
        return fmt::format("postgresql://{}@:{}/postgres?host={}", user, server_->port(), server_->socket_folder());
    }
    static std::string clerk() { return fmt::format("clerk:{}", test_secret); }
    /// A key that others can read is refused by libpq.
    static certificate_files private_files(certificate_authority& by, std::string_view name) {
        certificate_files files = by.issue({.common_name = std::string(name)});
        std::filesystem::permissions(files.key, std::filesystem::perms(0600));
        return files;
    }

    static inline std::unique_ptr<temporary_directory> folder_;
    static inline std::unique_ptr<certificate_authority> authority_;
    static inline std::unique_ptr<certificate_authority> stranger_;
    static inline std::unique_ptr<postgres_server> server_;
};

TEST_F(postgres_authentication, by_password_over_verified_tls) {
    const auto in = log_in(tls_url(clerk()));
    ASSERT_TRUE(in) << in.error().message();
    EXPECT_EQ(*in, "clerk over TLS");
}

TEST_F(postgres_authentication, a_wrong_password_and_none_are_told_apart_and_never_shown) {
    const auto wrong = log_in(tls_url("clerk:hush-4711-wrong"));
    EXPECT_EQ(wrong.error(), sql::errc::authentication_failed) << wrong.error().message();
    EXPECT_THAT(wrong.error().message(), HasSubstr("28P01"));
    const auto none = log_in(tls_url("clerk"));
    EXPECT_EQ(none.error(), sql::errc::authentication_failed) << none.error().message();
    EXPECT_THAT(none.error().message(), HasSubstr("password"));
}

TEST_F(postgres_authentication, who_speaks_plainly_where_tls_is_demanded_hears_so) {
    const auto plain = log_in(tls_url(clerk(), "disable"));
    EXPECT_EQ(plain.error(), sql::errc::authentication_failed) << plain.error().message();
    EXPECT_THAT(plain.error().message(), HasSubstr("pg_hba.conf"));
}

/// A password is never sent to a server that is not the right one.
TEST_F(postgres_authentication, a_server_of_another_authority_gets_no_password) {
    const auto refused = log_in(tls_url(clerk()), {}, stranger_->ca_file());
    EXPECT_EQ(refused.error(), errc::tls_failed) << refused.error().message();
}

TEST_F(postgres_authentication, by_certificate) {
    const auto in = log_in(tls_url("robot"), private_files(*authority_, "robot"));
    ASSERT_TRUE(in) << in.error().message();
    EXPECT_EQ(*in, "robot over TLS");
}

TEST_F(postgres_authentication, a_certificate_that_does_not_fit_is_refused_with_the_reason) {
    const auto missing = log_in(tls_url("robot"));
    EXPECT_EQ(missing.error(), sql::errc::authentication_failed) << missing.error().message();
    const auto of_another = log_in(tls_url("robot"), private_files(*authority_, "somebody"));
    EXPECT_EQ(of_another.error(), sql::errc::authentication_failed) << of_another.error().message();
    const auto of_a_stranger = log_in(tls_url("robot"), private_files(*stranger_, "robot"));
    EXPECT_EQ(of_a_stranger.error(), errc::tls_failed) << of_a_stranger.error().message();
}

TEST_F(postgres_authentication, files_that_cannot_be_used_are_named) {
    const certificate_files good = private_files(*authority_, "robot");
    const auto misspelt = log_in(tls_url("robot"), {.certificate = good.certificate + "x", .key = good.key});
    EXPECT_EQ(misspelt.error(), errc::tls_failed) << misspelt.error().message();
    EXPECT_THAT(misspelt.error().message(), HasSubstr(good.certificate + "x"));
    const auto no_authority = log_in(tls_url(clerk()), {}, "/nowhere/ca.pem");
    EXPECT_EQ(no_authority.error(), errc::tls_failed) << no_authority.error().message();
    EXPECT_THAT(no_authority.error().message(), HasSubstr("/nowhere/ca.pem"));
    std::filesystem::permissions(good.key, std::filesystem::perms(0644));
    const auto open_to_all = log_in(tls_url("robot"), good);
    EXPECT_EQ(open_to_all.error(), errc::tls_failed) << open_to_all.error().message();
    EXPECT_THAT(open_to_all.error().message(), HasSubstr(good.key));
}

TEST_F(postgres_authentication, over_a_unix_socket_by_the_systems_name_or_a_password) {
    EXPECT_EQ(log_in(socket_url(own_name())).value(), own_name());
    const auto another = log_in(socket_url("somebody"));
    EXPECT_EQ(another.error(), sql::errc::authentication_failed) << another.error().message();
    EXPECT_EQ(log_in(socket_url(clerk())).value(), "clerk");
    const auto wrong = log_in(socket_url("clerk:hush-4711-wrong"));
    EXPECT_EQ(wrong.error(), sql::errc::authentication_failed) << wrong.error().message();
    const auto nowhere = log_in("postgresql://clerk@/postgres?host=/nowhere");
    EXPECT_EQ(nowhere.error(), errc::connect_failed) << nowhere.error().message();
    EXPECT_THAT(nowhere.error().message(), HasSubstr("/nowhere"));
}

}  // namespace
}  // namespace lido::test

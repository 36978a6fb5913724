#include "sql/postgres/connect_parameters.hpp"

#include <gtest/gtest.h>

namespace lido::postgres {
namespace {

target read(const std::string& url) {
    return read_target({.url = url}).value();
}

connect_parameters first_of(const target& to, std::string_view address = {}) {
    return {to, to.places.at(0), address};
}

TEST(postgres_connect, the_url_fills_libpqs_parameters) {
    const target to = read("postgresql://shop:a%40b@db.example:6432/outfits?application_name=till");
    const connect_parameters made = first_of(to, "192.0.2.1");
    EXPECT_EQ(made.value_of("host"), "db.example");
    EXPECT_EQ(made.value_of("hostaddr"), "192.0.2.1");
    EXPECT_EQ(made.value_of("port"), "6432");
    EXPECT_EQ(made.value_of("user"), "shop");
    EXPECT_EQ(made.value_of("password"), "a@b");
    EXPECT_EQ(made.value_of("dbname"), "outfits");
    EXPECT_EQ(made.value_of("application_name"), "till");
    EXPECT_EQ(made.value_of("client_encoding"), "UTF8");
}

TEST(postgres_connect, a_server_elsewhere_must_prove_its_name) {
    const connect_parameters made = first_of(read("postgresql://db.example/outfits"), "192.0.2.1");
    EXPECT_EQ(made.value_of("sslmode"), "verify-full");
    EXPECT_EQ(made.value_of("gssencmode"), "disable");
}

TEST(postgres_connect, nearby_servers_are_spoken_to_in_plain_text) {
    EXPECT_EQ(first_of(read("postgresql:///outfits?host=/run/postgresql")).value_of("sslmode"), "disable");
    EXPECT_EQ(first_of(read("postgresql://localhost/outfits"), "127.0.0.1").value_of("sslmode"), "disable");
    EXPECT_EQ(first_of(read("postgresql://[::1]/outfits"), "::1").value_of("sslmode"), "disable");
}

TEST(postgres_connect, tls_is_what_the_url_says) {
    const connect_parameters made =
        first_of(read("postgresql://localhost/outfits?sslmode=verify-ca&sslrootcert=/ca.pem&sslcert=/c.pem"), "::1");
    EXPECT_EQ(made.value_of("sslmode"), "verify-ca");
    EXPECT_EQ(made.value_of("sslrootcert"), "/ca.pem");
    EXPECT_EQ(made.value_of("sslcert"), "/c.pem");
    EXPECT_EQ(made.value_of("sslkey"), "");
}

TEST(postgres_connect, what_falls_back_to_plain_text_is_refused) {
    for (const char* mode : {"allow", "prefer", ""}) {
        const auto made = read_target({.url = std::string("postgresql://db.example/x?sslmode=") + mode});
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error(), errc::invalid_argument);
    }
}

TEST(postgres_connect, the_role_may_be_said_in_libpqs_words) {
    EXPECT_EQ(read("postgresql://a,b/x").role, server_role::primary);
    EXPECT_EQ(read("postgresql://a,b/x?target_session_attrs=standby").role, server_role::replica);
    EXPECT_EQ(read("postgresql://a,b/x?role=any").role, server_role::any);
}

TEST(postgres_connect, an_unknown_option_is_named) {
    const auto made = read_target({.url = "postgresql://a/x?ssl=yes"});
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().what().find("option ssl "), std::string::npos);
}

TEST(postgres_settings, are_refused_by_name) {
    settings fine{.url = "postgresql:///x"};
    EXPECT_TRUE(fine.validate());
    EXPECT_FALSE(settings{.url = "mysql://a/x"}.validate());
    const auto expect_named = [](const settings& wrong, std::string_view name) {
        const auto valid = wrong.validate();
        ASSERT_FALSE(valid) << name;
        EXPECT_NE(valid.error().what().find(name), std::string::npos) << valid.error().what();
    };
    settings wrong = fine;
    wrong.pipeline_depth = 0;
    expect_named(wrong, "pipeline_depth");
    wrong = fine;
    wrong.shared_connections = 1001;
    expect_named(wrong, "shared_connections");
    wrong = fine;
    wrong.shared_patience = duration::zero();
    expect_named(wrong, "shared_patience");
    wrong = fine;
    wrong.application_name = std::string(64, 'a');
    expect_named(wrong, "application_name");
    wrong = fine;
    wrong.transaction_pooling = true;
    wrong.pool.reset = sql::reset_policy::full;
    expect_named(wrong, "transaction_pooling");
}

}  // namespace
}  // namespace lido::postgres

#include "sql/mysql/place.hpp"

#include <gmock/gmock.h>

namespace lido::mysql {
namespace {

using testing::HasSubstr;
using testing::Not;

result<place> place_of(std::string url, tls_mode mode = tls_mode::automatic) {
    pool_settings from;
    from.url = std::move(url);
    from.tls = mode;
    return place::of(from);
}

TEST(mysql_place, hosts_and_sockets) {
    const auto far = place_of("mysql://anna:x@db.example/shop").value();
    EXPECT_EQ(far.host, "db.example");
    EXPECT_EQ(far.port, 3306);
    EXPECT_EQ(far.to_text(), "db.example:3306");
    EXPECT_EQ(place_of("mysql://anna@/shop?socket=/run/db.sock")->unix_socket, "/run/db.sock");
    EXPECT_EQ(place_of("mysql://%2Frun%2Fdb.sock/shop")->unix_socket, "/run/db.sock");
    EXPECT_EQ(place_of("mysql:///shop")->host, "127.0.0.1");
}

TEST(mysql_place, what_is_far_is_verified_unless_the_user_says_otherwise) {
    struct row {
        const char* url;
        tls_mode mode;
        bool tls;
        bool verify;
    };
    const row rows[] = {
        {"mysql://db.example/shop", tls_mode::automatic, true, true},
        {"mysql://10.0.0.1/shop", tls_mode::automatic, true, true},
        {"mysql://127.0.0.1/shop", tls_mode::automatic, false, false},
        {"mysql://127.8.8.8/shop", tls_mode::automatic, false, false},
        {"mysql://[::1]/shop", tls_mode::automatic, false, false},
        {"mysql://localhost/shop", tls_mode::automatic, false, false},
        {"mysql://localhost.example/shop", tls_mode::automatic, true, true},
        {"mysql:///shop?socket=/run/db.sock", tls_mode::automatic, false, false},
        {"mysql://127.0.0.1/shop", tls_mode::verify_full, true, true},
        {"mysql://db.example/shop", tls_mode::disabled, false, false},
        {"mysql://db.example/shop", tls_mode::without_verification, true, false},
        {"mysql://db.example/shop?ssl-mode=disabled", tls_mode::verify_full, false, false},
        {"mysql://db.example/shop?ssl-mode=verify-full", tls_mode::disabled, true, true},
    };
    for (const row& each : rows) {
        const auto found = place_of(each.url, each.mode);
        ASSERT_TRUE(found) << each.url;
        EXPECT_EQ(found->tls, each.tls) << each.url;
        EXPECT_EQ(found->verify, each.verify) << each.url;
    }
}

TEST(mysql_place, what_is_wrong_is_named_and_the_password_never) {
    const std::pair<const char*, const char*> cases[] = {
        {"postgresql://anna:topsecret@db/shop", "no mysql: URL"},
        {"mysql://anna:topsecret@one,two/shop", "several hosts"},
        {"mysql://anna:topsecret@db/shop?ssl-mode=maybe", "ssl-mode=maybe"},
        {"mysql://anna:topsecret@db/shop?sslmode=require", "sslmode"},
        {"mysql://anna:topsecret@db/shop?socket=/run/s", "a host and a UNIX socket"},
        {"mysql://anna:topsecret@%2Frun%2Fa/shop?socket=/run/s", "two UNIX sockets"},
        {"mysql://anna:topsecret@db/shop?ssl-cert=/c.pem", "certificate"},
        {"", "scheme"},
    };
    for (const auto& [url, word] : cases) {
        const auto wrong = place_of(url);
        ASSERT_FALSE(wrong) << url;
        EXPECT_EQ(wrong.error(), lido::errc::invalid_argument);
        EXPECT_THAT(wrong.error().message(), HasSubstr(word));
        EXPECT_THAT(wrong.error().message(), Not(HasSubstr("topsecret")));
    }
}

}  // namespace
}  // namespace lido::mysql

#include "without_password.hpp"

#include <gtest/gtest.h>

namespace lido::cli {
namespace {

TEST(without_password, hides_what_stands_between_the_users_name_and_the_host) {
    EXPECT_EQ(without_password("postgresql://app:hunter2@db/shop"), "postgresql://app:***@db/shop");
    EXPECT_EQ(without_password("postgresql://app:hun@ter2/x@db:5432/shop"), "postgresql://app:***@db:5432/shop");
    EXPECT_EQ(without_password("https://:secret@host/"), "https://:***@host/");
    EXPECT_EQ(without_password("app:hunter2@db"), "app:***@db");
}

TEST(without_password, hides_what_is_given_as_an_option) {
    EXPECT_EQ(without_password("mysql://db/shop?password=hunter2&a=b"), "mysql://db/shop?password=***&a=b");
    EXPECT_EQ(without_password("mysql://db/shop?password="), "mysql://db/shop?password=***");
}

TEST(without_password, leaves_the_rest_as_it_is) {
    for (const char* each :
         {"", "shop.db", "http://host:8080/a?b=c", "postgresql://app@db:5432/shop", "a@b", "--param"}) {
        EXPECT_EQ(without_password(each), each);
    }
}

}  // namespace
}  // namespace lido::cli

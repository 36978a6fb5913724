#include "sql/mysql/gtids.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lido::mysql {
namespace {

const std::string first = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const std::string second = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

sql::log_numbers ranges(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> all) {
    sql::log_numbers made;
    for (const auto& [from, to] : all) made.add(from, to);
    return made;
}

TEST(mariadb_gtids, positions_are_read_for_each_domain) {
    EXPECT_EQ(read_gtids("0-1-100").value(), (sql::log_position{{0, 100}}));
    EXPECT_EQ(read_gtids("0-1-100,7-2-18446744073709551615").value(),
              (sql::log_position{{0, 100}, {7, 18446744073709551615U}}));
    EXPECT_TRUE(read_gtids("").value().empty());
    EXPECT_EQ(read_gtids("0-1-5,0-2-9").value(), (sql::log_position{{0, 9}})) << "the furthest of two servers";
}

TEST(mariadb_gtids, what_is_none_is_refused) {
    for (const char* wrong :
         {"0", "0-1", "0-1-", "0-1-x", "0-1-1x", "a-1-1", "3E11FA47-71CA-11E1-9E33:1-5", "0-1-1,,", "0-1-1,"}) {
        EXPECT_FALSE(read_gtids(wrong)) << wrong;
    }
}

TEST(mysql_gtids, sets_are_read_for_each_server) {
    EXPECT_TRUE(read_gtid_set("").value().empty());
    EXPECT_TRUE(read_gtid_set(" \n").value().empty());
    EXPECT_EQ(read_gtid_set(first + ":23").value(), (sql::log_position{{first, ranges({{23, 23}})}}));
    EXPECT_EQ(read_gtid_set(first + ":1-5:7").value(), (sql::log_position{{first, ranges({{1, 5}, {7, 7}})}}));
    EXPECT_EQ(read_gtid_set(first + ":1-5," + second + ":1-3").value(),
              (sql::log_position{{first, ranges({{1, 5}})}, {second, ranges({{1, 3}})}}));
    EXPECT_EQ(read_gtid_set(first + ":9223372036854775807").value(),
              (sql::log_position{{first, ranges({{9223372036854775807, 9223372036854775807}})}}));
}

TEST(mysql_gtids, sets_are_read_as_servers_show_them_with_lines_and_capital_letters) {
    EXPECT_EQ(read_gtid_set("3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5,\n " + second + ":1-3\n").value(),
              (sql::log_position{{first, ranges({{1, 5}})}, {second, ranges({{1, 3}})}}));
}

TEST(mysql_gtids, one_server_named_twice_has_all_of_both) {
    EXPECT_EQ(read_gtid_set(first + ":1-5," + first + ":6-9:4-7").value(),
              (sql::log_position{{first, ranges({{1, 9}})}}));
}

TEST(mysql_gtids, tags_are_origins_of_their_own) {
    const sql::log_position wanted{
        {first, ranges({{1, 3}})}, {first + ":domain_1", ranges({{1, 5}, {8, 8}})}, {first + ":b", ranges({{2, 2}})}};
    EXPECT_EQ(read_gtid_set(first + ":1-3:Domain_1:1-5:8:b:2").value(), wanted);
    EXPECT_EQ(read_gtid_set(first + ":1-3," + first + ":domain_1:1-5:8," + first + ":b:2").value(), wanted);
}

TEST(mysql_gtids, what_is_none_is_refused) {
    const std::string long_tag(33, 'a');
    for (const std::string& wrong : {first,
                                     first + ":",
                                     first + ":0",
                                     first + ":5-1",
                                     first + ":1-",
                                     first + ":-1",
                                     first + ":1-2-3",
                                     first + ":9223372036854775808",
                                     first + ":1-5:",
                                     first + "::1",
                                     first + ":tag",
                                     first + ":tag:other:1",
                                     first + ":1:tag",
                                     first + ":tag-1:1",
                                     first + ":" + long_tag + ":1",
                                     first + ":1-5,",
                                     first + ":1-5,,",
                                     "," + first + ":1",
                                     std::string("0-1-100"),
                                     first.substr(1) + ":1",
                                     first + "0:1",
                                     "g" + first.substr(1) + ":1",
                                     first + ":1 2"}) {
        EXPECT_FALSE(read_gtid_set(wrong)) << wrong;
    }
}

TEST(mysql_gtids, a_replica_with_a_gap_lacks_what_is_in_it) {
    const auto at = [](std::string_view text) { return read_gtid_set(text).value(); };
    EXPECT_TRUE(covers(at(first + ":1-9"), at(first + ":1-5:7")));
    EXPECT_FALSE(covers(at(first + ":1-5:7-9"), at(first + ":1-6")));
    EXPECT_FALSE(covers(at(first + ":1-9"), at(first + ":1-9," + second + ":1")));
    EXPECT_FALSE(covers(at(first + ":1-9"), at(first + ":tag:1")));
    EXPECT_TRUE(covers(at(first + ":1-9," + second + ":1-3"), at(second + ":2")));
    EXPECT_TRUE(covers(at(""), at("")));
}

}  // namespace
}  // namespace lido::mysql

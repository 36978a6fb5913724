#include "sql/postgres/text_parameters.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace lido::postgres {
namespace {

std::string text_of(const sql::value& of) {
    text_parameters made;
    const sql::parameters one{of};
    made.fill(one).value();
    EXPECT_EQ(made.formats()[0], 0);
    return made.values()[0];
}

TEST(postgres_parameters, are_text_as_the_server_reads_it) {
    EXPECT_EQ(text_of(true), "t");
    EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(text_of(0.1), "0.1");
    EXPECT_EQ(text_of(std::numeric_limits<double>::infinity()), "Infinity");
    EXPECT_EQ(text_of(-std::numeric_limits<double>::infinity()), "-Infinity");
    EXPECT_EQ(text_of(std::numeric_limits<double>::quiet_NaN()), "NaN");
    EXPECT_EQ(text_of("it's"), "it's");
    EXPECT_EQ(text_of(sql::timestamp(std::chrono::microseconds(1))), "1970-01-01 00:00:00.000001+00");
    EXPECT_EQ(text_of(sql::uuid{}), "00000000-0000-0000-0000-000000000000");
    EXPECT_EQ(text_of(sql::json("{}")), "{}");
}

TEST(postgres_parameters, null_is_a_null_pointer_and_empty_bytes_are_not) {
    text_parameters made;
    const sql::parameters both{sql::null, sql::bytes{}};
    ASSERT_TRUE(made.fill(both));
    EXPECT_EQ(made.count(), 2);
    EXPECT_EQ(made.values()[0], nullptr);
    EXPECT_NE(made.values()[1], nullptr);
    EXPECT_EQ(made.formats()[1], 1);
    EXPECT_EQ(made.lengths()[1], 0);
}

TEST(postgres_parameters, bytes_are_sent_as_they_are) {
    text_parameters made;
    const sql::parameters one{sql::bytes{std::byte{0}, std::byte{255}}};
    ASSERT_TRUE(made.fill(one));
    EXPECT_EQ(made.formats()[0], 1);
    EXPECT_EQ(std::string(made.values()[0], static_cast<std::size_t>(made.lengths()[0])), std::string("\0\xff", 2));
}

TEST(postgres_parameters, arrays_are_literals_with_null_and_bytes_in_them) {
    const sql::array of({sql::value(1), sql::value("a\"b"), sql::value(), sql::value(sql::bytes{std::byte{10}})});
    EXPECT_EQ(text_of(of), R"({"1","a\"b",NULL,"\\x0a"})");
}

TEST(postgres_parameters, a_zero_byte_in_a_text_is_refused_instead_of_cut_off) {
    text_parameters made;
    for (const sql::value& each : {sql::value(std::string("a\0b", 3)), sql::value(sql::json(std::string("\0", 1))),
                                   sql::value(sql::array(std::vector<sql::value>{sql::value(std::string("\0", 1))}))}) {
        const sql::parameters one{each};
        const auto filled = made.fill(one);
        ASSERT_FALSE(filled);
        EXPECT_EQ(filled.error(), errc::invalid_argument);
    }
}

TEST(postgres_parameters, more_than_the_protocol_can_count_are_refused) {
    text_parameters made;
    EXPECT_TRUE(made.fill(sql::parameters(65535)));
    EXPECT_FALSE(made.fill(sql::parameters(65536)));
}

TEST(postgres_parameters, an_array_in_an_array_is_refused) {
    text_parameters made;
    const sql::parameters one{sql::value(sql::array({sql::value(sql::array())}))};
    EXPECT_FALSE(made.fill(one));
}

}  // namespace
}  // namespace lido::postgres

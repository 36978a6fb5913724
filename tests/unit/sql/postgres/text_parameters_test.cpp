#include "sql/postgres/text_parameters.hpp"

#include "sql/postgres/message_body.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace lido::postgres {
namespace {

struct parameter {
    int format = 0;
    std::optional<std::string> value;
};

/// What a Bind message says, as the server reads it.
std::vector<parameter> sent(const sql::parameters& of) {
    text_parameters made;
    made.fill(of).value();
    body_reader from(made.encoded());
    std::vector<parameter> all(from.number16());
    for (parameter& each : all) each.format = from.number16();
    EXPECT_EQ(from.number16(), all.size());
    for (parameter& each : all) {
        const std::int32_t size = from.number32();
        if (size >= 0) each.value = from.bytes(static_cast<std::size_t>(size));
    }
    EXPECT_TRUE(from.is_complete());
    return all;
}

std::string text_of(const sql::value& of) {
    const sql::parameters one{of};
    const parameter only = sent(one).at(0);
    EXPECT_EQ(only.format, 0);
    return only.value.value();
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

TEST(postgres_parameters, null_has_no_length_and_empty_bytes_and_texts_have_none_of_it) {
    const sql::parameters all{sql::null, sql::bytes{}, sql::value("")};
    const std::vector<parameter> read = sent(all);
    EXPECT_EQ(read[0].value, std::nullopt);
    EXPECT_EQ(read[1].value, "");
    EXPECT_EQ(read[1].format, 1);
    EXPECT_EQ(read[2].value, "");
    EXPECT_EQ(read[2].format, 0);
}

TEST(postgres_parameters, bytes_are_sent_as_they_are) {
    const sql::parameters one{sql::bytes{std::byte{0}, std::byte{255}}};
    const parameter only = sent(one).at(0);
    EXPECT_EQ(only.format, 1);
    EXPECT_EQ(only.value, std::string("\0\xff", 2));
}

TEST(postgres_parameters, filled_again_nothing_is_left_of_the_values_before) {
    text_parameters made;
    const sql::parameters many{1, "two", sql::null};
    const sql::parameters one{3};
    ASSERT_TRUE(made.fill(many));
    ASSERT_TRUE(made.fill(one));
    EXPECT_EQ(made.encoded(), std::string_view("\0\1\0\0\0\1\0\0\0\0013", 11));
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

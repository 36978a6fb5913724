#include "sql/postgres/message_body.hpp"

#include <gtest/gtest.h>

namespace lido::postgres {
namespace {

std::string column(std::string_view name, char type, char format = '\0') {
    std::string made(name);
    made += std::string("\0\0\0\0\0\0\0\0\0\0", 10);
    made += type;
    made += std::string("\0\4\xff\xff\xff\xff\0", 7);
    made += format;
    return made;
}

TEST(postgres_message_body, is_read_field_by_field_and_not_beyond_its_end) {
    body_reader from(std::string_view("\1\2\xff\xff\xff\xfex\0y", 9));
    EXPECT_EQ(from.number16(), 0x102);
    EXPECT_EQ(from.number32(), -2);
    EXPECT_EQ(from.text(), "x");
    EXPECT_FALSE(from.is_complete());
    EXPECT_EQ(from.bytes(1), "y");
    EXPECT_TRUE(from.is_complete());
    EXPECT_EQ(from.number16(), 0);
    EXPECT_TRUE(from.failed());
    EXPECT_FALSE(from.is_complete());
}

TEST(postgres_message_body, a_text_without_its_end_is_none) {
    body_reader from("abc");
    EXPECT_EQ(from.text(), "");
    EXPECT_TRUE(from.failed());
}

TEST(postgres_message_body, columns_have_names_and_types) {
    const auto shape = read_row_shape(std::string("\0\2", 2) + column("id", '\x17') + column("", '\x19'));
    ASSERT_NE(shape, nullptr);
    EXPECT_EQ(*shape->names, (std::vector<std::string>{"id", ""}));
    EXPECT_EQ(shape->types, (std::vector<std::uint32_t>{23, 25}));
    EXPECT_TRUE(shape->returns_rows);
    EXPECT_NE(read_row_shape(std::string("\0\0", 2)), nullptr) << "select from t";
}

TEST(postgres_message_body, columns_that_are_cut_off_or_in_binary_form_are_none) {
    const std::string whole = std::string("\0\1", 2) + column("id", '\x17');
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_EQ(read_row_shape(whole.substr(0, size)), nullptr);
    EXPECT_EQ(read_row_shape(whole + "x"), nullptr);
    EXPECT_EQ(read_row_shape(std::string("\0\1", 2) + column("id", '\x17', '\1')), nullptr);
    EXPECT_EQ(read_row_shape(std::string("\xff\xff", 2)), nullptr) << "no memory is taken for a number alone";
}

TEST(postgres_message_body, the_state_between_statements_is_one_of_three) {
    EXPECT_EQ(read_ready("I"), sql::session_state::idle);
    EXPECT_EQ(read_ready("T"), sql::session_state::open);
    EXPECT_EQ(read_ready("E"), sql::session_state::failed);
    EXPECT_EQ(read_ready("X"), std::nullopt);
}

TEST(postgres_message_body, a_tag_ends_with_its_count_if_it_has_one) {
    EXPECT_EQ(read_tag(std::string_view("INSERT 0 5\0", 11)), "INSERT 0 5");
    EXPECT_EQ(read_tag("INSERT 0 5"), std::nullopt);
    EXPECT_EQ(count_of_tag("INSERT 0 5"), 5U);
    EXPECT_EQ(count_of_tag("SELECT 18446744073709551615"), 18446744073709551615U);
    EXPECT_EQ(count_of_tag("UPDATE 184467440737095516150"), 0U);
    EXPECT_EQ(count_of_tag("CREATE TABLE"), 0U);
    EXPECT_EQ(count_of_tag("BEGIN"), 0U);
}

TEST(postgres_message_body, a_parameter_has_a_name_and_a_value) {
    const auto made = read_parameter(std::string_view("TimeZone\0\0", 10));
    ASSERT_TRUE(made);
    EXPECT_EQ(made->name, "TimeZone");
    EXPECT_EQ(made->value, "");
    EXPECT_FALSE(read_parameter(std::string_view("TimeZone\0", 9)));
    EXPECT_FALSE(read_parameter(std::string_view("\0UTC\0", 5)));
    EXPECT_FALSE(read_parameter(std::string_view("a\0b\0c", 5)));
}

TEST(postgres_message_body, a_notification_has_sender_channel_and_payload) {
    const auto made = read_notification(std::string_view("\0\0\1\2news\0it's new\0", 18));
    ASSERT_TRUE(made);
    EXPECT_EQ(made->sender, 258);
    EXPECT_EQ(made->channel, "news");
    EXPECT_EQ(made->payload, "it's new");
    EXPECT_FALSE(read_notification(std::string_view("\0\0\1\2news\0", 9)));
}

}  // namespace
}  // namespace lido::postgres

#include "sql/mysql/packet_body.hpp"
#include "sql/mysql/result_shape.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lido::mysql {
namespace {

struct defined {
    std::string name = "it";
    unsigned type = 3;
    unsigned character_set = 63;
    unsigned flags = 0;
    unsigned decimals = 0;
    bool is_extended = false;
};

std::string definition(const defined& of) {
    std::string made;
    for (const std::string_view each : {"def", "shop", "t", "outfit"}) append_text(made, each);
    append_text(made, of.name);
    append_text(made, "own name");
    if (of.is_extended) append_text(made, std::string_view("\0\4json", 6));
    append_length(made, 12);
    append_number(made, of.character_set, 2);
    append_number(made, 11, 4);
    append_number(made, of.type, 1);
    append_number(made, of.flags, 2);
    append_number(made, of.decimals, 1);
    append_number(made, 0, 2);
    return made;
}

std::shared_ptr<const result_shape> shape_of(std::initializer_list<defined> columns,
                                             const std::shared_ptr<const result_shape>& known = nullptr) {
    column_definitions all;
    for (const defined& each : columns) EXPECT_TRUE(all.add(definition(each)));
    return all.shape(known);
}

TEST(mysql_result_shape, has_the_names_and_types_of_its_columns) {
    const auto shape = shape_of({{.name = "a", .type = 8, .flags = 0x20},
                                 {.name = "", .type = 12, .decimals = 6},
                                 {.name = "ä", .type = 253, .character_set = 45}});
    ASSERT_NE(shape, nullptr);
    EXPECT_EQ(*shape->names, (std::vector<std::string>{"a", "", "ä"}));
    EXPECT_EQ(shape->columns[0].type, column_type::int64);
    EXPECT_TRUE(shape->columns[0].is_unsigned);
    EXPECT_EQ(shape->columns[1].type, column_type::datetime);
    EXPECT_EQ(shape->columns[1].decimals, 6);
    EXPECT_FALSE(shape->columns[1].is_binary) << "times have no character set, and are texts";
    EXPECT_FALSE(shape->columns[2].is_binary);
}

TEST(mysql_result_shape, texts_without_a_character_set_are_bytes) {
    for (const unsigned type : {15U, 249U, 250U, 251U, 252U, 253U, 254U, 255U}) {
        EXPECT_TRUE(shape_of({{.type = type}})->columns[0].is_binary) << type;
        EXPECT_FALSE(shape_of({{.type = type, .character_set = 45}})->columns[0].is_binary) << type;
    }
    EXPECT_TRUE(shape_of({{.type = 16, .character_set = 45}})->columns[0].is_binary) << "bits";
    EXPECT_FALSE(shape_of({{.type = 246}})->columns[0].is_binary) << "decimals";
    EXPECT_FALSE(shape_of({{.type = 245}})->columns[0].is_binary) << "JSON";
}

TEST(mysql_result_shape, words_about_further_types_are_passed_over) {
    const auto shape = shape_of({{.name = "a", .type = 252, .character_set = 45, .is_extended = true}, {.name = "b"}});
    ASSERT_NE(shape, nullptr);
    EXPECT_EQ(*shape->names, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(shape->columns[0].type, column_type::blob);
}

TEST(mysql_result_shape, is_shared_while_the_server_says_the_same) {
    const auto first = shape_of({{.name = "a"}, {.name = "b"}});
    EXPECT_EQ(shape_of({{.name = "a"}, {.name = "b"}}, first), first);
    EXPECT_NE(shape_of({{.name = "a"}, {.name = "c"}}, first), first);
    EXPECT_NE(shape_of({{.name = "a"}, {.name = "b", .type = 8}}, first), first);
    EXPECT_NE(shape_of({{.name = "a"}}, first), first);
}

TEST(mysql_result_shape, what_is_no_definition_makes_none) {
    const std::string whole = definition({});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        column_definitions all;
        ASSERT_TRUE(all.add(std::string_view(whole).substr(0, size)));
        EXPECT_EQ(all.shape(nullptr), nullptr) << size;
    }
    column_definitions longer;
    ASSERT_TRUE(longer.add(whole + "x"));
    EXPECT_EQ(longer.shape(nullptr), nullptr);
    for (const unsigned type : {17U, 20U, 100U, 243U, 244U}) EXPECT_EQ(shape_of({{.type = type}}), nullptr) << type;
}

TEST(mysql_result_shape, definitions_are_bounded_together) {
    column_definitions all;
    const std::string large(std::size_t{5} * 1024 * 1024, 'x');
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(all.add(large));
    EXPECT_FALSE(all.add(large));
    all.clear();
    EXPECT_TRUE(all.add(large));
}

}  // namespace
}  // namespace lido::mysql

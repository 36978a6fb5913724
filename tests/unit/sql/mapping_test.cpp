#include "lido/sql/mapping.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

namespace {

struct person {
    std::int64_t id = 0;
    std::string name;
    std::optional<std::uint8_t> age;
};

}  // namespace

template <>
struct lido::sql::mapping<person> {
    static constexpr auto columns =
        std::tuple(lido::sql::column("id", &person::id), lido::sql::column("name", &person::name),
                   lido::sql::column("age", &person::age));
};

namespace lido::sql {
namespace {

using testing::HasSubstr;

rows people() {
    rows made;
    for (const char* name : {"age", "unused", "name", "id"}) made.add_column(name);
    made.add(std::int64_t{42});
    made.add_null();
    made.add_text("Ada");
    made.add(std::int64_t{7});
    made.add_null();
    made.add_null();
    made.add_text("Bob");
    made.add(std::int64_t{8});
    return made;
}

TEST(mapping_test, makes_structs_of_rows_by_the_names_of_columns) {
    const auto all = people().as<person>().value();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].id, 7);
    EXPECT_EQ(all[0].name, "Ada");
    EXPECT_EQ(all[0].age, std::uint8_t{42});
    EXPECT_EQ(all[1].name, "Bob");
    EXPECT_EQ(all[1].age, std::nullopt);
}

TEST(mapping_test, makes_nothing_of_no_rows) {
    rows none = people();
    none.clear_rows();
    EXPECT_TRUE(none.as<person>().value().empty());
}

TEST(mapping_test, names_a_column_that_is_missing_though_there_are_no_rows) {
    rows none;
    none.add_column("id");
    const auto refused = none.as<person>();
    EXPECT_TRUE(refused.error() == lido::errc::invalid_argument);
    EXPECT_THAT(refused.error().what(), HasSubstr("name"));
}

TEST(mapping_test, names_row_column_and_reason_of_a_value_that_does_not_fit) {
    rows some = people();
    some.add(std::int64_t{256});
    some.add_null();
    some.add_text("Eve");
    some.add(std::int64_t{9});
    const auto refused = some.as<person>();
    EXPECT_TRUE(refused.error() == lido::errc::invalid_argument);
    EXPECT_THAT(refused.error().what(), HasSubstr("row 3"));
    EXPECT_THAT(refused.error().what(), HasSubstr("age"));
    EXPECT_THAT(refused.error().what(), HasSubstr("255"));
}

TEST(mapping_test, refuses_null_for_a_member_that_cannot_be_nothing) {
    rows some = people();
    some.add_null();
    some.add_null();
    some.add_null();
    some.add(std::int64_t{9});
    const auto refused = some.as<person>();
    EXPECT_THAT(refused.error().what(), HasSubstr("name"));
    EXPECT_THAT(refused.error().what(), HasSubstr("NULL"));
}

}  // namespace
}  // namespace lido::sql

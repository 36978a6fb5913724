#include "sql/postgres/message_writer.hpp"

#include <gtest/gtest.h>

namespace lido::postgres {
namespace {

using namespace std::string_view_literals;

template <class Write>
std::string written(Write write) {
    std::string made = "before";
    message_writer to(made);
    write(to);
    EXPECT_TRUE(made.starts_with("before"));
    return made.substr(6);
}

TEST(postgres_message_writer, a_statement_is_parsed_under_its_name_without_types) {
    EXPECT_EQ(written([](message_writer& to) { to.parse("lido_1", "select $1"); }),
              "P\0\0\0\x17lido_1\0select $1\0\0\0"sv);
    EXPECT_EQ(written([](message_writer& to) { to.parse("", ""); }), "P\0\0\0\x8\0\0\0\0"sv);
}

TEST(postgres_message_writer, values_are_bound_to_the_nameless_portal_and_results_come_as_text) {
    text_parameters with;
    const sql::parameters values{7, sql::bytes{std::byte{0}}, sql::null};
    ASSERT_TRUE(with.fill(values));
    EXPECT_EQ(written([&](message_writer& to) { to.bind("s", with); }),
              "B\0\0\0\x21\0s\0\0\3\0\0\0\1\0\0\0\3\0\0\0\1"
              "7\0\0\0\1\0\xff\xff\xff\xff\0\0"sv);
}

TEST(postgres_message_writer, the_rest_of_a_statement_is_always_the_same) {
    EXPECT_EQ(written([](message_writer& to) {
                  to.describe();
                  to.execute();
                  to.sync();
              }),
              "D\0\0\0\6P\0E\0\0\0\x9\0\0\0\0\0S\0\0\0\4"sv);
}

TEST(postgres_message_writer, a_statement_is_dropped_by_its_name) {
    EXPECT_EQ(written([](message_writer& to) { to.close_statement("lido_7"); }),
              "C\0\0\0\x0c"
              "Slido_7\0"sv);
}

TEST(postgres_message_writer, copy_is_a_plain_query_its_data_and_its_end) {
    EXPECT_EQ(written([](message_writer& to) {
                  to.query("copy t from stdin");
                  to.copy_data("1\n");
                  to.copy_done();
              }),
              "Q\0\0\0\x16"
              "copy t from stdin\0d\0\0\0\6"
              "1\nc\0\0\0\4"sv);
}

}  // namespace
}  // namespace lido::postgres

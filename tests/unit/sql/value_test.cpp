#include "lido/sql/value.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono;
using lido::sql::parse_timestamp;
using lido::sql::timestamp;
using lido::sql::uuid;
using lido::sql::value;

TEST(sql_value, a_uuid_is_read_and_written_in_its_usual_form) {
    const auto parsed = uuid::parse("F81D4FAE-7dec-11d0-a765-00a0c91e6bf6");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->to_text(), "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    for (const char* wrong : {"", "f81d4fae7dec11d0a76500a0c91e6bf6", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                              "f81d4fae-7dec-11d0-a765-00a0c91e6bf", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6 ",
                              "f81d4fae+7dec-11d0-a765-00a0c91e6bf6", "{f81d4fae-7dec-11d0-a765-00a0c91e6}"}) {
        EXPECT_FALSE(uuid::parse(wrong)) << wrong;
    }
}

TEST(sql_value, time_stamps_are_read_in_all_forms_that_databases_write) {
    const timestamp noon = sys_days(year(2026) / 11 / 21) + 12h;
    const std::pair<const char*, timestamp> cases[] = {
        {"2026-11-21", noon - 12h},
        {"2026-11-21 12:00", noon},
        {"2026-11-21 12:00:00", noon},
        {"2026-11-21T12:00:00Z", noon},
        {"2026-11-21 12:00:00+00", noon},
        {"2026-11-21 13:30:00+01:30", noon},
        {"2026-11-21 13:30:00+0130", noon},
        {"2026-11-21 07:00:00-05", noon},
        {"2026-11-21 12:00:00.5", noon + 500ms},
        {"2026-11-21 12:00:00.000001", noon + 1us},
        {"2026-11-21 12:00:00.1234567", noon + 123456us},
        {"0001-01-01 00:00:00", sys_days(year(1) / 1 / 1)},
        {"2024-02-29", sys_days(year(2024) / 2 / 29)},
    };
    for (const auto& [text, when] : cases) {
        const auto parsed = parse_timestamp(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(*parsed, when) << text;
    }
}

TEST(sql_value, what_is_no_time_stamp_is_refused) {
    for (const char* wrong : {"",
                              "2026",
                              "2026-11",
                              "2026-11-31",
                              "2026-02-29",
                              "0000-01-01",
                              "2026-13-01",
                              "2026-11-21 ",
                              "2026-11-21 24:00",
                              "2026-11-21 12:60",
                              "2026-11-21 12:00:61",
                              "2026-11-21 12:00:00.",
                              "2026-11-21 12:00:00.1234567890",
                              "2026-11-21 12:00:00+",
                              "2026-11-21 12:00:00+1",
                              "2026-11-21 12:00:00+16",
                              "2026-11-21 12:00:00+01:",
                              "2026-11-21 12:00:00Zx",
                              "infinity",
                              "2026-11-21 12:00:00 BC",
                              "+2026-11-21",
                              "0001-01-01 00:00+15",
                              "9999-12-31 23:00-15",
                              "9999-12-31 23:59:60",
                              "2026-1-1"}) {
        EXPECT_FALSE(parse_timestamp(wrong)) << wrong;
    }
}

TEST(sql_value, a_time_stamp_comes_back_as_it_was_written) {
    for (const timestamp when :
         {timestamp(), timestamp(1us), timestamp(-1us), timestamp(sys_days(year(9999) / 12 / 31))}) {
        EXPECT_EQ(parse_timestamp(lido::sql::to_text(when)).value(), when) << lido::sql::to_text(when);
    }
}

TEST(sql_value, parameters_can_simply_be_written) {
    const auto all = lido::sql::make_parameters(1, true, 2.5F, "text", std::string("more"), std::string_view("view"),
                                                lido::sql::null, std::nullopt, std::optional<int>(3),
                                                std::optional<int>(), std::uint32_t{4});
    ASSERT_EQ(all.size(), 11U);
    EXPECT_EQ(std::get<std::int64_t>(all[0].get()), 1);
    EXPECT_TRUE(std::get<bool>(all[1].get()));
    EXPECT_EQ(std::get<double>(all[2].get()), 2.5);
    EXPECT_EQ(std::get<std::string>(all[3].get()), "text");
    EXPECT_TRUE(all[6].is_null());
    EXPECT_TRUE(all[7].is_null());
    EXPECT_EQ(std::get<std::int64_t>(all[8].get()), 3);
    EXPECT_TRUE(all[9].is_null());
    EXPECT_EQ(std::get<std::int64_t>(all[10].get()), 4);
    static_assert(!std::is_constructible_v<value, std::uint64_t>, "it does not fit into a signed one");
    static_assert(!std::is_constructible_v<value, void*>, "a pointer must not become true");
}

TEST(sql_value, its_size_counts_what_is_sent) {
    EXPECT_EQ(value("four").size(), 4U);
    EXPECT_EQ(value(1).size(), 8U);
    EXPECT_EQ(value(lido::sql::array(std::vector<std::string>{"ab", "c"})).size(), 5U);
    EXPECT_EQ(value().size(), 0U);
}

}  // namespace

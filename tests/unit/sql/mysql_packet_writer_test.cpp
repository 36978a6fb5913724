#include "sql/mysql/packet_body.hpp"
#include "sql/mysql/packet_reader.hpp"
#include "sql/mysql/packet_writer.hpp"
#include "sql/mysql/parameter_encoding.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <string_view>

namespace lido::mysql {
namespace {

using namespace std::literals;

template <class Write>
std::string written(Write write) {
    std::string made;
    packet_writer to(made);
    write(to);
    return made;
}

TEST(mysql_packet_writer, commands_have_their_length_and_begin_with_number_0) {
    EXPECT_EQ(written([](packet_writer& to) { to.prepare("select 1"); }), "\x09\0\0\0\x16select 1"sv);
    EXPECT_EQ(written([](packet_writer& to) { to.query("x"); }), "\x02\0\0\0\x03x"sv);
    EXPECT_EQ(written([](packet_writer& to) { to.ping(); }), "\x01\0\0\0\x0e"sv);
    EXPECT_EQ(written([](packet_writer& to) { to.reset_connection(); }), "\x01\0\0\0\x1f"sv);
    EXPECT_EQ(written([](packet_writer& to) { to.close_statement(0x01020304); }), "\x05\0\0\0\x19\4\3\2\1"sv);
    EXPECT_EQ(written([](packet_writer& to) { to.execute(7, {}); }), "\x0a\0\0\0\x17\7\0\0\0\0\1\0\0\0"sv);
}

TEST(mysql_packet_writer, several_commands_follow_each_other) {
    std::string made;
    packet_writer to(made);
    to.close_statement(1);
    to.ping();
    EXPECT_EQ(made, "\x05\0\0\0\x19\1\0\0\0\x01\0\0\0\x0e"sv);
    EXPECT_EQ(to.next_number(), 1);
}

TEST(mysql_packet_writer, what_is_long_goes_on_in_further_packets) {
    const std::size_t most = most_of_packet;
    for (const std::size_t size : {most - 2, most - 1, 2 * most + 5}) {
        std::string text(size, 'x');
        for (std::size_t i = 0; i < size; i += 1000) text[i] = static_cast<char>(i / 1000 % 256);
        std::string made;
        packet_writer to(made);
        to.ping();
        made.clear();
        to.query(text);
        packet_reader reader(size + 1);
        std::string_view rest = made;
        std::string_view whole;
        auto last = packet_reader::found::nothing;
        while (!rest.empty()) {
            const std::span<char> space = reader.space();
            const std::size_t piece = std::min(rest.size(), space.size());
            std::copy_n(rest.begin(), piece, space.begin());
            reader.received(piece);
            rest.remove_prefix(piece);
            last = reader.next(whole);
            ASSERT_TRUE(last != packet_reader::found::one || rest.empty());
        }
        ASSERT_EQ(last, packet_reader::found::one) << size;
        EXPECT_TRUE(whole == "\x03" + text) << size;
        EXPECT_EQ(to.next_number(), (size + 1) / most + 1);
    }
}

std::string encoded(const sql::parameters& with) {
    std::string made;
    append_parameters(made, with);
    return made;
}

TEST(mysql_parameters, have_their_nulls_types_and_values) {
    EXPECT_EQ(encoded({}), "");
    EXPECT_EQ(encoded({sql::null}), "\1\1\6\0"sv);
    EXPECT_EQ(encoded({true, false}), "\0\1\1\0\1\0\1\0"sv);
    EXPECT_EQ(encoded({-2}), "\0\1\x08\0\xfe\xff\xff\xff\xff\xff\xff\xff"sv);
    EXPECT_EQ(encoded({1.0}), "\0\1\5\0\0\0\0\0\0\0\xf0\x3f"sv);
    EXPECT_EQ(encoded({"ab"}), "\0\1\xfe\0\2ab"sv);
    EXPECT_EQ(encoded({sql::bytes{std::byte{0}, std::byte{255}}}), "\0\1\xfc\0\2\0\xff"sv);
    EXPECT_EQ(encoded({sql::json("{}")}), "\0\1\xfe\0\2{}"sv);
    EXPECT_EQ(encoded({sql::parse_timestamp("2026-11-21 18:04:05.000007").value()}),
              "\0\1\xfe\0\x1a"
              "2026-11-21 18:04:05.000007"sv);
}

TEST(mysql_parameters, nulls_are_bits_and_nothing_else) {
    sql::parameters with;
    for (int i = 0; i < 17; ++i) {
        if (i % 8 == 0 || i == 15) {
            with.emplace_back(sql::null);
        } else {
            with.emplace_back(true);
        }
    }
    const std::string made = encoded(with);
    EXPECT_EQ(made.substr(0, 4), "\x01\x81\x01\x01"sv);
    EXPECT_EQ(made.size(), 4 + 2 * 17 + 13U);
}

TEST(mysql_parameters, texts_have_lengths_of_every_size) {
    for (const std::size_t size : {0U, 250U, 251U, 65'535U, 65'536U, 0xff'ffffU, 0x100'0000U}) {
        const std::string made = encoded({std::string(size, 'x')});
        packet_body from(made);
        static_cast<void>(from.bytes(4));
        EXPECT_EQ(from.text().size(), size);
        EXPECT_TRUE(from.is_complete());
    }
}

TEST(mysql_parameters, an_array_is_refused) {
    const auto refused = check_parameters({1, sql::array(std::vector<int>{1})});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::invalid_argument);
    EXPECT_TRUE(check_parameters({1, "a", sql::null}));
}

}  // namespace
}  // namespace lido::mysql

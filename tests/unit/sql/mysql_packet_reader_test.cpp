#include "sql/mysql/packet_reader.hpp"
#include "sql/mysql/packet_writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace lido::mysql {
namespace {

using found = packet_reader::found;

std::string framed(unsigned number, const std::string& body) {
    std::string made;
    for (const unsigned shift : {0U, 8U, 16U}) made.push_back(static_cast<char>(body.size() >> shift & 0xffU));
    made.push_back(static_cast<char>(number));
    return made + body;
}

/// What comes out of some bytes; last "number?" or "large?" for what is not taken.
std::vector<std::string> read(std::string_view bytes, std::size_t piece, std::size_t largest = 1000) {
    packet_reader reader(largest);
    reader.expect_number(1);
    std::vector<std::string> all;
    std::string_view next;
    while (!bytes.empty()) {
        const std::span<char> space = reader.space();
        const std::size_t size = std::min({piece, bytes.size(), space.size()});
        std::copy_n(bytes.begin(), size, space.begin());
        bytes.remove_prefix(size);
        reader.received(size);
        while (reader.next(next) == found::one) all.emplace_back(next);
    }
    const found last = reader.next(next);
    if (last == found::out_of_sequence) all.emplace_back("number?");
    if (last == found::too_large) all.emplace_back("large?");
    return all;
}

using words = std::vector<std::string>;

TEST(mysql_packet_reader, gives_the_same_packets_however_the_bytes_come) {
    const std::string bytes = framed(1, "a") + framed(2, "") + framed(3, "a row") + framed(4, std::string(900, 'x'));
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
        EXPECT_EQ(read(bytes, piece), (words{"a", "", "a row", std::string(900, 'x')})) << piece;
    }
}

TEST(mysql_packet_reader, what_is_not_whole_is_waited_for) {
    EXPECT_EQ(read(framed(1, "abc").substr(0, 6), 1), words{});
    EXPECT_EQ(read("\x01", 1), words{});
}

TEST(mysql_packet_reader, numbers_follow_each_other_and_begin_anew_behind_the_last) {
    EXPECT_EQ(read(framed(0, "a"), 100), words{"number?"});
    EXPECT_EQ(read(framed(1, "a") + framed(3, "b"), 100), (words{"a", "number?"}));
    EXPECT_EQ(read(framed(1, "a") + framed(1, "b"), 100), (words{"a", "number?"}));
    std::string many;
    for (unsigned i = 1; i <= 600; ++i) many += framed(i % 256, "x");
    EXPECT_EQ(read(many, 100).size(), 600U);
    EXPECT_EQ(read(many, 100).back(), "x");
}

TEST(mysql_packet_reader, out_of_sequence_it_gives_what_has_come) {
    packet_reader reader(1000);
    reader.expect_number(1);
    const std::string bytes = framed(7, "last words").substr(0, 8);
    std::copy(bytes.begin(), bytes.end(), reader.space().begin());
    reader.received(bytes.size());
    std::string_view next;
    EXPECT_EQ(reader.next(next), found::out_of_sequence);
    EXPECT_EQ(next, "last");
    EXPECT_EQ(reader.next(next), found::out_of_sequence);
}

TEST(mysql_packet_reader, what_is_too_large_is_told_so_before_it_comes) {
    EXPECT_EQ(read(framed(1, "a") + framed(2, std::string(1001, 'x')).substr(0, 4), 100), (words{"a", "large?"}));
    EXPECT_EQ(read(framed(1, std::string(1000, 'x')), 100), words{std::string(1000, 'x')});
}

TEST(mysql_packet_reader, a_packet_goes_on_in_the_next_ones) {
    const std::string full(most_of_packet, 'x');
    const std::size_t largest = 3 * most_of_packet;
    const std::string two = framed(1, full) + framed(2, full) + framed(3, "end") + framed(4, "next");
    EXPECT_EQ(read(two, 10'000, largest), (words{full + full + "end", "next"}));
    const std::string exactly = framed(1, full) + framed(2, "") + framed(3, "next");
    EXPECT_EQ(read(exactly, exactly.size(), largest), (words{full, "next"}));
    EXPECT_EQ(read(framed(1, full) + framed(1, "x"), 100'000, largest), words{"number?"});
    EXPECT_EQ(read(framed(1, full) + framed(2, "xx"), 100'000, most_of_packet + 1), words{"large?"});
    EXPECT_EQ(read(framed(1, full), 100'000, largest), words{});
}

TEST(mysql_packet_reader, takes_no_more_memory_than_what_has_come) {
    packet_reader reader(std::size_t{1} << 30U);
    reader.expect_number(1);
    std::span<char> space = reader.space();
    const std::string header("\xff\xff\xff\x01", 4);
    std::copy(header.begin(), header.end(), space.begin());
    reader.received(header.size());
    std::string_view next;
    EXPECT_EQ(reader.next(next), found::nothing);
    static_cast<void>(reader.space());
    EXPECT_LE(reader.capacity(), 16U * 1024);
    for (int i = 0; i < 64; ++i) {
        space = reader.space();
        ASSERT_GE(space.size(), 8U * 1024);
        reader.received(std::min<std::size_t>(space.size(), 16'000));
    }
    EXPECT_LE(reader.capacity(), 2U * 1024 * 1024 + 64U * 1024);
}

TEST(mysql_packet_reader, gives_memory_back_after_a_large_packet) {
    packet_reader reader(1'000'000);
    reader.expect_number(1);
    const std::string bytes = framed(1, std::string(900'000, 'x'));
    std::string_view next;
    found last = found::nothing;
    for (std::string_view rest = bytes; !rest.empty();) {
        const std::span<char> space = reader.space();
        const std::size_t size = std::min(rest.size(), space.size());
        std::copy_n(rest.begin(), size, space.begin());
        reader.received(size);
        rest.remove_prefix(size);
        last = reader.next(next);
    }
    EXPECT_EQ(last, found::one);
    EXPECT_EQ(next.size(), 900'000U);
    EXPECT_LE(reader.capacity(), 1'100'000U);
    reader.give_back();
    EXPECT_EQ(reader.capacity(), 0U);
}

}  // namespace
}  // namespace lido::mysql

#include "sql/postgres/message_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace lido::postgres {
namespace {

using found = message_reader::found;

std::string framed(char type, const std::string& body) {
    const auto size = static_cast<std::uint32_t>(body.size() + 4);
    std::string made(1, type);
    for (const unsigned shift : {24U, 16U, 8U, 0U}) made.push_back(static_cast<char>(size >> shift & 0xffU));
    return made + body;
}

/// What comes out of some bytes: "D:abc", "D!2000" for one that is cut, "?" for what is no message.
std::vector<std::string> read(std::string_view bytes, std::size_t piece, std::size_t largest = 1000) {
    message_reader reader(largest);
    std::vector<std::string> all;
    while (!bytes.empty()) {
        const std::span<char> space = reader.space();
        const std::size_t size = std::min({piece, bytes.size(), space.size()});
        std::copy_n(bytes.begin(), size, space.begin());
        bytes.remove_prefix(size);
        reader.received(size);
        for (message next; reader.next(next) == found::one;) {
            all.push_back(next.type + (next.is_cut ? "!" + std::to_string(next.size) : ":" + std::string(next.body)));
        }
    }
    message last;
    if (reader.next(last) == found::no_message) all.emplace_back("?");
    return all;
}

using words = std::vector<std::string>;

TEST(postgres_message_reader, gives_the_same_messages_however_the_bytes_come) {
    const std::string bytes = framed('2', "") + framed('D', "a row") + framed('C', "SELECT 1") + framed('Z', "I");
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 100U}) {
        EXPECT_EQ(read(bytes, piece), (words{"2:", "D:a row", "C:SELECT 1", "Z:I"})) << piece;
    }
}

TEST(postgres_message_reader, what_is_not_whole_is_waited_for) {
    EXPECT_EQ(read(framed('D', "abc").substr(0, 7), 1), words{});
    EXPECT_EQ(read("D", 1), words{});
}

TEST(postgres_message_reader, a_type_that_no_server_sends_after_the_login_ends_the_stream) {
    for (const char type : {'R', 'K', 'W', 'V', 't', 's', 'x', '\0', '\xff'}) {
        EXPECT_EQ(read(framed(type, "abcd") + framed('Z', "I"), 100), words{"?"}) << type;
    }
}

TEST(postgres_message_reader, a_length_that_the_type_does_not_have_ends_the_stream) {
    EXPECT_EQ(read(framed('Z', "II"), 100), words{"?"});
    EXPECT_EQ(read(framed('Z', ""), 100), words{"?"});
    EXPECT_EQ(read(framed('2', "x"), 100), words{"?"});
    EXPECT_EQ(read(std::string("D\0\0\0\3", 5), 100), words{"?"}) << "less than the length itself";
    EXPECT_EQ(read(std::string("D\xff\xff\xff\xff", 5), 100), words{"?"});
    EXPECT_EQ(read(std::string("D\x80\0\0\0", 5), 100), words{"?"});
    EXPECT_EQ(read(std::string("S\0\1\0\5", 5), 100), words{"?"}) << "a parameter is short";
}

TEST(postgres_message_reader, is_told_so_before_more_is_read) {
    EXPECT_EQ(read(framed('Z', "I") + std::string("T\x7f\xff\xff\xff", 5), 100), (words{"Z:I", "?"}));
}

TEST(postgres_message_reader, of_what_is_too_large_to_be_kept_only_the_type_is_given) {
    const std::string bytes = framed('D', std::string(1001, 'x')) + framed('N', std::string(5000, 'x')) +
                              framed('d', std::string(1000, 'y')) + framed('Z', "I");
    for (const std::size_t piece : {1U, 999U, 100'000U}) {
        EXPECT_EQ(read(bytes, piece), (words{"D!1001", "N!5000", "d:" + std::string(1000, 'y'), "Z:I"})) << piece;
    }
    EXPECT_EQ(read(framed('E', std::string(1001, 'x')), 100), words{"?"}) << "an error cannot do without its body";
}

TEST(postgres_message_reader, takes_no_more_memory_than_what_has_come) {
    message_reader reader(std::size_t{1} << 30U);
    std::span<char> space = reader.space();
    const std::string header("D\x30\0\0\0", 5);  // 768 MiB
    std::copy(header.begin(), header.end(), space.begin());
    reader.received(header.size());
    message next;
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

TEST(postgres_message_reader, gives_memory_back_after_a_large_message) {
    message_reader reader(1'000'000);
    std::string bytes = framed('D', std::string(900'000, 'x'));
    message next;
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
    EXPECT_EQ(next.body.size(), 900'000U);
    EXPECT_LE(reader.capacity(), 1'000'000U + 100'000);
    static_cast<void>(reader.space());
    EXPECT_LE(reader.capacity(), 16U * 1024);
}

}  // namespace
}  // namespace lido::postgres

#include "sql/receive_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace lido::sql {
namespace {

constexpr std::size_t usual = std::size_t{16} * 1024;

/// Puts `bytes` there as they would come from a socket.
void put(receive_buffer& into, std::string_view bytes) {
    while (!bytes.empty()) {
        const std::span<char> space = into.space();
        ASSERT_FALSE(space.empty());
        const std::size_t size = std::min(bytes.size(), space.size());
        std::copy_n(bytes.begin(), size, space.begin());
        into.received(size);
        bytes.remove_prefix(size);
    }
}

std::string all_of(receive_buffer& buffer) {
    return {buffer.data(), buffer.size()};
}

TEST(sql_receive_buffer, has_no_memory_before_something_is_to_come) {
    receive_buffer buffer(100'000);
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_EQ(buffer.size(), 0U);
    EXPECT_FALSE(buffer.space().empty());
    EXPECT_EQ(buffer.capacity(), usual);
}

TEST(sql_receive_buffer, keeps_what_was_not_taken_in_its_order) {
    receive_buffer buffer(100'000);
    std::string expected;
    for (int i = 0; i < 5'000; ++i) {
        const std::string piece = std::to_string(i) + ",";
        put(buffer, piece);
        expected += piece;
        if (i % 3 != 0) continue;
        const std::size_t size = std::min<std::size_t>(9, buffer.size());
        buffer.take(size);
        expected.erase(0, size);
    }
    EXPECT_EQ(all_of(buffer), expected);
}

TEST(sql_receive_buffer, what_was_taken_stays_readable_until_more_is_to_come) {
    receive_buffer buffer(100'000);
    put(buffer, "first,second");
    const std::string_view first(buffer.data(), 5);
    buffer.take(6);
    EXPECT_EQ(first, "first");
    EXPECT_EQ(all_of(buffer), "second");
}

TEST(sql_receive_buffer, erases_in_the_middle) {
    receive_buffer buffer(100'000);
    put(buffer, "ab--cd");
    buffer.erase(2, 2);
    EXPECT_EQ(all_of(buffer), "abcd");
    buffer.erase(0, 1);
    EXPECT_EQ(all_of(buffer), "bcd");
    buffer.erase(2, 1);
    EXPECT_EQ(all_of(buffer), "bc");
    put(buffer, "e");
    EXPECT_EQ(all_of(buffer), "bce");
}

TEST(sql_receive_buffer, grows_with_what_has_come_and_not_beyond_the_largest_message) {
    const std::size_t largest = 1'000'000;
    receive_buffer buffer(largest);
    std::size_t came = 0;
    while (came < largest) {
        const std::size_t size = std::min(buffer.space().size(), largest - came);
        ASSERT_GT(size, 0U);
        buffer.received(size);
        came += size;
        EXPECT_LE(buffer.capacity(), std::max(usual, 4 * came));
    }
    EXPECT_FALSE(buffer.space().empty());
    EXPECT_LE(buffer.capacity(), largest + usual);
}

TEST(sql_receive_buffer, gives_back_what_a_large_message_took_once_it_was_taken) {
    receive_buffer buffer(1'000'000);
    put(buffer, std::string(500'000, 'x'));
    buffer.give_back();
    EXPECT_EQ(buffer.size(), 500'000U) << "it was not taken";
    buffer.take(500'000);
    buffer.give_back();
    EXPECT_EQ(buffer.capacity(), 0U);
    put(buffer, "small");
    buffer.take(5);
    buffer.give_back();
    EXPECT_EQ(buffer.capacity(), usual) << "which costs nothing to keep";
}

}  // namespace
}  // namespace lido::sql

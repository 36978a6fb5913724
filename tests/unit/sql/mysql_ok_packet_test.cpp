#include "sql/mysql/ok_packet.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

namespace lido::mysql {
namespace {

using bytes = std::vector<unsigned char>;

TEST(mysql_ok_packet, its_flags_stand_behind_two_integers_of_any_length) {
    EXPECT_EQ(flags_of_ok(bytes{0, 0, 0, 0x03, 0x20, 0, 0}), 0x2003U);
    EXPECT_EQ(flags_of_ok(bytes{0, 0xfa, 0xfc, 1, 2, 0x02, 0}), 2U);
    EXPECT_EQ(flags_of_ok(bytes{0, 0xfd, 1, 2, 3, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 0x01, 0x80}), 0x8001U);
}

TEST(mysql_ok_packet, one_that_ends_early_has_none) {
    const bytes whole{0, 0xfd, 1, 2, 3, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 0x01, 0x80};
    for (std::size_t size = 0; size < whole.size(); ++size) {
        // A copy, so that reading beyond its end is seen by the sanitizers.
        const bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(flags_of_ok(cut)) << size;
    }
}

TEST(mysql_ok_packet, another_packet_has_none) {
    EXPECT_FALSE(flags_of_ok(bytes{0xff, 0, 0, 2, 0, 0, 0})) << "an error";
    EXPECT_FALSE(flags_of_ok(bytes{0xfe, 0, 0, 2, 0})) << "the end of rows";
    EXPECT_FALSE(flags_of_ok(bytes{0, 0xfb, 0, 2, 0})) << "NULL is no number";
    EXPECT_FALSE(flags_of_ok(bytes{0, 0, 0xff, 2, 0}));
}

}  // namespace
}  // namespace lido::mysql

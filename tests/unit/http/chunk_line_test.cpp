#include "http/chunk_line.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace lido::http {
namespace {

TEST(ChunkLine, ReadsHexadecimalSizes) {
    EXPECT_EQ(parse_chunk_line("0").value().size, 0U);
    EXPECT_EQ(parse_chunk_line("1aF").value().size, 0x1AFU);
    EXPECT_EQ(parse_chunk_line("0000000000000005").value().size, 5U);
    EXPECT_EQ(parse_chunk_line("ffffffffffffffff").value().size, std::numeric_limits<std::uint64_t>::max());
}

TEST(ChunkLine, SkipsAndCountsExtensions) {
    for (const std::string extension : {";a", ";a=b", ";a;b=c", ";a=\"q;=\\\"x\"", ";a=\"\"", ";a=\"\xC3\xA4\t\""}) {
        const chunk_line read = parse_chunk_line("5" + extension).value();
        EXPECT_EQ(read.size, 5U);
        EXPECT_EQ(read.extension_bytes, extension.size());
    }
}

TEST(ChunkLine, RefusesEverythingElse) {
    for (const std::string line : {"",
                                   " ",
                                   " 5",
                                   "5 ",
                                   "5\t",
                                   "-5",
                                   "+5",
                                   "0x5",
                                   "5h",
                                   "g",
                                   "5,5",
                                   "5 5",
                                   "00000000000000005",
                                   "10000000000000000",
                                   "5;",
                                   "5;;a",
                                   "5; a",
                                   "5;a =b",
                                   "5;a= b",
                                   "5;a=",
                                   "5;a=\"",
                                   "5;a=\"b\"c",
                                   "5;a=\"\\",
                                   "5;=b",
                                   "5;a\r",
                                   "5\r",
                                   "5;a=\"\x01\"",
                                   "5;a=\"\\\x01\"",
                                   "5;a=b;"}) {
        EXPECT_EQ(parse_chunk_line(line).error(), errc::protocol_error) << line;
    }
}

}  // namespace
}  // namespace lido::http

// Goal: nothing from elsewhere reaches a terminal that could change what it shows, and JSON is UTF-8 whatever came.
// Method: tables.
#include "printable.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace lido::cli {
namespace {

using namespace std::string_literals;

TEST(in_one_line, keeps_text_and_escapes_what_a_terminal_would_obey) {
    struct row {
        std::string text;
        const char* shown;
    };
    for (const row& each :
         {row{"straße 漢字 🙂", "straße 漢字 🙂"}, row{"a\x1b[31mb", "a\\x1b[31mb"},
          row{"a\nb\tc\r", "a\\x0ab\\x09c\\x0d"}, row{"\x7f"s, "\\x7f"}, row{"a\0b"s, "a\\x00b"},
          row{"\xC2\x9B"
              "31m",
              "\\xc2\\x9b31m"},
          row{"\xC2\xA0", "\xC2\xA0"}, row{"\xFF\xFE", "\\xff\\xfe"}, row{"caf\xE9", "caf\\xe9"}, row{"", ""}}) {
        EXPECT_EQ(in_one_line(each.text), each.shown);
    }
}

TEST(with_valid_utf8, replaces_what_is_none) {
    struct row {
        std::string text;
        std::string made;
    };
    const std::string mark = "\xEF\xBF\xBD";
    for (const row& each : {row{"straße 🙂", "straße 🙂"}, row{"a\xFFz", "a" + mark + "z"}, row{"\xC3", mark},
                            row{"\xC0\x80", mark + mark},                        // longer than it must be
                            row{"\xED\xA0\x80", mark + mark + mark},             // half of a pair of UTF-16
                            row{"\xF4\x90\x80\x80", mark + mark + mark + mark},  // above U+10FFFF
                            row{"\xE2\x82", mark + mark}, row{"\xF0\x9F\x99\x82", "🙂"}, row{"\n", "\n"}}) {
        EXPECT_EQ(with_valid_utf8(each.text), each.made);
    }
}

TEST(in_one_line, shows_what_would_turn_the_direction_of_the_text_behind_it) {
    EXPECT_EQ(in_one_line("a\xE2\x80\xAE"
                          "b"),
              "a\\xe2\\x80\\xaeb");
    EXPECT_EQ(in_one_line("\xE2\x81\xA6\xD8\x9C"), "\\xe2\\x81\\xa6\\xd8\\x9c");
    EXPECT_EQ(in_one_line("\xE2\x80\x93\xE2\x82\xAC"), "\xE2\x80\x93\xE2\x82\xAC") << "a dash, and a euro";
}

}  // namespace
}  // namespace lido::cli

#include "http/grammar.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace lido::http {
namespace {

/// The characters of a token as RFC 9110 §5.6.2 lists them.
bool token_by_the_book(int byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           (byte != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(byte)) != std::string_view::npos);
}

TEST(Grammar, FindsEveryByteThatIsNoTokenAtEveryPlace) {
    for (int byte = 0; byte < 256; ++byte) {
        for (std::size_t size = 1; size < 50; ++size) {
            const std::size_t place = size - 1 - (size / 3);
            std::vector<char> text(size, 'a');
            text[place] = static_cast<char>(byte);
            const char* const found = find_non_token(text.data(), text.data() + size);
            EXPECT_EQ(static_cast<std::size_t>(found - text.data()), token_by_the_book(byte) ? size : place) << byte;
        }
    }
}

TEST(Grammar, FindsEveryControlCharacterAtEveryPlace) {
    for (int byte = 0; byte < 256; ++byte) {
        const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7F;
        for (std::size_t size = 1; size < 50; ++size) {
            const std::size_t place = size - 1 - (size / 3);
            std::vector<char> text(size, 'a');
            text[place] = static_cast<char>(byte);
            const char* const found = find_control(text.data(), text.data() + size);
            EXPECT_EQ(static_cast<std::size_t>(found - text.data()), control ? place : size) << byte;
        }
    }
}

TEST(Grammar, ComparesWordsWithoutCaseAndExactly) {
    EXPECT_TRUE(is_word("Content-LENGTH", "content-length"));
    EXPECT_TRUE(is_word("CLOSE", "close"));
    EXPECT_FALSE(is_word("content-lengt", "content-length"));
    const std::string word = "transfer-encoding";
    for (std::size_t place = 0; place < word.size(); ++place) {
        for (int byte = 0; byte < 256; ++byte) {
            if (byte == '\r') continue;  // excluded by the contract
            std::string other = word;
            other[place] = static_cast<char>(byte);
            EXPECT_EQ(is_word(other, "transfer-encoding"), to_lower(other[place]) == word[place]) << byte;
        }
    }
}

TEST(Grammar, ParsesDecimalsUpToABound) {
    constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(parse_decimal("0", largest), 0U);
    EXPECT_EQ(parse_decimal("007", largest), 7U);
    EXPECT_EQ(parse_decimal("18446744073709551615", largest), largest);
    EXPECT_FALSE(parse_decimal("18446744073709551616", largest));
    EXPECT_EQ(parse_decimal("41", 41), 41U);
    EXPECT_FALSE(parse_decimal("42", 41));
    EXPECT_FALSE(parse_decimal("9", 5));
    EXPECT_EQ(parse_decimal("0", 0), 0U);
    for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "a"}) {
        EXPECT_FALSE(parse_decimal(text, largest)) << text;
    }
}

TEST(Grammar, SplitsListsAtCommas) {
    std::vector<std::string> elements;
    for_each_element(" a,\tb ,,c", [&](std::string_view element) { elements.emplace_back(element); });
    EXPECT_EQ(elements, (std::vector<std::string>{"a", "b", "", "c"}));
}

}  // namespace
}  // namespace lido::http

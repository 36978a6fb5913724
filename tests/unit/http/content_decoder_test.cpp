#include "http/content_decoder.hpp"

#include "http/response_reader.hpp"
#include "support/content_codings.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

namespace lido::http {
namespace {

using lido::test::compressed;
using lido::test::compressed_zeros;
using testing::HasSubstr;

response response_of(std::string_view codings, std::string_view body) {
    response_reader reader;
    const http_limits limits;
    reader.reset(method::get, limits);
    reader.feed(
        fmt::format("HTTP/1.1 200 OK\r\nX-First: 1\r\nContent-Encoding: {}\r\nContent-Length: {}\r\nX-Last: 2\r\n\r\n",
                    codings, body.size()));
    reader.feed(body);
    return reader.take();
}

std::string some_text(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i) text += fmt::format("{} {}\n", i, i * i % 977);
    text.resize(size);
    return text;
}

/// What the decoder makes of a body that comes and goes in pieces of those sizes; or the error's code and text.
std::string in_pieces(std::string_view codings, std::string_view body, std::size_t in, std::size_t out,
                      const decoding_settings& bounds = {}) {
    const response head = response_of(codings, "");
    auto made = content_decoder::make(head.headers(), bounds);
    if (!made) return made.error().message();
    if (!*made) return "nothing to be undone";
    std::string all;
    std::string space(out, '\0');
    while (true) {
        std::string_view piece = body.substr(0, in);
        body.remove_prefix(piece.size());
        while (true) {
            const auto step = (*made)->decode(piece, space);
            if (!step) return step.error().message();
            piece.remove_prefix(step->consumed);
            all.append(space, 0, step->produced);
            if (step->produced < space.size()) break;
        }
        EXPECT_TRUE(piece.empty());
        if (body.empty()) break;
    }
    const auto complete = (*made)->finish();
    return complete ? all : complete.error().message();
}

struct coded {
    const char* header;
    std::vector<std::string_view> applied;
};

class coding : public testing::TestWithParam<coded> {
protected:
    [[nodiscard]] static std::string apply(std::string text) {
        for (const std::string_view each : GetParam().applied) text = compressed(each, text);
        return text;
    }
};

TEST_P(coding, is_undone_whatever_the_pieces) {
    for (const std::size_t size : {0U, 1U, 100U, 5'000U, 300'000U}) {
        const std::string text = some_text(size);
        const std::string body = apply(text);
        for (const std::size_t in : {1U, 7U, 4'096U, 10'000'000U}) {
            for (const std::size_t out : {1U, 13U, 65'536U}) {
                if (size > 5'000 && in * out < 4'096) continue;
                EXPECT_TRUE(in_pieces(GetParam().header, body, in, out) == text) << size << ' ' << in << ' ' << out;
            }
        }
    }
}

TEST_P(coding, cut_short_anywhere_is_an_error) {
    const std::string body = apply(some_text(2'000));
    for (std::size_t size = 1; size < body.size(); ++size) {
        const auto cut = decoded(response_of(GetParam().header, body.substr(0, size)), {});
        ASSERT_FALSE(cut.has_value()) << size;
        EXPECT_TRUE(cut.error() == errc::protocol_error) << cut.error().message();
    }
}

TEST_P(coding, with_something_behind_its_end_is_an_error) {
    const std::string body = apply(some_text(2'000));
    for (const std::string_view behind : {std::string_view("x"), std::string_view("\0", 1), std::string_view("\r\n")}) {
        const auto more = decoded(response_of(GetParam().header, body + std::string(behind)), {});
        ASSERT_FALSE(more.has_value());
        EXPECT_TRUE(more.error() == errc::protocol_error) << more.error().message();
    }
}

TEST_P(coding, that_is_damaged_never_gives_more_than_its_bounds) {
    const std::string text = some_text(3'000);
    const std::string body = apply(text);
    decoding_settings bounds;
    bounds.max_bytes = 4'000;
    for (std::size_t i = 0; i < body.size(); ++i) {
        std::string damaged = body;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
        const auto made = decoded(response_of(GetParam().header, damaged), bounds);
        if (made) {
            EXPECT_LE(made->body().size(), 4'000U);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(codings, coding,
                         testing::Values(coded{"gzip", {"gzip"}}, coded{"X-GZIP", {"gzip"}},
                                         coded{"deflate", {"deflate"}}, coded{"deflate", {"raw deflate"}},
                                         coded{"br", {"br"}}, coded{"zstd", {"zstd"}},
                                         coded{"gzip, br", {"gzip", "br"}},
                                         coded{"zstd, identity, gzip", {"zstd", "gzip"}},
                                         coded{"br,br", {"br", "br"}}));

TEST(ContentDecoder, TakesMembersAndFramesOneAfterAnother) {
    EXPECT_EQ(in_pieces("gzip", compressed("gzip", "one ") + compressed("gzip", "") + compressed("gzip", "two"), 3, 2),
              "one two");
    EXPECT_EQ(in_pieces("zstd", compressed("zstd", "one ") + compressed("zstd", "two"), 3, 2), "one two");
}

TEST(ContentDecoder, LeavesAloneWhatItDoesNotKnow) {
    for (const std::string_view codings : {"compress", "gzip, exi", "", "identity"}) {
        const auto left = decoded(response_of(codings, "raw"), {});
        ASSERT_TRUE(left.has_value());
        EXPECT_EQ(left->body(), "raw");
        EXPECT_EQ(left->header("Content-Length"), "3");
        EXPECT_FALSE(left->was_decoded());
    }
}

TEST(ContentDecoder, TakesTheFieldsAwayThatSpeakOfTheCodedContent) {
    const auto made = decoded(response_of("gzip", compressed("gzip", "content")), {});
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(made->body(), "content");
    EXPECT_TRUE(made->was_decoded());
    EXPECT_FALSE(made->header("Content-Encoding").has_value());
    EXPECT_FALSE(made->header("Content-Length").has_value());
    EXPECT_EQ(made->header("X-First"), "1");
    EXPECT_EQ(made->header("X-Last"), "2");
    EXPECT_EQ(made->headers().size(), 2U);
}

TEST(ContentDecoder, TakesNoContentAtAllForComplete) {
    const auto made = decoded(response_of("gzip", ""), {});
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(made->body(), "");
    EXPECT_EQ(in_pieces("br", "", 10, 10), "");
}

/// urllib3 GHSA-gm62-xv2j-4w53, curl CVE-2022-32206: any number of codings one upon the other.
TEST(ContentDecoder, RefusesMoreCodingsThanAllowed) {
    EXPECT_THAT(in_pieces("gzip, gzip, gzip", "", 1, 1), HasSubstr("max_codings = 2"));
    decoding_settings three;
    three.max_codings = 3;
    const std::string thrice = compressed("gzip", compressed("gzip", compressed("gzip", "text")));
    EXPECT_EQ(in_pieces("gzip, gzip, gzip", thrice, 5, 5, three), "text");
}

TEST(ContentDecoder, StopsAtTheBoundOnBytesExactly) {
    decoding_settings bounds;
    bounds.max_bytes = 1'000;
    EXPECT_TRUE(decoded(response_of("gzip", compressed("gzip", some_text(1'000))), bounds).has_value());
    const auto more = decoded(response_of("gzip", compressed("gzip", some_text(1'001))), bounds);
    ASSERT_FALSE(more.has_value());
    EXPECT_TRUE(more.error() == errc::limit_exceeded);
    EXPECT_THAT(more.error().message(), HasSubstr("max_bytes = 1000"));
}

TEST(ContentDecoder, StopsAtTheBoundOnTheRatioOnceThatCounts) {
    decoding_settings bounds;
    bounds.ratio_free_bytes = 100'000;
    bounds.max_ratio = 20;
    EXPECT_TRUE(decoded(response_of("gzip", compressed_zeros("gzip", 100'000)), bounds).has_value());
    const auto more = decoded(response_of("gzip", compressed_zeros("gzip", 400'000)), bounds);
    ASSERT_FALSE(more.has_value());
    EXPECT_TRUE(more.error() == errc::limit_exceeded);
    EXPECT_THAT(more.error().message(), HasSubstr("max_ratio = 20"));
    bounds.max_ratio = 2'000;
    EXPECT_TRUE(decoded(response_of("gzip", compressed_zeros("gzip", 400'000)), bounds).has_value());
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

TEST(ContentDecoder, BoundsWhatEachCodingGivesToTheNext) {
    // Of 21 bytes between the codings one comes out: the ratio from end to end is small.
    const std::string between = repeated(compressed("gzip", "x"), 10'000);
    const std::string body = compressed("gzip", between);
    decoding_settings bounds;
    EXPECT_EQ(in_pieces("gzip, gzip", body, 1'000, 1'000, bounds), std::string(10'000, 'x'));
    bounds.max_bytes = between.size() - 1;
    EXPECT_THAT(in_pieces("gzip, gzip", body, 1'000, 1'000, bounds), HasSubstr("max_bytes"));
    bounds = {};
    bounds.ratio_free_bytes = 1'000;
    bounds.max_ratio = between.size() / body.size() / 2;
    ASSERT_GT(bounds.max_ratio, 10'000U / body.size());
    EXPECT_THAT(in_pieces("gzip, gzip", body, 1'000, 1'000, bounds), HasSubstr("max_ratio"));
}

TEST(ContentDecoder, CountsAllThatComesToNothingAlsoWhenSomethingComesBetween) {
    decoding_settings bounds;
    bounds.max_fruitless_bytes = 10'000;
    for (const std::string_view coding : {"gzip", "zstd"}) {
        const std::string empty = compressed(coding, "");
        const std::string round = compressed(coding, "x") + repeated(empty, 9'000 / empty.size());
        EXPECT_EQ(in_pieces(coding, round, 1'000, 1'000, bounds), "x");
        EXPECT_THAT(in_pieces(coding, round + round, 1'000, 1'000, bounds), HasSubstr("max_fruitless_bytes = 10000"));
    }
}

TEST(ContentDecoder, TakesAnyNumberOfMembersThatBringSomething) {
    decoding_settings bounds;
    bounds.max_fruitless_bytes = 1;
    const std::string body = repeated(compressed("gzip", "x"), 10'000);
    EXPECT_EQ(in_pieces("gzip", body, 100'000'000, 1'000, bounds), std::string(10'000, 'x'));
}

TEST(ContentDecoder, RefusesWindowsThatAreTooLarge) {
    // A zstd frame that declares a window of 128 MiB (RFC 9659 allows 8), and its empty last block.
    const std::string huge_zstd("\x28\xB5\x2F\xFD\x00\x88\x01\x00\x00", 9);
    EXPECT_THAT(in_pieces("zstd", huge_zstd, 100, 100), HasSubstr("no valid zstd"));
    // The same with 8 MiB.
    const std::string large_zstd("\x28\xB5\x2F\xFD\x00\x68\x01\x00\x00", 9);
    EXPECT_EQ(in_pieces("zstd", large_zstd, 100, 100), "");
    // Brotli's large windows are no part of RFC 7932.
    EXPECT_THAT(in_pieces("br", "\x11\x1E\x03", 100, 100), HasSubstr("no valid br"));
}

TEST(DecodingSettings, AreRefusedByName) {
    const auto refusal = [](auto change) {
        decoding_settings settings;
        change(settings);
        const auto valid = settings.validate();
        return valid ? std::string() : valid.error().message();
    };
    EXPECT_EQ(refusal([](auto&) {}), "");
    EXPECT_THAT(refusal([](auto& of) { of.max_codings = 0; }), HasSubstr("max_codings = 0"));
    EXPECT_THAT(refusal([](auto& of) { of.max_codings = 6; }), HasSubstr("max_codings = 6"));
    EXPECT_THAT(refusal([](auto& of) { of.max_bytes = 0; }), HasSubstr("max_bytes = 0"));
    EXPECT_THAT(refusal([](auto& of) { of.max_ratio = 1; }), HasSubstr("max_ratio = 1"));
    EXPECT_THAT(refusal([](auto& of) { of.ratio_free_bytes = ~std::uint64_t{0}; }), HasSubstr("ratio_free_bytes"));
    EXPECT_THAT(refusal([](auto& of) { of.max_fruitless_bytes = 0; }), HasSubstr("max_fruitless_bytes"));
}

}  // namespace
}  // namespace lido::http

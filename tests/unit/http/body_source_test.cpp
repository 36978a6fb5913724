#include "lido/http/body_source.hpp"

#include "lido/http/request.hpp"
#include "support/virtual_scheduler.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lido::http {
namespace {

task<result<std::size_t>> nothing(std::span<char>) {
    co_return std::size_t{0};
}

TEST(BodySource, IsSentOnceWhenItCannotBeRewound) {
    const std::shared_ptr<body_source> source = body_from(nothing, 10);
    EXPECT_EQ(source->size(), 10U);
    EXPECT_FALSE(source->can_rewind());
    EXPECT_TRUE(source->may_begin());
    EXPECT_TRUE(source->begin().has_value());
    EXPECT_FALSE(source->may_begin());
    const auto again = source->begin();
    ASSERT_FALSE(again.has_value());
    EXPECT_TRUE(again.error() == errc::invalid_argument);
}

TEST(BodySource, IsRewoundBeforeEachSendingButTheFirst) {
    int rewound = 0;
    const std::shared_ptr<body_source> source = body_from(nothing, std::nullopt, [&]() -> result<void> {
        if (++rewound == 3) return error(errc::connection_closed, "the file has gone");
        return {};
    });
    EXPECT_FALSE(source->size().has_value());
    EXPECT_TRUE(source->begin().has_value());
    EXPECT_EQ(rewound, 0);
    EXPECT_TRUE(source->may_begin());
    EXPECT_TRUE(source->begin().has_value());
    EXPECT_TRUE(source->begin().has_value());
    EXPECT_EQ(rewound, 2);
    EXPECT_FALSE(source->begin().has_value());
}

TEST(BodySource, TakesThePlaceOfABodyInMemoryAndTheOtherWayRound) {
    request what(method::post, "/");
    what.body("text");
    what.body(body_from(nothing));
    EXPECT_TRUE(what.has_body());
    EXPECT_EQ(what.body(), "");
    EXPECT_NE(what.source(), nullptr);
    EXPECT_TRUE(what.may_be_sent());
    what.body("text", "text/plain");
    EXPECT_EQ(what.source(), nullptr);
    EXPECT_EQ(what.body(), "text");
    what.body(body_from(nothing), "text/csv");
    EXPECT_EQ(what.header("Content-Type"), "text/csv");
    what.remove_body();
    EXPECT_FALSE(what.has_body());
}

TEST(BodySource, OfARequestIsSharedByItsCopies) {
    const request what = request(method::put, "/").body(body_from(nothing));
    const request copy = what;
    ASSERT_TRUE(copy.source()->begin().has_value());
    EXPECT_FALSE(what.may_be_sent());
}

TEST(BodySource, DecidesWhetherAContentLengthIsRight) {
    const auto with_length = [](std::string_view length, std::optional<std::uint64_t> size) {
        return request(method::put, "/").header("Content-Length", length).body(body_from(nothing, size)).validate();
    };
    EXPECT_TRUE(with_length("5", 5).has_value());
    EXPECT_FALSE(with_length("5", 6).has_value());
    EXPECT_FALSE(with_length("5", std::nullopt).has_value());
    EXPECT_FALSE(request(method::connect, "host:1").body(body_from(nothing)).validate().has_value());
}

TEST(ExpectContinue, NeedsABodyAndKnowsNoOtherExpectation) {
    EXPECT_TRUE(request(method::put, "/").body("a").expect_continue().validate().has_value());
    EXPECT_TRUE(request(method::put, "/").body("a").header("Expect", "100-Continue").validate().has_value());
    EXPECT_FALSE(request(method::put, "/").expect_continue().validate().has_value());
    EXPECT_FALSE(request(method::put, "/").body("a").header("Expect", "200-ok").validate().has_value());
}

}  // namespace
}  // namespace lido::http

#include "lido/http/limits.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lido::http {
namespace {

std::string refusal(const http_limits& limits) {
    const result<void> checked = limits.validate();
    if (checked) return {};
    EXPECT_EQ(checked.error(), errc::invalid_argument);
    return checked.error().message();
}

TEST(Limits, DefaultsAreValid) {
    EXPECT_EQ(refusal({}), "");
}

TEST(Limits, NameTheFieldItsValueAndTheRange) {
    http_limits limits;
    limits.max_header_count = 0;
    const std::string message = refusal(limits);
    EXPECT_NE(message.find("http_limits::max_header_count = 0"), std::string::npos) << message;
    EXPECT_NE(message.find("1 to 10000"), std::string::npos) << message;
}

TEST(Limits, EachFieldHasARange) {
    struct wrong {
        const char* name;
        void (*change)(http_limits&);
    };
    const wrong all[] = {
        {"max_start_line_bytes", [](http_limits& l) { l.max_start_line_bytes = 31; }},
        {"max_start_line_bytes", [](http_limits& l) { l.max_start_line_bytes = 65'537; }},
        {"max_head_bytes", [](http_limits& l) { l.max_head_bytes = 127; }},
        {"max_head_bytes", [](http_limits& l) { l.max_head_bytes = (std::size_t{16} << 20U) + 1; }},
        {"max_header_count", [](http_limits& l) { l.max_header_count = 10'001; }},
        {"max_body_bytes", [](http_limits& l) { l.max_body_bytes = std::uint64_t{1} << 63U; }},
        {"max_chunk_extension_bytes", [](http_limits& l) { l.max_chunk_extension_bytes = (1U << 20U) + 1; }},
        {"max_trailer_bytes", [](http_limits& l) { l.max_trailer_bytes = 1; }},
        {"max_interim_responses", [](http_limits& l) { l.max_interim_responses = 1001; }},
        {"max_proxy_answer_bytes", [](http_limits& l) { l.max_proxy_answer_bytes = 127; }},
        {"max_proxy_answer_bytes", [](http_limits& l) { l.max_proxy_answer_bytes = (std::size_t{16} << 20U) + 1; }},
    };
    for (const wrong& each : all) {
        http_limits limits;
        each.change(limits);
        EXPECT_NE(refusal(limits).find(each.name), std::string::npos) << each.name;
    }
}

TEST(Limits, RefuseAStartLineLongerThanTheHead) {
    http_limits limits;
    limits.max_head_bytes = 1024;
    limits.max_start_line_bytes = 1025;
    EXPECT_NE(refusal(limits).find("above max_head_bytes = 1024"), std::string::npos);
}

}  // namespace
}  // namespace lido::http

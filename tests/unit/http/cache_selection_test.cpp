#include "http/cache_selection.hpp"

#include "made_response.hpp"

#include <gmock/gmock.h>

namespace lido::http {
namespace {

using test::made_response;
using testing::ElementsAre;
using testing::IsEmpty;

using name_list = std::vector<std::string>;

name_list vary(std::string_view lines) {
    return vary_names(made_response(200, lines).headers()).value();
}

TEST(vary, names_are_lower_case_sorted_and_each_there_once) {
    EXPECT_THAT(vary(""), IsEmpty());
    EXPECT_THAT(vary("Vary: Accept-Language, ,ACCEPT\r\nvary: accept\r\n"), ElementsAre("accept", "accept-language"));
}

TEST(vary, of_a_star_or_of_garbage_selects_nothing) {
    for (const char* line : {"Vary: *\r\n", "Vary: Accept, *\r\n", "Vary: Accept;x\r\n", "Vary: a b\r\n"}) {
        EXPECT_FALSE(vary_names(made_response(200, line).headers()).has_value()) << line;
    }
}

headers made(const std::vector<std::pair<std::string, std::string>>& fields) {
    headers all;
    for (const auto& [name, value] : fields) all.add(name, value).value();
    return all;
}

std::string text(const headers& own, const name_list& names = {}, std::uint32_t identity = 0,
                 const headers& defaults = {}, const name_list& credentials = {}) {
    return cache_selector(identity, own, &defaults, credentials).text(names);
}

TEST(selection, is_by_the_fields_that_vary_names) {
    const name_list names{"accept", "accept-language"};
    const headers plain = made({{"Accept", "a"}, {"Accept-Language", "de"}, {"X", "1"}});
    EXPECT_EQ(text(plain, names), text(made({{"X", "2"}, {"accept-language", " de "}, {"ACCEPT", "a"}}), names));
    EXPECT_NE(text(plain, names), text(made({{"Accept", "a"}, {"Accept-Language", "en"}}), names));
    EXPECT_NE(text(plain, names), text(made({{"Accept", "a"}}), names)) << "absent is a value of its own";
    EXPECT_EQ(text(made({{"Accept", "a"}, {"Accept", "b"}}), names), text(made({{"Accept", "a, b"}}), names));
}

TEST(selection, does_not_mix_up_names_and_values) {
    const name_list names{"a", "b"};
    EXPECT_NE(text(made({{"A", "x"}}), names), text(made({{"B", "x"}}), names));
    EXPECT_NE(text(made({{"A", "x b:y"}}), names), text(made({{"A", "x"}, {"B", "y"}}), names));
    EXPECT_NE(text(made({{"A", ""}}), names), text(headers(), names));
}

TEST(selection, takes_what_the_sender_adds_for_a_field_that_is_absent) {
    const headers defaults = made({{"User-Agent", "lido"}});
    EXPECT_EQ(text({}, {"user-agent"}, 0, defaults), text(made({{"User-Agent", "lido"}}), {"user-agent"}));
    EXPECT_NE(text({}, {"user-agent"}, 0, defaults), text({}, {"user-agent"}));
    EXPECT_EQ(text(made({{"User-Agent", "x"}}), {"user-agent"}, 0, defaults),
              text(made({{"User-Agent", "x"}}), {"user-agent"}));
}

TEST(selection, keeps_callers_apart_whatever_vary_says) {
    for (const char* name : {"Authorization", "cookie", "Proxy-Authorization", "Host", "X-Api-Key"}) {
        const name_list credentials{"X-Api-Key"};
        const std::string of_one = text(made({{name, "one"}}), {}, 0, {}, credentials);
        EXPECT_NE(of_one, text(made({{name, "two"}}), {}, 0, {}, credentials)) << name;
        EXPECT_NE(of_one, text({}, {}, 0, {}, credentials)) << name;
        EXPECT_EQ(of_one, text(made({{name, "one"}}), {}, 0, {}, credentials)) << name;
    }
    EXPECT_NE(text({}, {}, 0), text({}, {}, 1)) << "TLS identities";
    EXPECT_EQ(text(made({{"X-Api-Key", "one"}})), text(made({{"X-Api-Key", "two"}}))) << "nobody said so";
}

TEST(selection, knows_whether_there_are_credentials) {
    const auto has = [](const headers& own) {
        return cache_selector(0, own, nullptr, {"X-Api-Key"}).has_credentials();
    };
    EXPECT_FALSE(has({}));
    EXPECT_FALSE(has(made({{"Host", "shop.example"}, {"Accept", "x"}})));
    EXPECT_TRUE(has(made({{"Authorization", "Bearer x"}})));
    EXPECT_TRUE(has(made({{"Cookie", "a=b"}})));
    EXPECT_TRUE(has(made({{"x-api-key", "x"}})));
}

}  // namespace
}  // namespace lido::http

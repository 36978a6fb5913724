// The patterns that docs/design/coroutines.md allows, with objects that count: each must be destroyed exactly once, by
// every compiler, whether the coroutine ends or is destroyed while suspended. What GCC 12.2 is known to miscompile is
// listed there and kept out by the static assertions below.
#include "lido/base/back_off.hpp"
#include "lido/base/error.hpp"
#include "lido/base/operation.hpp"
#include "lido/base/secret.hpp"
#include "lido/http/headers.hpp"
#include "lido/http/request.hpp"
#include "lido/http/response_cache.hpp"
#include "lido/http/response_stream.hpp"
#include "lido/net/connect.hpp"
#include "lido/net/runtime.hpp"
#include "lido/net/stream.hpp"
#include "lido/pool/settings.hpp"
#include "support/safe_in_co_await.hpp"
#include "support/virtual_scheduler.hpp"
#include "support/work.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::error;
using lido::operation;
using lido::result;
using lido::secret;
using lido::task;
using lido::test::delay;
using lido::test::lido_safe_in_co_await;
using lido::test::virtual_scheduler;

struct unsafe_options {
    std::string text;
    int number = 0;
};
static_assert(!lido_safe_in_co_await<unsafe_options>);
static_assert(lido_safe_in_co_await<lido::back_off_settings>);
static_assert(lido_safe_in_co_await<lido::runtime_settings>);
static_assert(lido_safe_in_co_await<lido::pool_numbers>);
static_assert(lido_safe_in_co_await<lido::pool::acquire_options>);
static_assert(lido_safe_in_co_await<lido::net::connect_options>);
static_assert(lido_safe_in_co_await<lido::net::open_options>);
static_assert(lido_safe_in_co_await<lido::net::address>);
static_assert(lido_safe_in_co_await<lido::net::endpoint>);
static_assert(lido_safe_in_co_await<lido::net::egress_policy>);
static_assert(lido_safe_in_co_await<lido::http::request>);
static_assert(lido_safe_in_co_await<lido::http::headers>);
static_assert(lido_safe_in_co_await<lido::http::response_stream>);
static_assert(lido_safe_in_co_await<lido::http::cache_arrival>);
static_assert(lido_safe_in_co_await<lido::http::cache_visit>);
static_assert(lido_safe_in_co_await<error>);
static_assert(lido_safe_in_co_await<secret>);
static_assert(lido_safe_in_co_await<result<std::string>>);
static_assert(lido_safe_in_co_await<operation<int>>);
static_assert(lido_safe_in_co_await<task<int>>);

/// Knows which of its kind live: an object destroyed twice, or used after that, is noticed and not only counted.
class tracked {
public:
    explicit tracked(std::string text = "x") : text_(std::move(text)) { born(); }
    tracked(const tracked& other) : text_(other.text_) {
        expect_alive(other);
        born();
    }
    tracked(tracked&& other) noexcept : text_(std::move(other.text_)) {
        expect_alive(other);
        born();
    }
    tracked& operator=(const tracked&) = default;
    tracked& operator=(tracked&&) noexcept = default;
    ~tracked() { EXPECT_EQ(living().erase(this), 1U) << "destroyed twice"; }
    [[nodiscard]] const std::string& text() const {
        expect_alive(*this);
        return text_;
    }
    [[nodiscard]] static std::set<const tracked*>& living() {
        static std::set<const tracked*> all;
        return all;
    }

private:
    void born() { EXPECT_TRUE(living().insert(this).second); }
    static void expect_alive(const tracked& object) { EXPECT_TRUE(living().contains(&object)) << "used when dead"; }
    std::string text_;
};

/// Options with user-provided constructors, made by a chain of calls or by braces.
class options {
public:
    options() : text_(tracked("default")) {}
    options(std::string text, int number) : text_(tracked(std::move(text))), number_(number) {}
    options&& with_text(std::string text) && {
        text_ = tracked(std::move(text));
        return std::move(*this);
    }
    [[nodiscard]] std::string to_text() const { return text_.text() + std::to_string(number_); }

private:
    tracked text_;
    int number_ = 0;
};

/// Options as `acquire_options` has them: an aggregate with nothing to destroy.
struct plain_options {
    int priority = 0;
    lido::duration timeout = 1s;
    std::optional<int> limit;
};
static_assert(lido_safe_in_co_await<options> && lido_safe_in_co_await<plain_options>);

/// How a child ends: at once, or after a suspension during which its parent may be destroyed.
enum class pace { at_once, suspended };
pace current_pace = pace::at_once;

task<> breathe() {
    if (current_pace == pace::suspended) co_await delay(1ms);
}

task<std::string> by_value(options given) {
    co_await breathe();
    co_return given.to_text();
}
task<std::string> by_reference(const options& given) {
    co_await breathe();
    co_return given.to_text();
}
task<int> plain(plain_options given) {
    co_await breathe();
    co_return given.priority;
}
task<std::string> of_secret(secret given) {
    co_await breathe();
    co_return std::string(given.reveal());
}
task<bool> yes() {
    co_await breathe();
    co_return true;
}
task<result<tracked>> fallible(bool good) {
    co_await breathe();
    if (good) co_return tracked("good");
    co_return error(lido::errc::timeout, "canary");
}
struct member_functions {
    tracked state{"member"};
    [[nodiscard]] task<std::string> ask(options given) const {
        co_await breathe();
        co_return state.text() + given.to_text();
    }
};

task<std::string> options_made_by_braces() {
    co_return co_await by_value({"braces", 1});
}
task<std::string> options_made_by_empty_braces() {
    co_return co_await by_value({});
}
task<std::string> options_made_by_a_constructor() {
    co_return co_await by_value(options("made", 2));
}
task<std::string> options_made_by_a_chain() {
    co_return co_await by_value(options().with_text("chain"));
}
task<std::string> options_by_reference() {
    co_return co_await by_reference({"reference", 3});
}
task<std::string> plain_options_by_designators() {
    co_return std::to_string(co_await plain({.priority = 7, .timeout = 2s, .limit = 3}));
}
task<std::string> a_secret_made_from_a_literal() {
    co_return co_await of_secret("hunter2");
}
task<std::string> a_member_of_a_named_object() {
    const member_functions object;
    co_return co_await object.ask({"asked", 4});
}
task<std::string> two_awaits_in_one_expression() {
    co_return co_await by_value({"one", 1}) + co_await by_value({"two", 2});
}
task<std::string> an_aggregate_in_a_named_variable() {
    const unsafe_options named{.text = "named", .number = 5};
    const auto child = [](const unsafe_options& given) -> task<std::string> {
        co_await breathe();
        co_return given.text;
    };
    co_return co_await child(named);
}
task<std::string> a_capturing_lambda_in_a_named_variable() {
    const tracked captured("captured");
    const auto child = [captured]() -> task<std::string> {
        co_await breathe();
        co_return captured.text();
    };
    co_return co_await child();
}
task<std::string> a_lambda_that_captures_by_reference() {
    const tracked captured("captured");
    co_return co_await [](const tracked& given) -> task<std::string> {
        co_await breathe();
        co_return given.text();
    }(captured);
}
task<std::string> a_condition_in_a_body_with_a_local() {
    const bool answer = co_await yes();
    if (answer) co_return "yes";
    co_return "no";
}
task<std::string> a_condition_with_an_initializer() {
    std::string text;
    if (auto outcome = co_await fallible(true); outcome) text = outcome->text();
    if (auto outcome = co_await fallible(false); !outcome) text += outcome.error().what();
    co_return text;
}
task<std::string> a_loop_with_a_condition() {
    int rounds = 0;
    while (rounds < 3) {
        const bool more = co_await yes();
        if (!more) break;
        ++rounds;
    }
    co_return std::to_string(rounds);
}
task<std::string> a_choice_by_if_and_not_by_a_conditional_operator() {
    std::string text;
    if (current_pace == pace::at_once) {
        text = co_await by_value({"if", 1});
    } else {
        text = co_await by_value({"else", 2});
    }
    co_return text.substr(text.size() - 1) == "1" || text.substr(text.size() - 1) == "2" ? "chosen" : "lost";
}
task<std::string> a_split_into_making_and_awaiting() {
    auto made = by_value({"split", 6});
    co_return co_await std::move(made);
}
task<std::string> a_value_taken_out_of_a_result() {
    co_return (co_await fallible(true)).value().text();
}
task<std::string> an_exception_thrown_past_temporaries() {
    std::string text;
    try {
        text = (co_await fallible(false)).value().text();
    } catch (const lido::exception& thrown) {
        text = thrown.error().what();
    }
    co_return text;
}
task<std::string> an_operation_with_options() {
    const auto make = [](lido::scheduler_group& group, options given) -> operation<std::string> {
        return {group, [](options inner) -> task<result<std::string>> {
                    co_await breathe();
                    co_return inner.to_text();
                }(std::move(given))};
    };
    co_return (co_await make(lido::scheduler::current()->group(), {"operation", 8})).value();
}

struct pattern {
    const char* name;
    task<std::string> (*body)();
    const char* expected;
};

void PrintTo(const pattern& shown, std::ostream* out) {
    *out << shown.name;
}

#define PATTERN(name, expected) \
    pattern {                   \
        #name, name, expected   \
    }

class coroutine_canary : public testing::TestWithParam<pattern> {
protected:
    void TearDown() override {
        EXPECT_TRUE(tracked::living().empty()) << "not destroyed";
        tracked::living().clear();
        current_pace = pace::at_once;
    }
    virtual_scheduler scheduler;
};

TEST_P(coroutine_canary, is_right_when_everything_completes_at_once) {
    current_pace = pace::at_once;
    const auto outcome = scheduler.start(GetParam().body());
    scheduler.run_until_idle();
    EXPECT_EQ(outcome.take(), GetParam().expected);
}

TEST_P(coroutine_canary, is_right_when_it_is_suspended_in_between) {
    current_pace = pace::suspended;
    const auto outcome = scheduler.start(GetParam().body());
    scheduler.advance(1s);
    EXPECT_EQ(outcome.take(), GetParam().expected);
}

TEST_P(coroutine_canary, is_right_when_it_is_destroyed_at_any_of_its_suspensions) {
    current_pace = pace::suspended;
    for (auto after = 0ms; after < 6ms; after += 1ms) {
        const auto outcome = scheduler.start(GetParam().body());
        scheduler.run_until_idle();
        scheduler.advance(after);
        outcome.cancel();
        scheduler.run_until_idle();
        EXPECT_TRUE(outcome.done());
        EXPECT_TRUE(tracked::living().empty());
    }
}

INSTANTIATE_TEST_SUITE_P(
    patterns, coroutine_canary,
    testing::Values(
        PATTERN(options_made_by_braces, "braces1"), PATTERN(options_made_by_empty_braces, "default0"),
        PATTERN(options_made_by_a_constructor, "made2"), PATTERN(options_made_by_a_chain, "chain0"),
        PATTERN(options_by_reference, "reference3"), PATTERN(plain_options_by_designators, "7"),
        PATTERN(a_secret_made_from_a_literal, "hunter2"), PATTERN(a_member_of_a_named_object, "memberasked4"),
        PATTERN(two_awaits_in_one_expression, "one1two2"), PATTERN(an_aggregate_in_a_named_variable, "named"),
        PATTERN(a_capturing_lambda_in_a_named_variable, "captured"),
        PATTERN(a_lambda_that_captures_by_reference, "captured"), PATTERN(a_condition_in_a_body_with_a_local, "yes"),
        PATTERN(a_condition_with_an_initializer, "goodcanary"), PATTERN(a_loop_with_a_condition, "3"),
        PATTERN(a_choice_by_if_and_not_by_a_conditional_operator, "chosen"),
        PATTERN(a_split_into_making_and_awaiting, "split6"), PATTERN(a_value_taken_out_of_a_result, "good"),
        PATTERN(an_exception_thrown_past_temporaries, "canary"), PATTERN(an_operation_with_options, "operation8")),
    [](const testing::TestParamInfo<pattern>& shown) { return std::string(shown.param.name); });

}  // namespace

// Goal: fallbacks are asked in their order, only where that does no harm, and what they did is counted; the same for
// every kind of service. Method: a list by itself, and a service of fake endpoints in virtual time.
#include "unit/upstream/service_fixture.hpp"

#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using upstream::fallback;
using upstream::fallback_list;
using upstream::fixed_answer;
using upstream::fixed_error;
using upstream::no_question;

using list = fallback_list<std::string, no_question>;
using entries = std::vector<list::entry>;

list::entry silent(std::string name) {
    list::entry made;
    made.name = std::move(name);
    made.safe_only = false;
    made.answer = [](const no_question&, const error&, time_point) -> task<result<std::string>> {
        co_return error(errc::connect_failed, "nothing here either");
    };
    return made;
}

list::entry for_all(list::entry made) {
    made.safe_only = false;
    return made;
}

struct page {
    std::string text;
    bool old = false;
    void mark_stale() { old = true; }
};

// ---- the list -------------------------------------------------------------------------------------------------------

class fallback_list_test : public testing::Test {
protected:
    template <class T, class Question>
    std::optional<result<T>> ask(const fallback_list<T, Question>& whom, bool writes, const Question& what = {}) {
        std::optional<result<T>> instead;
        const error why(errc::circuit_open, "test");
        const auto asking = group_.at(0).start(whom.ask(what, why, writes, group_.now() + 1s, instead));
        group_.run_until_idle();
        EXPECT_TRUE(asking.done());
        return instead;
    }
    virtual_group group_{1};
};

TEST_F(fallback_list_test, gives_the_first_answer_and_asks_no_further) {
    const list three(entries{silent("first"), fixed_answer(std::string("b"), "second"), silent("third")});
    const auto got = ask(three, false);
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->value(), "b");
    const auto seen = three.statistics();
    EXPECT_EQ(seen[0].name, "first");
    EXPECT_EQ(std::pair(seen[0].asked, seen[0].answered), std::pair(std::uint64_t{1}, std::uint64_t{0}));
    EXPECT_EQ(std::pair(seen[1].asked, seen[1].answered), std::pair(std::uint64_t{1}, std::uint64_t{1}));
    EXPECT_EQ(seen[2].asked, 0U);
}

TEST_F(fallback_list_test, asks_those_for_reading_only_not_for_what_writes) {
    const list two(entries{fixed_answer(std::string("a"), "reads"), for_all(fixed_answer(std::string("b"), "all"))});
    EXPECT_EQ(ask(two, true)->value(), "b");
    EXPECT_EQ(ask(two, false)->value(), "a");
}

TEST_F(fallback_list_test, has_nothing_when_none_answers) {
    EXPECT_FALSE(ask(list(entries{silent("a"), silent("b")}), false).has_value());
    EXPECT_FALSE(ask(list(entries{}), false).has_value());
}

TEST_F(fallback_list_test, ends_with_an_error_that_is_the_last_word) {
    const error closed(errc::rate_limited, "closed for today");
    const list two(
        entries{fixed_error<std::string>(closed, "closed", true), for_all(fixed_answer(std::string("b"), "all"))});
    EXPECT_EQ(ask(two, false)->error(), errc::rate_limited);
    EXPECT_EQ(ask(two, true)->value(), "b") << "that error is for reading only";
    EXPECT_EQ(two.statistics()[0].answered, 0U);
}

TEST_F(fallback_list_test, marks_what_is_stale_where_its_type_can_be) {
    const fallback_list<page, no_question> old({fixed_answer(page{"yesterday"}, "old", true)});
    EXPECT_TRUE(ask(old, false)->value().old);
    const fallback_list<page, no_question> fresh({fixed_answer(page{"notice"}, "notice")});
    EXPECT_FALSE(ask(fresh, false)->value().old);
    const list text(entries{fixed_answer(std::string("a"), "no mark on a string", true)});
    EXPECT_EQ(ask(text, false)->value(), "a");
}

TEST_F(fallback_list_test, tells_each_what_was_asked_and_why) {
    using asked_by_name = fallback_list<std::string, std::string>;
    asked_by_name::entry one;
    one.name = "says it";
    one.answer = [](const std::string& what, const error& why, time_point) -> task<result<std::string>> {
        co_return what + ", " + std::string(why.what());
    };
    EXPECT_EQ(ask(asked_by_name({one}), false, std::string("shoes"))->value(), "shoes, test");
}

TEST_F(fallback_list_test, is_not_made_of_what_has_no_name_or_no_answer) {
    EXPECT_THROW(list(entries{silent("")}), exception);
    EXPECT_THROW(list(entries{silent(std::string(101, 'x'))}), exception);
    EXPECT_THROW(list(entries{list::entry()}), exception);
    EXPECT_THAT(list::validate(entries{silent("")}).error().message(), HasSubstr("fallbacks"));
}

TEST(may_fall_back, unless_something_may_have_been_done_or_the_fault_is_the_callers_own) {
    const auto may = [](errc code) { return upstream::may_fall_back(error(code, "test")); };
    for (const errc code : {errc::circuit_open, errc::rate_limited, errc::queue_full, errc::acquire_timeout,
                            errc::connect_failed, errc::timeout, errc::connection_closed}) {
        EXPECT_TRUE(may(code)) << name_of(code);
    }
    for (const errc code : {errc::maybe_executed, errc::invalid_argument, errc::pool_closed, errc::cancelled}) {
        EXPECT_FALSE(may(code)) << name_of(code);
    }
}

// ---- in a service ---------------------------------------------------------------------------------------------------

class service_with_fallbacks : public service_test {
protected:
    void fall_back_on(entries made) { instead_ = std::make_shared<const list>(std::move(made)); }
    [[nodiscard]] result<std::string> ask(call_options options) {
        const auto one = group_.at(0).start(service_->run(work(), options, instead_));
        group_.advance(2s);
        if (!one.done()) return error(errc::would_deadlock, "the call has not ended");
        return one.take();
    }
    [[nodiscard]] static call_options writing() { return {.timeout = 1s}; }

    std::shared_ptr<const list> instead_;
};

TEST_F(service_with_fallbacks, asks_none_while_an_endpoint_answers) {
    open({primary("a")});
    fall_back_on({fixed_answer(std::string("notice"), "notice")});
    EXPECT_EQ(ask(repeatable(1s)).value(), "a");
    EXPECT_EQ(instead_->statistics()[0].asked, 0U);
}

TEST_F(service_with_fallbacks, asks_another_service_when_no_endpoint_can_be_reached_even_for_what_writes) {
    open({primary("a")});
    world("a").let(step_kind::open, outcome_kind::fail);
    fake_world elsewhere;
    {
        fake_service beside(group_, {}, std::vector{primary("beside")}, fake_service::default_pools(),
                            [&](const endpoint_settings&) { return fake_connector(elsewhere); });
        const auto there = [](const no_question&) {
            return
                [](fake_service::lease&, time_point) -> task<result<std::string>> { co_return std::string("beside"); };
        };
        fall_back_on({upstream::fallback_to<std::string, no_question>(beside, there, "beside")});
        EXPECT_EQ(ask(writing()).value(), "beside");
        fall_back_on({upstream::fallback_to<std::string, no_question>(beside, there, "mirror", true)});
        EXPECT_FALSE(ask(writing()).has_value()) << "a mirror is for reading only";
        EXPECT_EQ(ask(repeatable(1s)).value(), "beside");
    }
    group_.advance(1min);
    EXPECT_EQ(elsewhere.live(), 0U);
}

TEST_F(service_with_fallbacks, asks_them_when_a_policy_refuses) {
    policies_.rate_limiter.emplace();
    policies_.rate_limiter->per_second = 1;
    policies_.rate_limiter->max_wait = 0s;
    open({primary("a")});
    fall_back_on({fixed_answer(std::string("notice"), "notice")});
    const auto first = call();
    EXPECT_EQ(ask({.timeout = 1s, .writes = false}).value(), "notice");
    EXPECT_TRUE(first.done());
}

TEST_F(service_with_fallbacks, asks_none_when_the_call_may_have_been_carried_out) {
    open({primary("a")});
    fall_back_on({for_all(fixed_answer(std::string("notice"), "notice"))});
    at("a").ends = outcome::unsure;
    EXPECT_FALSE(ask(writing()).has_value());
    at("a").ends = outcome::success;
    at("a").takes = 1h;
    EXPECT_EQ(ask(writing()).error(), errc::timeout) << "cut at its deadline";
    EXPECT_EQ(ask(repeatable(1s)).value(), "notice") << "what is repeatable does no harm";
    at("a").takes = 0s;
    at("a").ends = outcome::ignored;
    EXPECT_FALSE(ask(repeatable(1s)).has_value()) << "the caller's own fault";
    EXPECT_EQ(instead_->statistics()[0].asked, 1U);
}

TEST_F(service_with_fallbacks, gives_the_calls_own_error_when_none_has_an_answer) {
    open({primary("a")});
    world("a").let(step_kind::open, outcome_kind::fail);
    fall_back_on({silent("one"), silent("two")});
    const auto got = ask(writing());
    ASSERT_FALSE(got.has_value());
    EXPECT_THAT(got.error().message(), testing::Not(HasSubstr("nothing here either")));
    EXPECT_EQ(instead_->statistics()[1].asked, 1U);
}

TEST_F(service_with_fallbacks, gives_an_error_at_once_where_the_list_says_so) {
    open({primary("a")});
    world("a").let(step_kind::open, outcome_kind::fail);
    fall_back_on({fixed_error<std::string>(error(errc::pool_paused, "closed for today"), "closed"), silent("never")});
    EXPECT_EQ(ask(writing()).error(), errc::pool_paused);
    EXPECT_EQ(instead_->statistics()[1].asked, 0U);
}

}  // namespace
}  // namespace lido::test

// A cache as senders of requests use it: what is asked of the server, what is answered, and what is kept.
#include "lido/base/random.hpp"
#include "lido/http/response_cache.hpp"
#include "made_response.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using test::first_moment;
using test::first_wall;
using test::http_date;
using test::made_response;
using testing::ElementsAre;
using testing::IsEmpty;

/// What came of a request; unlike its base, it may be ignored.
struct answer : result<response> {
    using result<response>::result;
    answer(result<response> from) : result<response>(std::move(from)) {}  // NOLINT(google-explicit-constructor)
};

answer fails(errc code) {
    return error(code, "the test says so");
}

/// A sender in front of a server that answers as the test says. Time is what the test makes of it.
class sender {
public:
    explicit sender(cache_settings settings = {}) : cache(std::move(settings)) {}

    /// Sends a request by way of the cache; `server` gives the answers in turn, and what it saw is in `seen`.
    answer send(request what, std::vector<answer> answers = {}) {
        server = std::move(answers);
        seen.clear();
        cache_visit visit = cache.visit("http://shop.example" + what.target(), what, identity, defaults, now());
        plan = visit.plan();
        background.reset();
        if (plan != cache_plan::send) {
            background = visit.begin_revalidation(now());
            return visit.answer(now());
        }
        return send_visiting(std::move(what), visit);
    }
    answer get(std::vector<answer> answers = {}) { return send(request(method::get, "/"), std::move(answers)); }

    /// Ends the revalidation that the last request began.
    answer revalidate(std::vector<answer> answers) {
        server = std::move(answers);
        seen.clear();
        answer came = send_visiting(request(method::get, "/"), *background);
        background.reset();
        return came;
    }

    [[nodiscard]] time_point now() const { return first_moment + passed; }

    response_cache cache;
    cache_identity identity{};
    headers defaults;
    duration passed{};
    duration takes{};  ///< the server, for an answer
    cache_plan plan = cache_plan::send;
    std::optional<cache_visit> background;
    std::vector<std::string> seen;  ///< "GET" and the conditions, one line for each request that was sent

private:
    answer send_visiting(request what, cache_visit& visit) {
        visit.prepare(what);
        answer came = exchange(what);
        if (visit.must_ask_again(came)) {
            visit.prepare(what);
            came = exchange(what);
        }
        const time_point sent = now() - takes;
        return visit.settle(std::move(came), {sent, now(), first_wall + passed});
    }
    answer exchange(const request& what) {
        std::string line(what.method().text());
        for (const char* name : {"If-None-Match", "If-Modified-Since"}) {
            if (const auto value = what.header(name)) line.append(" ").append(*value);
        }
        seen.push_back(line);
        if (server.empty()) return made_response(599, "", "the test did not expect this request");
        answer next = std::move(server.front());
        server.erase(server.begin());
        passed += takes;
        return next;
    }
    std::vector<answer> server;
};

std::string body(const answer& of) {
    return of ? std::string(of->body()) : of.error().message();
}

answer page(std::string_view lines, std::string_view text = "page") {
    return made_response(200, lines, text);
}

// ---- reuse and validation -------------------------------------------------------------------------------------------

TEST(a_fresh_response, is_given_without_asking_the_server) {
    sender to;
    EXPECT_EQ(to.get({page("Cache-Control: max-age=60\r\n")})->source(), response_source::network);
    to.passed = 59s;
    const answer again = to.get();
    EXPECT_EQ(again->source(), response_source::cache);
    EXPECT_EQ(again->body(), "page");
    EXPECT_EQ(again->age(), 59s);
    EXPECT_THAT(to.seen, IsEmpty());
    EXPECT_EQ(to.cache.statistics().hits, 1U);
    EXPECT_EQ(to.cache.statistics().misses, 1U);
}

TEST(a_stale_response, is_validated_by_its_tag_and_its_date) {
    sender to;
    const std::string date = http_date(-1h);
    to.get({page("Cache-Control: max-age=60\r\nETag: \"v1\"\r\nLast-Modified: " + date + "\r\n")});
    to.passed = 60s;
    const answer again = to.get({made_response(304, "X-New: 1\r\n")});
    EXPECT_THAT(to.seen, ElementsAre("GET \"v1\" " + date));
    EXPECT_EQ(again->status(), 200U);
    EXPECT_EQ(again->body(), "page");
    EXPECT_EQ(again->source(), response_source::validated);
    EXPECT_EQ(again->header("X-New"), "1");
    EXPECT_EQ(again->age(), 0s);
    to.passed = 119s;
    EXPECT_EQ(to.get()->source(), response_source::cache) << "fresh for another minute";
    EXPECT_EQ(to.cache.statistics().validated, 1U);
    EXPECT_EQ(to.cache.statistics().entries, 1U);
}

TEST(a_stale_response, that_has_changed_is_replaced) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\nETag: \"v1\"\r\n", "old")});
    to.passed = 60s;
    EXPECT_EQ(body(to.get({page("Cache-Control: max-age=60\r\nETag: \"v2\"\r\n", "new")})), "new");
    EXPECT_EQ(body(to.get()), "new");
    EXPECT_EQ(to.cache.statistics().replaced, 1U);
}

TEST(a_stale_response, without_a_validator_is_asked_for_anew) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\n", "old")});
    to.passed = 60s;
    EXPECT_EQ(body(to.get({page("Cache-Control: max-age=60\r\n", "new")})), "new");
    EXPECT_THAT(to.seen, ElementsAre("GET"));
    EXPECT_EQ(body(to.get()), "new");
}

TEST(a_confirmation, of_another_version_is_not_believed) {
    sender to;
    to.get({page("ETag: \"v1\"\r\n", "old")});
    const answer again = to.get({made_response(304, "ETag: \"v2\"\r\n"), page("ETag: \"v2\"\r\n", "new")});
    EXPECT_THAT(to.seen, ElementsAre("GET \"v1\"", "GET"));
    EXPECT_EQ(body(again), "new");
    EXPECT_EQ(again->source(), response_source::network);
}

TEST(a_confirmation, that_forbids_storing_is_the_last_use) {
    sender to;
    to.get({page("ETag: \"v1\"\r\n")});
    EXPECT_EQ(body(to.get({made_response(304, "Cache-Control: no-store\r\n")})), "page");
    EXPECT_EQ(to.cache.statistics().entries, 0U);
}

TEST(a_response, that_took_long_to_come_is_older_by_that) {
    sender to;
    to.takes = 10s;
    to.get({page("Cache-Control: max-age=60\r\n")});
    to.passed = 59s;
    EXPECT_EQ(to.get()->age(), 59s);
    to.passed = 60s;
    EXPECT_EQ(to.get({page("")})->source(), response_source::network);
}

TEST(a_response, that_nobody_may_keep_takes_the_place_of_none) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\n", "old")});
    to.passed = 60s;
    to.get({page("Cache-Control: no-store\r\n", "new")});
    EXPECT_EQ(to.cache.statistics().entries, 0U) << "the old one is not what the server has any more";
}

TEST(a_server, that_asks_for_patience_says_nothing_of_what_is_stored) {
    sender to;
    to.get({page("ETag: \"v1\"\r\n")});
    EXPECT_EQ(to.get({made_response(429, "")})->status(), 429U);
    EXPECT_EQ(to.cache.statistics().entries, 1U);
    EXPECT_EQ(to.get({made_response(403, "")})->status(), 403U);
    EXPECT_EQ(to.cache.statistics().entries, 0U) << "access was taken away";
}

TEST(a_response, larger_than_allowed_is_not_kept) {
    cache_settings settings;
    settings.max_body_bytes = 3;
    sender to(settings);
    to.get({page("Cache-Control: max-age=60\r\n", "four")});
    EXPECT_EQ(to.cache.statistics().entries, 0U);
    EXPECT_EQ(to.cache.statistics().too_large, 1U);
    to.get({page("Cache-Control: max-age=60\r\n", "two")});
    EXPECT_EQ(to.cache.statistics().entries, 1U);
}

TEST(only_if_cached, is_answered_with_504_instead_of_asking) {
    sender to;
    const request asked = request(method::get, "/").header("Cache-Control", "only-if-cached");
    const answer none = to.send(asked);
    EXPECT_EQ(none->status(), 504U);
    EXPECT_EQ(none->source(), response_source::cache);
    to.get({page("Cache-Control: max-age=60\r\nETag: \"x\"\r\n")});
    EXPECT_EQ(body(to.send(asked)), "page");
    to.passed = 60s;
    EXPECT_EQ(to.send(asked)->status(), 504U);
    EXPECT_THAT(to.seen, IsEmpty());
}

TEST(a_request, that_deals_with_versions_itself_goes_past_the_cache) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\nETag: \"x\"\r\n")});
    const answer own = to.send(request(method::get, "/").header("If-None-Match", "\"mine\""),
                               {made_response(304, "ETag: \"mine\"\r\n")});
    EXPECT_EQ(own->status(), 304U);
    EXPECT_THAT(to.seen, ElementsAre("GET \"mine\""));
    EXPECT_EQ(to.cache.statistics().bypassed, 1U);
}

// ---- HEAD -----------------------------------------------------------------------------------------------------------

TEST(a_head, is_answered_by_a_fresh_response_to_get) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\n")});
    const answer head = to.send(request(method::head, "/"));
    EXPECT_EQ(head->body(), "");
    EXPECT_EQ(head->header("Content-Length"), "4");
    EXPECT_EQ(head->source(), response_source::cache);
}

TEST(a_head, that_is_sent_confirms_or_drops_the_response_to_get) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\nETag: \"v1\"\r\n")});
    to.passed = 60s;
    const answer same = made_response(200, "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n", "1234");
    to.send(request(method::head, "/"), {same});
    EXPECT_THAT(to.seen, ElementsAre("HEAD"));
    EXPECT_EQ(to.get()->source(), response_source::cache) << "fresh again";
    to.passed = 120s;
    to.send(request(method::head, "/"), {made_response(200, "ETag: \"v2\"\r\n", "1234")});
    EXPECT_EQ(to.cache.statistics().entries, 0U);
}

TEST(a_head, of_another_length_drops_the_response_to_get) {
    sender to;
    to.get({page("ETag: \"v1\"\r\n")});
    to.send(request(method::head, "/"), {made_response(200, "ETag: \"v1\"\r\n", "longer")});
    EXPECT_EQ(to.cache.statistics().entries, 0U);
}

TEST(a_head, is_not_stored) {
    sender to;
    to.send(request(method::head, "/"), {page("Cache-Control: max-age=60\r\n")});
    EXPECT_EQ(to.cache.statistics().entries, 0U);
}

// ---- callers and variants -------------------------------------------------------------------------------------------

TEST(a_response, reaches_nobody_with_other_credentials) {
    for (const char* name : {"Authorization", "Cookie", "X-Api-Key", "Host"}) {
        cache_settings settings;
        settings.credential_headers = {"X-Api-Key"};
        sender to(settings);
        const auto as = [name](const char* who) { return request(method::get, "/").header(name, who); };
        to.send(as("ann"), {page("Cache-Control: max-age=60\r\n", "ann's")});
        EXPECT_EQ(body(to.send(as("bob"), {page("Cache-Control: max-age=60\r\n", "bob's")})), "bob's") << name;
        EXPECT_EQ(body(to.get({page("Cache-Control: max-age=60\r\n", "anybody's")})), "anybody's") << name;
        EXPECT_EQ(body(to.send(as("ann"))), "ann's") << name;
        EXPECT_EQ(body(to.send(as("bob"))), "bob's") << name;
        EXPECT_EQ(body(to.get()), "anybody's") << name;
    }
}

TEST(a_response, reaches_nobody_with_another_tls_identity) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\n", "ann's")});
    to.identity = cache_identity(1);
    EXPECT_EQ(body(to.get({page("Cache-Control: max-age=60\r\n", "bob's")})), "bob's");
}

TEST(a_failure, is_not_replaced_by_what_belongs_to_somebody_else) {
    cache_settings settings;
    settings.stale_if_error = 1h;
    sender to(settings);
    to.send(request(method::get, "/").header("Cookie", "ann"), {page("Cache-Control: max-age=60\r\n", "ann's")});
    EXPECT_FALSE(to.send(request(method::get, "/").header("Cookie", "bob"), {fails(errc::connect_failed)}));
}

TEST(a_private_response, is_kept_only_for_a_caller_who_shows_who_he_is) {
    sender to;
    const std::string lines = "Cache-Control: private, max-age=60\r\n";
    to.get({page(lines)});
    EXPECT_EQ(to.cache.statistics().entries, 0U);
    to.send(request(method::get, "/").header("Authorization", "ann"), {page(lines)});
    EXPECT_EQ(to.cache.statistics().entries, 1U);
}

TEST(a_response_with_a_cookie, is_not_kept) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\nSet-Cookie: session=1\r\n")});
    EXPECT_EQ(to.cache.statistics().entries, 0U);
    to.get({page("ETag: \"x\"\r\n")});
    const answer confirmed = to.get({made_response(304, "Set-Cookie: session=2\r\nCache-Control: max-age=60\r\n")});
    EXPECT_EQ(confirmed->header("Set-Cookie"), "session=2");
    EXPECT_FALSE(to.get()->header("Set-Cookie").has_value());
}

TEST(variants, are_selected_by_what_vary_names) {
    sender to;
    const auto in = [](const char* language) { return request(method::get, "/").header("Accept-Language", language); };
    const std::string lines = "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n";
    to.send(in("de"), {page(lines, "Seite")});
    EXPECT_EQ(body(to.send(in("en"), {page(lines, "page")})), "page");
    EXPECT_EQ(body(to.send(in("de"))), "Seite");
    EXPECT_EQ(body(to.send(in("en"))), "page");
    EXPECT_EQ(body(to.get({page(lines, "?")})), "?");
}

TEST(variants, by_everything_are_not_kept) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\nVary: *\r\n")});
    EXPECT_EQ(to.cache.statistics().entries, 0U);
}

// ---- invalidation ---------------------------------------------------------------------------------------------------

TEST(an_unsafe_request, takes_out_what_it_may_have_changed) {
    const std::string lines = "Cache-Control: max-age=60\r\n";
    for (const method& how : {method::post, method::put, method::delete_, method::patch}) {
        sender to;
        to.get({page(lines)});
        to.send(request(how, "/"), {made_response(204, "")});
        EXPECT_EQ(body(to.get({page(lines, "new")})), "new") << how.text();
    }
}

TEST(an_unsafe_request, that_was_refused_or_failed_changes_nothing) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\n")});
    to.send(request(method::post, "/"), {made_response(409, "")});
    to.send(request(method::post, "/"), {fails(errc::connect_failed)});
    EXPECT_EQ(body(to.get()), "page");
}

TEST(an_unsafe_request, takes_out_what_its_response_names_of_the_same_origin) {
    const std::string lines = "Cache-Control: max-age=60\r\n";
    struct reference {
        std::string line;
        bool removes;
    };
    for (const reference& each : std::vector<reference>{{"Location: /new?x=1\r\n", true},
                                                        {"Content-Location: http://shop.example/new?x=1\r\n", true},
                                                        {"Location: HTTP://SHOP.example:80/new?x=1#top\r\n", true},
                                                        {"Location: http://other.example/new?x=1\r\n", false},
                                                        {"Location: //other.example/new?x=1\r\n", false},
                                                        {"Location: https://shop.example/new?x=1\r\n", false}}) {
        sender to;
        to.send(request(method::get, "/new?x=1"), {page(lines)});
        to.send(request(method::post, "/"), {made_response(201, each.line)});
        EXPECT_EQ(to.cache.statistics().entries, each.removes ? 0U : 1U) << each.line;
    }
}

TEST(an_answer_on_its_way, is_not_kept_when_something_has_changed_meanwhile) {
    sender to;
    request get(method::get, "/");
    cache_visit early = to.cache.visit("http://shop.example/", get, to.identity, to.defaults, to.now());
    to.send(request(method::post, "/"), {made_response(200, "")});
    const answer came = early.settle(page("Cache-Control: max-age=60\r\n", "old"), {to.now(), to.now(), first_wall});
    EXPECT_EQ(body(came), "old") << "it was asked for before";
    EXPECT_EQ(body(to.get({page("", "new")})), "new");
    EXPECT_EQ(to.cache.statistics().outdated, 1U);
}

TEST(forgetting, takes_out_a_uri_or_everything) {
    sender to;
    to.get({page("Cache-Control: max-age=60\r\n")});
    EXPECT_EQ(to.cache.forget("http://shop.example/none"), 0U);
    EXPECT_EQ(to.cache.forget("http://shop.example/"), 1U);
    to.get({page("Cache-Control: max-age=60\r\n")});
    EXPECT_THAT(to.seen, ElementsAre("GET"));
    to.cache.clear();
    EXPECT_EQ(to.cache.statistics().entries, 0U);
    EXPECT_EQ(to.cache.statistics().bytes, 0U);
}

// ---- failures -------------------------------------------------------------------------------------------------------

TEST(a_failed_server, is_stood_in_for_within_the_window_of_the_response) {
    sender to;
    to.get({page("Cache-Control: max-age=60, stale-if-error=100\r\nETag: \"x\"\r\n")});
    to.passed = 160s;
    for (answer failure : {fails(errc::connect_failed), fails(errc::read_timeout), fails(errc::pool_exhausted),
                           fails(errc::circuit_open), answer(made_response(503, ""))}) {
        std::vector<answer> one;
        one.push_back(std::move(failure));
        const answer stale = to.get(std::move(one));
        ASSERT_TRUE(stale.has_value());
        EXPECT_EQ(stale->status(), 200U);
        EXPECT_EQ(stale->body(), "page");
        EXPECT_TRUE(stale->is_stale());
        EXPECT_EQ(stale->age(), 160s);
        EXPECT_EQ(stale->header("Age"), "160");
        EXPECT_THAT(to.seen, ElementsAre("GET \"x\"")) << "the server is asked each time";
    }
    EXPECT_EQ(to.cache.statistics().stale_if_error, 5U);
    to.passed = 161s;
    EXPECT_EQ(to.get({fails(errc::connect_failed)}).error(), errc::connect_failed);
    EXPECT_EQ(to.get({made_response(503, "")})->status(), 503U);
}

TEST(a_failed_server, is_stood_in_for_by_plain_responses_when_the_setting_says_so) {
    cache_settings settings;
    settings.stale_if_error = 100s;
    sender to(settings);
    to.get({page("")});
    to.passed = 100s;
    EXPECT_TRUE(to.get({fails(errc::connect_failed)})->is_stale());
    to.passed = 101s;
    EXPECT_FALSE(to.get({fails(errc::connect_failed)}));
}

TEST(a_failed_server, is_not_stood_in_for_by_what_must_be_validated) {
    for (const char* said : {"must-revalidate", "no-cache", "no-store"}) {
        cache_settings settings;
        settings.stale_if_error = 1h;
        sender to(settings);
        to.get({page("ETag: \"x\"\r\nCache-Control: max-age=60, stale-if-error=1000, " + std::string(said) + "\r\n")});
        to.passed = 60s;
        EXPECT_FALSE(to.get({fails(errc::connect_failed)})) << said;
        EXPECT_EQ(to.get({made_response(503, "")})->status(), 503U) << said;
    }
}

TEST(a_failed_server, is_not_stood_in_for_when_the_fault_is_elsewhere) {
    cache_settings settings;
    settings.stale_if_error = 1h;
    sender to(settings);
    to.get({page("")});
    for (const errc code : {errc::tls_failed, errc::cancelled, errc::pool_closed, errc::limit_exceeded}) {
        EXPECT_EQ(to.get({fails(code)}).error(), code);
    }
    EXPECT_EQ(to.get({made_response(404, "")})->status(), 404U);
}

TEST(a_failed_server, is_not_stood_in_for_by_what_was_invalidated_meanwhile) {
    cache_settings settings;
    settings.stale_if_error = 1h;
    sender to(settings);
    to.get({page("")});
    request get(method::get, "/");
    cache_visit early = to.cache.visit("http://shop.example/", get, to.identity, to.defaults, to.now());
    to.send(request(method::delete_, "/"), {made_response(204, "")});
    EXPECT_FALSE(early.settle(fails(errc::connect_failed), {to.now(), to.now(), first_wall}));
}

// ---- stale while revalidating ---------------------------------------------------------------------------------------

class grace_sender : public sender {
public:
    grace_sender() {
        get({page("Cache-Control: max-age=60, stale-while-revalidate=30\r\nETag: \"v1\"\r\n", "old")});
        passed = 70s;
    }
};

TEST(a_response_in_its_grace, is_given_at_once_and_brought_up_to_date_behind) {
    grace_sender to;
    const answer given = to.get();
    EXPECT_EQ(to.plan, cache_plan::use_and_revalidate);
    EXPECT_EQ(body(given), "old");
    EXPECT_TRUE(given->is_stale());
    EXPECT_EQ(given->age(), 70s);
    ASSERT_TRUE(to.background.has_value());
    EXPECT_EQ(to.cache.statistics().revalidations_running, 1U);
    to.revalidate({page("Cache-Control: max-age=60\r\n", "new")});
    EXPECT_THAT(to.seen, ElementsAre("GET \"v1\""));
    EXPECT_EQ(to.get()->source(), response_source::cache);
    EXPECT_EQ(body(to.get()), "new");
    const cache_statistics numbers = to.cache.statistics();
    EXPECT_EQ(numbers.stale_while_revalidating, 1U);
    EXPECT_EQ(numbers.revalidations, 1U);
    EXPECT_EQ(numbers.revalidations_running, 0U);
}

TEST(a_response_in_its_grace, is_asked_for_once_however_many_want_it) {
    grace_sender to;
    to.get();
    ASSERT_TRUE(to.background.has_value());
    request get(method::get, "/");
    cache_visit second = to.cache.visit("http://shop.example/", get, to.identity, to.defaults, to.now());
    EXPECT_EQ(second.plan(), cache_plan::use_and_revalidate);
    EXPECT_FALSE(second.begin_revalidation(to.now()).has_value());
    EXPECT_EQ(body(second.answer(to.now())), "old");
}

TEST(a_response_in_its_grace, is_left_alone_for_a_while_after_a_failure) {
    grace_sender to;
    to.get();
    EXPECT_FALSE(to.revalidate({fails(errc::connect_failed)}));
    to.passed += 999ms;
    EXPECT_EQ(body(to.get()), "old");
    EXPECT_FALSE(to.background.has_value());
    to.passed += 1ms;
    to.get();
    ASSERT_TRUE(to.background.has_value());
    to.revalidate({made_response(500, "")});
    to.get();
    EXPECT_FALSE(to.background.has_value()) << "a status that says nothing is a failure too";
}

TEST(a_response_in_its_grace, is_validated_by_the_caller_when_nobody_else_may) {
    cache_settings settings;
    settings.max_revalidations = 0;
    sender to(settings);
    to.get({page("Cache-Control: max-age=60, stale-while-revalidate=30\r\nETag: \"v1\"\r\n", "old")});
    to.passed = 70s;
    EXPECT_EQ(to.get({made_response(304, "")})->source(), response_source::validated);
}

TEST(a_response_in_its_grace, is_answered_to_a_head_without_a_request_behind) {
    grace_sender to;
    EXPECT_TRUE(to.send(request(method::head, "/"))->is_stale());
    EXPECT_FALSE(to.background.has_value());
}

// ---- against a naive model
// -------------------------------------------------------------------------------------------

/// Whatever happens: nobody gets what another caller was sent, nothing is given as fresh that is older than allowed,
/// and the bounds hold.
TEST(a_cache, keeps_its_promises_in_random_histories) {
    random_source dice(5);
    const auto choose = [&dice](std::size_t count) {
        return static_cast<std::size_t>(dice.unit() * static_cast<double>(count));
    };
    for (int world = 0; world < 40; ++world) {
        cache_settings settings;
        settings.max_bytes = 4096 + choose(8192);
        settings.max_entries = 1 + choose(6);
        settings.stale_if_error = seconds(choose(2) * 20);
        sender to(settings);
        for (int step = 0; step < 300; ++step) {
            to.passed += seconds(choose(8));
            const std::string target = "/" + std::to_string(choose(4));
            const std::string who = std::to_string(choose(3));
            request what(choose(8) == 0 ? method::post : method::get, target);
            if (who != "0") what.header("Cookie", who);
            const std::string text = target + " for " + who + " at " + std::to_string(to.passed / 1s);
            std::vector<answer> answers;
            if (choose(3) == 0) {
                answers.push_back(fails(errc::connect_failed));
            } else {
                answers.push_back(page("Cache-Control: max-age=10\r\n", text));
            }
            const answer got = to.send(what, std::move(answers));
            const cache_statistics numbers = to.cache.statistics();
            ASSERT_LE(numbers.bytes, settings.max_bytes);
            ASSERT_LE(numbers.entries, settings.max_entries);
            if (!got) continue;
            ASSERT_TRUE(body(got).starts_with(target + " for " + who + " at ")) << body(got);
            const seconds made(std::stoll(body(got).substr(body(got).rfind(' '))));
            if (got->source() == response_source::cache) {
                ASSERT_LT(to.passed - made, 10s);
            }
            if (got->is_stale()) {
                ASSERT_LE(to.passed - made, 10s + settings.stale_if_error);
            }
            if (got->source() != response_source::network) {
                ASSERT_EQ(got->age(), std::chrono::floor<seconds>(to.passed) - made);
            }
        }
    }
}

}  // namespace
}  // namespace lido::http

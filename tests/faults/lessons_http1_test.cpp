// What others have learned about requests of HTTP/1.1 whose connection dies, whose answer comes slowly, or expands, or
// has two ends. Each test begins with where it was learned; docs/design/lessons.md lists them all.
#include "support/content_codings.hpp"
#include "support/http_client_world.hpp"
#include "support/peak_memory.hpp"
#include "support/sanitized.hpp"
#include "support/scripted_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;
using testing::HasSubstr;
using testing::Not;

/// Of one connection, on which the requests come one behind the other.
http::client_settings one_connection(const scripted_server& server) {
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    return settings;
}

/// Answers well, but to the second request of the first connection does `what`.
server_script second_request_meets(const reaction& what) {
    return {.on_request = [what](const arrival& came) {
        if (came.connection == 1 && came.on_connection == 2) return what;
        return reaction{.bytes = response_text(came.nonce)};
    }};
}

std::string coded_response(std::string_view codings, std::string_view body, int status = 200) {
    return response_text(body, status, fmt::format("Content-Encoding: {}\r\n", codings));
}

// ---- a connection that is closed when it is used again --------------------------------------------------------------

/// A queue of requests was served by a connection whose server had said its last word.
TEST(lessons_http1, envoy_2715_a_request_that_waits_is_not_lost_on_a_connection_that_has_half_closed) {
    scripted_server server({.on_request = [](const arrival& came) {
        return reaction{.bytes = response_text(came.nonce), .then = afterwards::fin};
    }});
    runtime io;
    client user(io, one_connection(server));
    std::atomic<std::size_t> right{0};
    on_tasks(io, 20, [&](std::size_t i) { return ask_all(user, i, 1, right, method::get); });
    EXPECT_EQ(right, 20U);
    EXPECT_EQ(server.requests(), 20U) << "a request was served twice";
}

TEST(lessons_http1, envoy_2715_a_post_after_the_end_of_its_connection_goes_out_on_a_new_one_and_once) {
    scripted_server server({.on_request = [](const arrival& came) {
        return reaction{.bytes = response_text(came.nonce), .then = afterwards::fin};
    }});
    runtime io;
    client user(io, one_connection(server));
    ASSERT_EQ(user.send(nonce_request(method::post, "first")).wait().value().body(), "first");
    // Sent before the server has closed, it would be one that may have been executed, below.
    ASSERT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
    EXPECT_EQ(user.send(nonce_request(method::post, "second")).wait().value().body(), "second");
    EXPECT_EQ(server.nonces().at("second"), 1U);
    EXPECT_EQ(user.statistics().connections_created, 2U);
}

/// The server closes, and the loop cannot have heard of it, as the caller keeps it busy until the second request.
task<result<http::response>> post_when_closed(client& by, const scripted_server& server) {
    result<http::response> first = co_await by.send(nonce_request(method::post, "first"));
    if (!first) co_return first;
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
    result<http::response> second = co_await by.send(nonce_request(method::post, "second"));
    co_return second;
}

TEST(lessons_http1, envoy_2715_a_post_notices_an_end_that_came_after_the_loop_has_last_asked) {
    scripted_server server({.on_request = [](const arrival& came) {
        return reaction{.bytes = response_text(came.nonce), .then = afterwards::fin};
    }});
    runtime io;
    client user(io, one_connection(server));
    const auto got = operation<http::response>(io, post_when_closed(user, server)).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body(), "second");
    EXPECT_EQ(server.nonces().at("second"), 1U);
}

/// `reset-before-request` does not help when the request was on its way already.
TEST(lessons_http1, envoy_47468_a_get_that_meets_the_close_of_an_idle_connection_is_sent_again_without_any_policy) {
    for (const afterwards how : {afterwards::fin, afterwards::rst}) {
        scripted_server server(second_request_meets({.bytes = "", .then = how}));
        runtime io;
        client user(io, one_connection(server));
        ASSERT_EQ(user.send(nonce_request(method::get, "first")).wait().value().body(), "first");
        const auto got = user.send(nonce_request(method::get, "second")).wait();
        ASSERT_TRUE(got.has_value()) << got.error().message();
        EXPECT_EQ(got->body(), "second");
        EXPECT_EQ(server.nonces().at("second"), 2U);
        EXPECT_EQ(server.accepted(), 2U);
        EXPECT_EQ(user.statistics().resends, 1U);
    }
}

/// Without this the two would be one: RFC 9110 §9.2.2.
TEST(lessons_http1, envoy_47468_a_post_that_meets_it_is_sent_once_and_says_that_it_may_have_been_executed) {
    for (const afterwards how : {afterwards::fin, afterwards::rst}) {
        scripted_server server(second_request_meets({.bytes = "", .then = how}));
        runtime io;
        client user(io, one_connection(server));
        ASSERT_EQ(user.send(nonce_request(method::post, "first")).wait().value().body(), "first");
        const auto got = user.send(nonce_request(method::post, "second")).wait();
        ASSERT_FALSE(got.has_value());
        EXPECT_EQ(got.error(), errc::maybe_executed) << got.error().message();
        EXPECT_EQ(server.nonces().at("second"), 1U);
    }
}

TEST(lessons_http1, gatling_3609_only_what_was_sent_on_a_connection_out_of_the_pool_is_sent_again) {
    scripted_server server({.on_request = [](const arrival&) { return reaction{.then = afterwards::fin}; }});
    runtime io;
    client user(io, plain_settings(server.url()));
    const auto got = user.send(nonce_request(method::get, "new")).wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::connection_closed) << got.error().message();
    EXPECT_EQ(server.nonces().at("new"), 1U) << "a new connection cannot have been idle for too long";
    EXPECT_EQ(user.statistics().resends, 0U);
}

/// RFC 9110 §9.2.2: a client should not automatically retry a failed automatic retry.
TEST(lessons_http1, rfc_9110_9_2_2_a_request_that_was_sent_again_on_a_new_connection_is_not_sent_a_third_time) {
    scripted_server server({.on_request = [](const arrival& came) {
        if (came.nonce == "first") return reaction{.bytes = response_text("first")};
        return reaction{.then = afterwards::rst};
    }});
    runtime io;
    client user(io, one_connection(server));
    ASSERT_EQ(user.send(nonce_request(method::get, "first")).wait().value().body(), "first");
    const auto got = user.send(nonce_request(method::get, "second")).wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::connection_closed) << got.error().message();
    EXPECT_EQ(server.nonces().at("second"), 2U);
}

struct repeatable {
    method how;
    std::size_t times;
};

/// Whether a request is sent again depends on its method, and PATCH is none of the idempotent ones (RFC 5789).
TEST(lessons_http1, akka_http_1463_idempotent_methods_are_sent_again_and_patch_is_not) {
    for (const auto& [how, times] :
         {repeatable{method::get, 2}, repeatable{method::head, 2}, repeatable{method::put, 2},
          repeatable{method::delete_, 2}, repeatable{method::options, 2}, repeatable{method::trace, 2},
          repeatable{method::post, 1}, repeatable{method::patch, 1}}) {
        scripted_server server({.on_request = [](const arrival& came) {
            if (came.connection == 1 && came.on_connection == 2) return reaction{.then = afterwards::rst};
            return reaction{.bytes = response_text("")};
        }});
        runtime io;
        client user(io, one_connection(server));
        ASSERT_TRUE(user.send(nonce_request(how, "first")).wait().has_value()) << how.text();
        const auto got = user.send(nonce_request(how, "second")).wait();
        EXPECT_EQ(server.nonces().at("second"), times) << how.text();
        EXPECT_EQ(got.has_value(), times == 2) << how.text();
        if (!got) {
            EXPECT_EQ(got.error(), errc::maybe_executed) << how.text();
        }
    }
}

/// undici, a retry that goes on where the first answer broke off: what it then has is from two responses.
TEST(lessons_http1, ghsa_8xcm_a_retry_after_half_a_body_begins_anew_and_has_no_byte_of_the_first) {
    std::string heads;
    scripted_server server({.on_request = [&](const arrival& came) {
        heads += came.head;
        const std::string wrong = response_text(std::string(1000, 'a'), 200, "ETag: \"a\"\r\n");
        if (came.number == 1) return reaction{.bytes = wrong, .then = afterwards::fin, .cut_at = wrong.size() - 500};
        return reaction{.bytes = response_text(std::string(1000, 'b'), 200, "ETag: \"b\"\r\n")};
    }});
    runtime io;
    client user(io, eager_settings(server.url()));
    const auto got = user.get("/").wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body(), std::string(1000, 'b'));
    EXPECT_EQ(got->header("ETag"), "\"b\"");
    EXPECT_EQ(server.accepted(), 2U) << "the connection that broke off was used again";
    EXPECT_THAT(heads, Not(HasSubstr("Range")));
}

TEST(lessons_http1, ghsa_8xcm_a_streamed_response_that_breaks_off_is_an_error_and_never_goes_on_with_another) {
    scripted_server server({.on_request = [](const arrival&) {
        const std::string whole = response_text(std::string(1000, 'a'));
        return reaction{.bytes = whole, .then = afterwards::fin, .cut_at = whole.size() - 500};
    }});
    runtime io;
    client user(io, eager_settings(server.url()));
    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    const auto all = opened->read_all(10'000).wait();
    ASSERT_FALSE(all.has_value());
    EXPECT_EQ(all.error(), errc::connection_closed) << all.error().message();
    EXPECT_EQ(server.requests(), 1U);
}

// ---- what a server says about time ----------------------------------------------------------------------------------

/// gravitee docs#2252: the time-out that the server announces is the one to keep to, not one's own.
TEST(lessons_http1, gravitee_2252_a_keep_alive_timeout_of_the_server_goes_before_the_longer_one_of_the_client) {
    for (const auto& [hint, connections] : {std::pair{"timeout=1", 3U}, std::pair{"timeout=60", 1U}}) {
        scripted_server server({.on_request = [hint = std::string(hint)](const arrival& came) {
            return reaction{.bytes = response_text(came.nonce, 200, "Keep-Alive: " + hint + "\r\n")};
        }});
        runtime io;
        client user(io, one_connection(server));
        for (const char* nonce : {"a", "b", "c"}) {
            EXPECT_EQ(user.send(nonce_request(method::post, nonce)).wait().value().body(), nonce);
        }
        EXPECT_EQ(server.accepted(), connections) << hint << ": a second less than announced is what is kept";
        EXPECT_EQ(user.statistics().resends, 0U);
    }
}

/// urllib3 2.6.3 takes more than six hours for six hours. Here a longer one than allowed is the end of the retries.
TEST(lessons_http1, urllib3_2_6_3_a_retry_after_of_more_than_six_hours_is_not_slept) {
    for (const char* value : {"21601", "999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
        scripted_server server({.on_request = [value = std::string(value)](const arrival&) {
            return reaction{.bytes = response_text("later", 503, "Retry-After: " + value + "\r\n")};
        }});
        runtime io;
        http::client_settings settings = eager_settings(server.url());
        settings.timeout = 24h;
        client user(io, settings);
        const auto begun = clock::now();
        EXPECT_EQ(user.get("/").wait().value().status(), 503U) << value;
        EXPECT_EQ(server.requests(), 1U) << value;
        EXPECT_LT(clock::now() - begun, 20s) << value;
    }
}

/// Go has a time-out for the head alone (ResponseHeaderTimeout), because one for each silence does not end what drips.
TEST(lessons_http1, go_response_header_timeout_a_head_that_drips_ends_with_the_deadline_of_the_request) {
    scripted_server server({.on_request = [](const arrival&) {
        return reaction{.bytes = response_text("late", 200, "X-Filler: " + std::string(2000, 'x') + "\r\n"),
                        .per_byte = 20ms};
    }});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.timeout = 300ms;
    client user(io, settings);
    const auto whole = user.get("/").wait();
    ASSERT_FALSE(whole.has_value());
    EXPECT_EQ(whole.error(), errc::timeout) << whole.error().message();
    const auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error(), errc::timeout) << opened.error().message();
}

// ---- what expands ---------------------------------------------------------------------------------------------------

/// urllib3: what nobody wants any more was decompressed all the same, to be thrown away.
TEST(lessons_http1, ghsa_mf9v_the_body_of_a_response_that_is_tried_again_is_not_decoded) {
    scripted_server server({.on_request = [](const arrival& came) {
        if (came.number % 2 == 1) return reaction{.bytes = coded_response("gzip", "this is no gzip", 503)};
        return reaction{.bytes = coded_response("gzip", compressed("gzip", "content"))};
    }});
    runtime io;
    client user(io, eager_settings(server.url()));
    const auto got = user.get("/").wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body(), "content");
    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->read_all(100).wait().value(), "content");
    EXPECT_EQ(server.requests(), 4U);
}

TEST(lessons_http1, ghsa_mf9v_who_reads_a_little_of_a_bomb_and_leaves_pays_for_a_little) {
    // What is measured is the memory of the whole process.
    if (sanitized) GTEST_SKIP() << "sanitizers take memory of their own";
    constexpr std::size_t expanded = std::size_t{256} << 20U;
    for (const char* coding : {"gzip", "br", "zstd"}) {
        const std::string bytes = coded_response(coding, compressed_zeros(coding, expanded));
        scripted_server server({.on_request = [&](const arrival&) { return reaction{.bytes = bytes}; }});
        runtime io;
        client user(io, plain_settings(server.url()));
        forget_peak();
        const std::size_t before = peak_memory() + bytes.size();
        {
            auto opened = user.open(request(method::get, "/")).wait();
            ASSERT_TRUE(opened.has_value()) << opened.error().message();
            std::string space(1000, 'x');
            for (int i = 0; i < 2; ++i) EXPECT_EQ(opened->read(space).wait().value(), space.size()) << coding;
        }
        EXPECT_TRUE(comes_true([&] { return user.statistics().origins.front().pool.in_use == 0; }));
        EXPECT_LE(peak_memory(), before + expanded / 8) << coding;
    }
}

/// aiosonic: no limit on what a response expands to.
TEST(lessons_http1, ghsa_5x59_a_small_body_that_expands_beyond_its_limit_is_an_error_that_names_the_limit) {
    for (const char* coding : {"gzip", "br", "zstd"}) {
        const std::string bytes = coded_response(coding, compressed_zeros(coding, std::size_t{8} << 20U));
        scripted_server server({.on_request = [&](const arrival&) { return reaction{.bytes = bytes}; }});
        runtime io;
        http::client_settings settings = plain_settings(server.url());
        settings.decoding.max_bytes = std::uint64_t{1} << 20U;
        // Of the two bounds this is the one that is tested.
        settings.decoding.max_ratio = 1'000'000;
        client user(io, settings);
        const auto got = user.get("/").wait();
        ASSERT_FALSE(got.has_value()) << coding;
        EXPECT_EQ(got.error(), errc::limit_exceeded) << got.error().message();
        EXPECT_THAT(got.error().message(), HasSubstr("max_bytes"));
    }
}

// ---- what has two ends ----------------------------------------------------------------------------------------------

/// Beast 1.81 lets Content-Length frame a body whose last transfer coding is not chunked.
TEST(lessons_http1, beast_1_81_a_transfer_coding_beside_a_length_is_an_error_whichever_stands_first) {
    const std::string smuggled = response_text("smuggled");
    const std::string length = "Content-Length: 5\r\n";
    for (const std::string coding : {"gzip", "chunked, gzip", "identity", "chunked"}) {
        const std::string field = "Transfer-Encoding: " + coding + "\r\n";
        for (const std::string& lines : {length + field, field + length}) {
            scripted_server server(
                second_request_meets({.bytes = "HTTP/1.1 200 OK\r\n" + lines + "\r\nright" + smuggled}));
            runtime io;
            client user(io, one_connection(server));
            ASSERT_EQ(user.send(nonce_request(method::get, "first")).wait().value().body(), "first");
            const auto got = user.send(nonce_request(method::get, "second")).wait();
            ASSERT_FALSE(got.has_value()) << lines;
            EXPECT_EQ(got.error(), errc::protocol_error) << got.error().message();
            EXPECT_EQ(user.send(nonce_request(method::get, "third")).wait().value().body(), "third") << lines;
            EXPECT_EQ(server.accepted(), 2U) << lines;
        }
    }
}

}  // namespace
}  // namespace lido::test

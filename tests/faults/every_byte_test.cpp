// Answers that end at every one of their bytes, in order, by a reset or by silence, and answers of which every byte is
// changed: each ends in the right way for a request that may be sent again and for one that may not, its connection
// serves nobody again, and the next request is answered as if nothing had been.
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;

/// An answer as it would be without a fault.
struct answer_shape {
    const char* name;
    std::string text;
    /// It is sent as soon as the head has come, to a request that waits for 100 (Continue).
    bool before_the_body = false;
    /// It is over when so many bytes were sent and the connection ends in order.
    std::size_t whole_at = std::string::npos;
    unsigned status = 200;
};

std::vector<answer_shape> shapes() {
    const std::string sized = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nright";
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"
        "3;a=b\r\nrig\r\n2\r\nht\r\n0\r\nX-End: yes\r\n\r\n";
    const std::string by_close = "HTTP/1.0 200 OK\r\nX-A: b\r\n\r\n";
    return {
        {"sized", sized},
        {"chunked_with_trailers", chunked},
        {"early_hints_then_sized", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + sized},
        {"continue_then_sized", "HTTP/1.1 100 Continue\r\n\r\n" + sized, true},
        {"continue_then_chunked", "HTTP/1.1 100 Continue\r\n\r\n" + chunked, true},
        {"redirect_and_its_target", "HTTP/1.1 302 Found\r\nLocation: /right\r\nContent-Length: 4\r\n\r\ngone"},
        {"empty", "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", false, std::string::npos, 204},
        {"until_the_end", by_close + "right", false, by_close.size()},
    };
}

/// A server that does what it is told about the next request for "/fault", once, and answers all others well.
class one_fault {
public:
    one_fault() : server_(script()) {}

    void next(reaction what, bool before_the_body) {
        const std::lock_guard held(mutex_);
        (before_the_body ? at_head_ : at_end_) = std::move(what);
    }
    [[nodiscard]] scripted_server& server() noexcept { return server_; }

private:
    server_script script() {
        server_script made{.on_request = [this](const arrival& which) {
            if (which.target == "/fault") {
                if (auto planned = take(at_end_)) return std::move(*planned);
            }
            return reaction{.bytes = response_text("right")};
        }};
        made.on_head = [this](const arrival& which) {
            if (which.target == "/fault") {
                if (auto planned = take(at_head_)) return std::move(*planned);
            }
            return reaction{};
        };
        return made;
    }
    std::optional<reaction> take(std::optional<reaction>& from) {
        const std::lock_guard held(mutex_);
        return std::exchange(from, std::nullopt);
    }

    std::mutex mutex_;
    std::optional<reaction> at_head_;
    std::optional<reaction> at_end_;
    scripted_server server_;
};

request faulty(const answer_shape& shape, const method& by) {
    request made(by, "/fault");
    if (by == method::post) made.body("payload");
    if (shape.before_the_body) made.header("Expect", "100-continue");
    return made;
}

/// Those that may be sent again get no body, so they wait for no 100 either.
std::vector<method> methods_for(const answer_shape& shape) {
    if (shape.before_the_body) return {method::post};
    return {method::get, method::post};
}

class answers_that_end : public testing::TestWithParam<answer_shape> {
protected:
    http::client_settings settings_for(bool reused) {
        http::client_settings settings = plain_settings(fault_.server().url());
        settings.max_connections_per_origin = 1;
        settings.redirects = http::redirect_settings::follow();
        settings.keep_alive = reused;
        return settings;
    }

    /// What has to come of a request whose answer ends after `cut` bytes.
    static std::optional<errc> expected(std::size_t cut, afterwards how, const method& by, bool reused) {
        if (cut >= GetParam().whole_at && how == afterwards::fin) return std::nullopt;
        if (by == method::post) return errc::maybe_executed;
        // A connection that has served before may just have been closed: then it is asked again.
        if (cut == 0 && reused) return std::nullopt;
        return errc::connection_closed;
    }

    void try_out(client& user, std::size_t cut, afterwards how, const method& by, bool reused) {
        SCOPED_TRACE(fmt::format("{} of {} bytes, then {}, {}, {} connection", cut, GetParam().text.size(),
                                 how == afterwards::fin ? "the end" : "a reset", by.text(),
                                 reused ? "a reused" : "a new"));
        scripted_server& server = fault_.server();
        fault_.next({.bytes = GetParam().text, .then = how, .cut_at = cut}, GetParam().before_the_body);
        const std::size_t before = server.accepted();
        const std::uint64_t resent_before = user.statistics().resends;
        const result<http::response> met = user.send(faulty(GetParam(), by)).wait();
        const std::optional<errc> ending = expected(cut, how, by, reused);
        ASSERT_EQ(met.has_value(), !ending) << (met ? "answered" : met.error().message());
        if (ending) {
            EXPECT_EQ(met.error(), *ending) << met.error().message();
        }
        EXPECT_EQ(user.statistics().resends - resent_before, !ending && cut == 0 ? 1U : 0U);
        const result<http::response> next = user.get("/next").wait();
        ASSERT_TRUE(next.has_value()) << next.error().message();
        EXPECT_EQ(next->body(), "right");
        EXPECT_EQ(server.accepted() - before, reused ? 1U : 2U) << "a connection that was cut served again";
    }

    one_fault fault_;
};

TEST_P(answers_that_end, at_any_byte_are_errors_of_the_right_kind) {
    runtime io;
    for (const bool reused : {true, false}) {
        client user(io, settings_for(reused));
        ASSERT_TRUE(user.get("/first").wait().has_value());
        for (const method& by : methods_for(GetParam())) {
            for (const afterwards how : {afterwards::fin, afterwards::rst}) {
                for (std::size_t cut = 0; cut < GetParam().text.size(); ++cut) {
                    try_out(user, cut, how, by, reused);
                    if (HasFatalFailure()) return;
                }
            }
        }
        EXPECT_EQ(user.statistics().retries, 0U);
    }
}

TEST_P(answers_that_end, at_their_last_byte_are_answers) {
    runtime io;
    client user(io, settings_for(true));
    ASSERT_TRUE(user.get("/first").wait().has_value());
    for (const method& by : methods_for(GetParam())) {
        for (const afterwards how : {afterwards::fin, afterwards::keep}) {
            const bool can_keep = GetParam().whole_at == std::string::npos && !GetParam().before_the_body;
            if (how == afterwards::keep && !can_keep) continue;
            fault_.next({.bytes = GetParam().text, .then = how}, GetParam().before_the_body);
            const result<http::response> got = user.send(faulty(GetParam(), by)).wait();
            ASSERT_TRUE(got.has_value()) << got.error().message();
            EXPECT_EQ(got->status(), GetParam().status);
            EXPECT_EQ(got->body(), GetParam().status == 204 ? "" : "right");
            EXPECT_EQ(user.get("/next").wait().value().body(), "right");
        }
    }
}

INSTANTIATE_TEST_SUITE_P(of, answers_that_end, testing::ValuesIn(shapes()),
                         [](const auto& one) { return std::string(one.param.name); });

// ---- many at once ---------------------------------------------------------------------------------------------------

/// What a server does about a request for "/<number>"; about any other it answers with its nonce.
server_script numbered(std::shared_ptr<const std::vector<reaction>> faults) {
    return {.on_request = [faults](const arrival& which) {
        if (!which.nonce.empty()) return reaction{.bytes = response_text(which.nonce)};
        std::size_t number = 0;
        const char* const end = which.target.data() + which.target.size();
        const auto [stopped, problem] = std::from_chars(which.target.data() + 1, end, number);
        // Where a redirect leads, whole or with a wrong byte.
        if (problem != std::errc() || stopped != end) return reaction{.bytes = response_text("right")};
        return faults->at(number);
    }};
}

http::client_settings of_many(const scripted_server& server) {
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 64;
    settings.redirects = http::redirect_settings::follow();
    return settings;
}

/// What went wrong, whether or not the request may have been carried out.
const error& what_went_wrong(const error& told) {
    return told == errc::maybe_executed && told.cause() != nullptr ? *told.cause() : told;
}

using judging = std::function<void(std::size_t number, const result<http::response>& got)>;

task<void> ask_for(client& by, std::size_t first, std::size_t step, std::size_t end, const judging& judge) {
    for (std::size_t number = first; number < end; number += step) {
        const bool posts = number % 2 == 1;
        request what(posts ? method::post : method::get, fmt::format("/{}", number / 2));
        if (posts) what.body("payload");
        what.read_timeout(150ms);
        const result<http::response> got = co_await by.send(std::move(what));
        judge(number, got);
        const std::string nonce = fmt::format("after-{}", number);
        const result<http::response> next = co_await by.send(nonce_request(method::post, nonce));
        EXPECT_TRUE(next.has_value()) << number << ": " << next.error().message();
        if (next) {
            EXPECT_EQ(next->body(), nonce) << "after " << number;
        }
    }
}

void ask_for_all(client& by, runtime& io, std::size_t faults, const judging& judge) {
    constexpr std::size_t at_once = 48;
    on_tasks(io, at_once, [&](std::size_t i) { return ask_for(by, i, at_once, 2 * faults, judge); });
}

TEST(answers_that_stall, at_any_byte_cost_the_read_timeout_and_their_connection) {
    auto faults = std::make_shared<std::vector<reaction>>();
    for (const answer_shape& shape : shapes()) {
        for (std::size_t cut = 0; cut < shape.text.size(); ++cut) {
            faults->push_back({.bytes = shape.text, .then = afterwards::stall, .cut_at = cut});
        }
    }
    scripted_server server(numbered(faults));
    runtime io;
    client user(io, of_many(server));
    ask_for_all(user, io, faults->size(), [](std::size_t number, const result<http::response>& got) {
        ASSERT_FALSE(got.has_value()) << number;
        EXPECT_EQ(what_went_wrong(got.error()), errc::read_timeout) << number << ": " << got.error().message();
        EXPECT_EQ(got.error() == errc::maybe_executed, number % 2 == 1) << got.error().message();
    });
    // As many as stalled, and those that served the others.
    EXPECT_GE(server.accepted(), 2 * faults->size());
    EXPECT_TRUE(server.wait_until([&] { return server.connections() <= 64; }));
}

TEST(answers_with_a_wrong_byte, anywhere_never_reach_another_request) {
    auto faults = std::make_shared<std::vector<reaction>>();
    for (const answer_shape& shape : shapes()) {
        if (shape.before_the_body) continue;
        const bool ends = shape.whole_at != std::string::npos;
        for (std::size_t at = 0; at < shape.text.size(); ++at) {
            for (const char wrong : {'\0', '\n', '\r', ' ', '9', '0', ':', '\x80'}) {
                std::string text = shape.text;
                text[at] = wrong;
                faults->push_back({.bytes = std::move(text), .then = ends ? afterwards::fin : afterwards::keep});
            }
        }
    }
    scripted_server server(numbered(faults));
    runtime io;
    http::client_settings settings = of_many(server);
    settings.limits.max_interim_responses = 3;
    client user(io, settings);
    std::map<std::string_view, std::size_t> endings;
    ask_for_all(user, io, faults->size(), [&](std::size_t, const result<http::response>& got) {
        if (got) {
            ++endings["answered"];
            return;
        }
        const error& wrong = what_went_wrong(got.error());
        ++endings[name_of(static_cast<errc>(wrong.code().value()))];
        const bool known = wrong == errc::protocol_error || wrong == errc::read_timeout ||
                           wrong == errc::limit_exceeded || wrong == errc::connection_closed ||
                           wrong == errc::invalid_argument;
        EXPECT_TRUE(known) << got.error().message();
    });
    EXPECT_GT(endings["protocol_error"], faults->size() / 2);
    for (const auto& [ending, times] : endings) fmt::print("{} {}\n", times, ending);
}

}  // namespace
}  // namespace lido::test

// What others have learned about text from outside that becomes part of a request: it is refused, neither sent nor left
// out without a word. wire_test.cpp tries every byte in every place; here are the places at which it has happened.
#include "support/http_client_world.hpp"
#include "support/recording_peer.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace lido::test {
namespace {

using http::client;
using http::method;
using http::request;
using testing::HasSubstr;
using testing::Not;

class lessons_wire : public testing::Test {
protected:
    /// It is refused by the client, and no byte of it has left.
    void expect_refused(request what) {
        const auto got = user_.send(std::move(what)).wait();
        ASSERT_FALSE(got.has_value());
        EXPECT_EQ(got.error(), errc::invalid_argument) << got.error().message();
        EXPECT_THAT(got.error().message(), Not(HasSubstr("\n")));
        EXPECT_EQ(heard(), "");
    }
    std::string heard() const {
        std::string all;
        for (const std::string& each : peer_.heard()) all += each;
        return all;
    }
    static std::size_t count_of(const std::string& text, const std::string& word) {
        std::size_t count = 0;
        for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
        return count;
    }

    recording_peer peer_{recording_peer::as_http1};
    runtime io_;
    client user_{io_, plain_settings(fmt::format("http://127.0.0.1:{}", peer_.port()))};
};

/// What breaks out of a line.
const std::vector<std::string> injections{"a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rX-Injected: 1",
                                          "a\r\n\r\nGET /injected HTTP/1.1\r\nHost: a"};

/// undici: by the option `upgrade`.
TEST_F(lessons_wire, ghsa_4992_a_line_break_in_upgrade_is_refused) {
    for (const std::string& each : injections) {
        expect_refused(request(method::get, "/").header("Upgrade", each));
    }
}

/// undici: by the type of a blob that is sent.
TEST_F(lessons_wire, ghsa_m8rv_a_line_break_in_the_type_of_a_body_is_refused) {
    for (const std::string& each : injections) expect_refused(request(method::post, "/").body("content", each));
}

/// brpc#3387, Crow#1165 and glaze#2677: a value that was decoded from a request and goes out again in a field. The
/// first and the last leave such a field out, so that nobody learns of it.
TEST_F(lessons_wire, brpc_3387_crow_1165_glaze_2677_a_line_break_in_a_field_is_refused_and_not_left_out) {
    for (const std::string& each : injections) {
        expect_refused(request(method::get, "/").header("X-Echo", each));
        expect_refused(request(method::get, "/").header(each, "value"));
        expect_refused(request(method::post, "/").header("Content-Type", each).body("content"));
    }
}

/// undici: two lengths, under names in other letters, of which the next reader takes whichever it likes.
TEST_F(lessons_wire, ghsa_2mjp_no_request_has_two_lengths_however_their_names_are_written) {
    for (const char* second : {"5", "7", "0"}) {
        expect_refused(
            request(method::post, "/").body("right").header("Content-Length", "5").header("content-length", second));
    }
    expect_refused(request(method::post, "/").body("right").header("CONTENT-LENGTH", "7"));
    ASSERT_TRUE(user_.send(request(method::post, "/").body("right").header("content-length", "5")).wait().has_value());
    EXPECT_EQ(count_of(heard(), "ontent-"), 1U) << heard();
}

}  // namespace
}  // namespace lido::test

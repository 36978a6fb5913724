// The reader against another one that many rely on: Boost.Beast's parser. On what is well-formed both have to agree on
// every part; on what is damaged, where both accept, they have to agree as well, for a difference there is how
// responses are smuggled. Only Beast's parser is included, which compiles in a second.
#include "http/response_reader.hpp"
#include "read_response.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace lido::http {
namespace {

namespace beast = boost::beast;

/// Beast's parser with a plain record of what it saw.
class oracle final : public beast::http::basic_parser<false> {
public:
    unsigned code = 0;
    int minor = 0;
    std::string phrase;
    std::vector<std::string> fields;
    std::string content;

private:
    using text = beast::string_view;
    using failure = beast::error_code;

    void on_request_impl(beast::http::verb, text, text, int, failure&) override {}
    void on_response_impl(int status, text reason, int version, failure&) override {
        code = static_cast<unsigned>(status);
        minor = version % 10;
        phrase = std::string(reason);
    }
    void on_field_impl(beast::http::field, text name, text value, failure&) override {
        fields.push_back(std::string(name) + ": " + std::string(value));
    }
    void on_header_impl(failure&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, failure&) override {}
    std::size_t on_body_impl(text data, failure&) override {
        content.append(data.data(), data.size());
        return data.size();
    }
    void on_chunk_header_impl(std::uint64_t, text, failure&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text data, failure&) override {
        content.append(data.data(), data.size());
        return data.size();
    }
    void on_finish_impl(failure&) override {}
};

/// Reads the text and then the end of the connection; nothing when Beast does not accept it.
bool read_by_beast(oracle& parser, const std::string& text, const method& request_method) {
    parser.eager(true);
    parser.skip(request_method == method::head);
    beast::error_code failure;
    std::size_t at = 0;
    while (!parser.is_done() && at < text.size()) {
        const std::size_t used = parser.put(boost::asio::const_buffer(text.data() + at, text.size() - at), failure);
        if (failure || used == 0) return false;
        at += used;
    }
    if (!parser.is_done()) parser.put_eof(failure);
    return !failure && parser.is_done();
}

class generator {
public:
    explicit generator(std::uint32_t seed) : engine_(seed) {}
    std::size_t below(std::size_t bound) { return engine_() % bound; }
    bool chance(std::size_t one_in) { return below(one_in) == 0; }
    std::string letters(std::size_t size, std::string_view alphabet) {
        std::string made(size, '\0');
        for (char& each : made) each = alphabet[below(alphabet.size())];
        return made;
    }

private:
    std::mt19937 engine_;
};

constexpr std::string_view name_letters = "abcXYZ019-_!#~";
constexpr std::string_view value_letters = "abc XYZ;=,\"\t()[]{}<>@\x80\xFF~";

std::string chunked_body(generator& random) {
    std::string text;
    for (std::size_t chunks = random.below(5); chunks > 0; --chunks) {
        const std::size_t size = 1 + random.below(15);
        text += "0123456789aBcDeF"[size];
        text += (random.chance(4) ? ";a=b" : "");
        text += "\r\n" + random.letters(size, value_letters) + "\r\n";
    }
    return text + "0\r\n\r\n";
}

/// A response as a correct server may send it.
std::string well_formed(generator& random) {
    static constexpr const char* statuses[] = {"200 OK", "204 No Content", "304 Not Modified", "404 ", "503 a b\xFF"};
    std::string text = random.chance(4) ? "HTTP/1.0 " : "HTTP/1.1 ";
    const bool old = text[7] == '0';
    text += std::string(statuses[random.below(std::size(statuses))]) + "\r\n";
    for (std::size_t count = random.below(8); count > 0; --count) {
        text += "x" + random.letters(random.below(30), name_letters) + ":" + (random.chance(3) ? "" : " ") +
                random.letters(random.below(50), value_letters) + "\r\n";
    }
    const std::size_t framing = random.below(old ? 2 : 3);
    if (framing == 0) return text + "\r\n" + random.letters(random.below(60), value_letters);
    if (framing == 2) return text + "transfer-Encoding: chunked\r\n\r\n" + chunked_body(random);
    const std::string body = random.letters(random.below(60), value_letters);
    return text + "content-length:" + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void expect_same(const test::outcome& ours, const oracle& theirs, const std::string& text) {
    EXPECT_EQ(ours.status, theirs.code) << text;
    EXPECT_EQ(ours.protocol, theirs.minor == 1 ? version::http_1_1 : version::http_1_0) << text;
    EXPECT_EQ(ours.reason, theirs.phrase) << text;
    EXPECT_EQ(ours.headers, theirs.fields) << text;
    EXPECT_EQ(ours.body, theirs.content) << text;
}

TEST(ResponseReaderBeast, AgreesOnWellFormedResponses) {
    generator random(1);
    response_reader reader;
    for (int round = 0; round < 5'000; ++round) {
        const std::string text = well_formed(random);
        const method request_method = random.chance(5) ? method::head : method::get;
        oracle theirs;
        ASSERT_TRUE(read_by_beast(theirs, text, request_method)) << text;
        const test::outcome ours = test::read_whole(reader, text, {.method = request_method, .then_eof = true});
        ASSERT_EQ(ours.state, read_state::complete) << text << "\n" << ours.error;
        expect_same(ours, theirs, text);
        if (HasFailure()) return;
    }
}

TEST(ResponseReaderBeast, AgreesOnDamagedResponsesThatBothAccept) {
    generator random(2);
    response_reader reader;
    std::size_t compared = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string text = well_formed(random);
        const std::size_t at = random.below(text.size());
        if (random.chance(2)) {
            text[at] = static_cast<char>(random.below(256));
        } else {
            text.erase(at, 1 + random.below(4));
        }
        const test::outcome ours = test::read_whole(reader, text, {.then_eof = true});
        oracle theirs;
        if (ours.state != read_state::complete || !read_by_beast(theirs, text, method::get)) continue;
        // Beast hands out 1xx as responses of their own, and takes trailers for headers.
        if (ours.interim > 0 || theirs.code / 100 == 1 || !ours.trailers.empty()) continue;
        expect_same(ours, theirs, text);
        if (HasFailure()) return;
        ++compared;
    }
    EXPECT_GT(compared, 5'000U);
}

}  // namespace
}  // namespace lido::http

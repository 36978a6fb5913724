// Whatever the bytes and however they are split: no crash, no byte read that was not given, one outcome, bounded
// memory.
#include "http/response_reader.hpp"
#include "read_response.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace lido::http {
namespace {

using test::outcome;
using test::read_pieces;
using test::read_whole;
using test::reading;

class generator {
public:
    explicit generator(std::uint32_t seed) : engine_(seed) {}

    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : engine_() % bound; }
    bool chance(std::size_t one_in) { return below(one_in) == 0; }
    char byte() { return static_cast<char>(below(256)); }

    template <std::size_t Size>
    const char* one_of(const char* const (&choices)[Size]) {
        return choices[below(Size)];
    }

private:
    std::mt19937 engine_;
};

std::string make_body(generator& random, bool chunked) {
    std::string body(random.below(40), 'b');
    if (!chunked) return body;
    std::string text;
    for (std::size_t chunks = random.below(4); chunks > 0; --chunks) {
        const std::size_t size = 1 + random.below(15);
        text += "0123456789abcdef"[size];
        if (random.chance(3)) text += ";ext=\"v\"";
        text += "\r\n" + std::string(size, 'c') + "\r\n";
    }
    text += "0\r\n";
    if (random.chance(2)) text += "X-Trailer: t\r\n";
    return text + "\r\n";
}

/// A response that is well-formed but for what chance makes of it.
std::string make_response(generator& random) {
    static constexpr const char* starts[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.0 200 OK\r\n", "HTTP/1.1 204 \r\n",
                                             "HTTP/1.1 304 N\r\n", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200\r\n"};
    static constexpr const char* extras[] = {"Connection: close\r\n",
                                             "Keep-Alive: timeout=5\r\n",
                                             "A:\r\n",
                                             "Content-Length: 5\r\n",
                                             "X-Long-Header-Name-Here: some value\r\n",
                                             "Transfer-Encoding: chunked\r\n",
                                             " folded\r\n"};
    std::string text = random.one_of(starts);
    const bool chunked = random.chance(2);
    const std::string body = make_body(random, chunked);
    while (!random.chance(3)) text += random.one_of(extras);
    if (!random.chance(5)) {
        text += chunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    return text + "\r\n" + body;
}

void mutate(generator& random, std::string& text) {
    static constexpr const char* pieces[] = {"\r\n",      "\n",
                                             "\r",        "\r\n\r\n",
                                             ":",         " ",
                                             "\t",        ",",
                                             ";",         "0",
                                             "chunked",   "Content-Length: 1\r\n",
                                             "HTTP/1.1 ", "ffffffffffffffff",
                                             "-1"};
    for (std::size_t count = random.below(4); count > 0 && !text.empty(); --count) {
        const std::size_t at = random.below(text.size());
        switch (random.below(5)) {
            case 0:
                text[at] = random.byte();
                break;
            case 1:
                text.erase(at, 1 + random.below(6));
                break;
            case 2:
                text.insert(at, random.one_of(pieces));
                break;
            case 3:
                text.insert(at, text.substr(random.below(text.size()), random.below(20)));
                break;
            default:
                text.resize(at);
                break;
        }
    }
}

std::vector<std::size_t> some_cuts(generator& random, std::size_t size) {
    std::vector<std::size_t> cuts;
    for (std::size_t count = random.below(6); count > 0; --count) cuts.push_back(random.below(size + 1));
    std::sort(cuts.begin(), cuts.end());
    return cuts;
}

TEST(ResponseReaderProperty, OutcomeDoesNotDependOnTheSplitForMutatedResponses) {
    generator random(20'261'120);
    static const method methods[] = {method::get, method::head, method::post, method::connect};
    response_reader reader;
    std::size_t completed = 0;
    std::size_t failed = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string text = make_response(random);
        mutate(random, text);
        reading how{
            .method = methods[random.below(4)], .expect_upgrade = random.chance(4), .then_eof = random.chance(2)};
        if (random.chance(4)) how.limits.max_head_bytes = 128 + random.below(64);
        if (random.chance(4)) how.limits.max_body_bytes = random.below(32);
        how.limits.max_start_line_bytes = 64;
        const outcome whole = read_whole(reader, text, how);
        completed += whole.state == read_state::complete ? 1 : 0;
        failed += whole.state == read_state::failed ? 1 : 0;
        ASSERT_LE(whole.consumed, text.size());
        ASSERT_EQ(read_pieces(reader, text, some_cuts(random, text.size()), how), whole) << "round " << round << "\n"
                                                                                         << text;
        ASSERT_EQ(read_pieces(reader, text, test::every_byte(text), how), whole) << "round " << round << "\n" << text;
        // What was consumed is the whole response: without the rest the outcome is the same.
        if (whole.state == read_state::complete) {
            ASSERT_EQ(read_whole(reader, std::string_view(text).substr(0, whole.consumed), how), whole) << text;
        }
    }
    // The generator is of use only if it makes both.
    EXPECT_GT(completed, 4000U);
    EXPECT_GT(failed, 4000U);
}

TEST(ResponseReaderProperty, RandomBytesNeverPassForAResponse) {
    generator random(7);
    response_reader reader;
    for (int round = 0; round < 5'000; ++round) {
        std::string text(random.below(200), '\0');
        for (char& each : text) each = random.byte();
        EXPECT_NE(read_whole(reader, text, {.then_eof = true}).state, read_state::complete);
    }
}

TEST(ResponseReaderProperty, DirectReceivingGivesTheSameBody) {
    generator random(11);
    response_reader reader;
    for (int round = 0; round < 3'000; ++round) {
        const std::string text = make_response(random);
        const outcome whole = read_whole(reader, text);
        const http_limits limits;
        reader.reset(method::get, limits);
        std::size_t at = 0;
        while (reader.state() == read_state::need_more && at < text.size()) {
            const std::span<char> space =
                random.chance(2) ? reader.body_space(1 + random.below(20)) : std::span<char>();
            const std::size_t size = std::min(text.size() - at, space.empty() ? 1 + random.below(20) : space.size());
            if (space.empty()) {
                at += reader.feed(std::string_view(text).substr(at, size)).consumed;
            } else {
                std::copy_n(text.data() + at, size, space.data());
                reader.commit_body(size);
                at += size;
            }
        }
        ASSERT_EQ(reader.state(), whole.state) << text;
        if (whole.state == read_state::complete) {
            ASSERT_EQ(reader.take().body(), whole.body) << text;
        }
    }
}

}  // namespace
}  // namespace lido::http

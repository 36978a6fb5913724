// Any bytes as coded content. The first four choose the codings, the pieces in which it goes in and comes out, and the
// bounds: these hold, what is decoded stays in proportion to what comes out, the outcome does not depend on the pieces,
// and decoding comes to an end.
#include "http/content_decoder.hpp"
#include "http/response_reader.hpp"
#include "lido/base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace lido::http;

constexpr std::size_t choices = 4;
constexpr std::size_t most_bytes = std::size_t{1} << 20U;
constexpr std::size_t largest_space = std::size_t{1} << 16U;

struct outcome {
    bool complete = false;
    std::string content;
};

outcome run(const response& head, const decoding_settings& bounds, std::string_view body, std::size_t in,
            std::size_t out) {
    const bool alone = head.header("Content-Encoding")->find(',') == std::string_view::npos;
    outcome made;
    auto decoder = content_decoder::make(head.headers(), bounds);
    LIDO_ASSERT(decoder.has_value() && decoder->has_value());
    std::string space(out, '\0');
    std::size_t consumed = 0;
    do {
        std::string_view piece = body.substr(0, in);
        body.remove_prefix(piece.size());
        while (true) {
            const auto step = (*decoder)->decode(piece, space);
            if (!step) return made;
            LIDO_ASSERT(step->consumed <= piece.size() && step->produced <= space.size());
            piece.remove_prefix(step->consumed);
            made.content.append(space, 0, step->produced);
            consumed += step->consumed;
            LIDO_ASSERT(made.content.size() <= bounds.max_bytes);
            LIDO_ASSERT(made.content.size() <= bounds.ratio_free_bytes ||
                        made.content.size() / bounds.max_ratio <= consumed);
            LIDO_ASSERT(!alone ||
                        consumed <= bounds.max_fruitless_bytes + content_decoder::fruitful_bytes * made.content.size());
            if (step->produced < space.size()) break;
        }
        LIDO_ASSERT(piece.empty());
    } while (!body.empty());
    made.complete = (*decoder)->finish().has_value();
    return made;
}

/// The same at once, as a client does it.
void check_whole_response(response came, const decoding_settings& bounds, const outcome& piecewise) {
    const bool empty = came.body().empty();
    const auto made = decoded(std::move(came), bounds);
    if (!made || empty) return;
    LIDO_ASSERT(made->was_decoded() && made->body().size() <= bounds.max_bytes);
    LIDO_ASSERT(!made->header("Content-Encoding"));
    LIDO_ASSERT(!piecewise.complete || made->body() == piecewise.content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < choices) return 0;
    static const char* const codings[] = {"gzip",     "deflate",    "br",          "zstd",
                                          "gzip, br", "zstd, gzip", "br, deflate", "br, zstd"};
    const std::string_view body(reinterpret_cast<const char*>(data) + choices, size - choices);
    response_reader reader;
    const http_limits limits;
    reader.reset(method::get, limits);
    reader.feed(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Encoding: {}\r\n\r\n{}", body.size(),
                            codings[data[0] & 7U], body));
    const response came = reader.take();
    decoding_settings bounds;
    // In every other case they are too wide to be met by anything but a bomb.
    const bool wide = (data[0] & 8U) != 0;
    bounds.max_bytes = wide ? most_bytes : std::uint64_t{1} << (data[3] % 20U);
    bounds.ratio_free_bytes = wide ? most_bytes : data[3];
    bounds.max_ratio = 2U + data[3] * 2U;
    if (!wide) bounds.max_fruitless_bytes = 64U + data[3] * 2U;
    const outcome whole = run(came, bounds, body, body.size() + 1, largest_space);
    const outcome pieces = run(came, bounds, body, data[1] + std::size_t{1}, data[2] + std::size_t{1});
    // Bounds are looked at after each piece, and so are met a little earlier or later; without them all is the same.
    if (whole.complete && pieces.complete) LIDO_ASSERT(whole.content == pieces.content);
    const std::size_t common = std::min(whole.content.size(), pieces.content.size());
    LIDO_ASSERT(whole.content.compare(0, common, pieces.content, 0, common) == 0);
    const bool far_from_bounds = std::max(whole.content.size(), pieces.content.size()) < most_bytes - 2 * largest_space;
    if (wide && far_from_bounds) LIDO_ASSERT(whole.complete == pieces.complete);
    check_whole_response(came, bounds, whole);
    return 0;
}

// Any bytes as coded content. The first four choose the codings, the pieces in which it goes in and comes out, and the
// bounds: these hold, the outcome does not depend on the pieces, and decoding comes to an end.
#include "http/content_decoder.hpp"
#include "http/response_reader.hpp"
#include "lido/base/assert.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace lido::http;

constexpr std::size_t choices = 4;

struct outcome {
    bool complete = false;
    std::string content;
};

outcome run(const response& head, const decoding_settings& bounds, std::string_view body, std::size_t in,
            std::size_t out) {
    outcome made;
    auto decoder = content_decoder::make(head.headers(), bounds);
    LIDO_ASSERT(decoder.has_value() && decoder->has_value());
    std::string space(out, '\0');
    do {
        std::string_view piece = body.substr(0, in);
        body.remove_prefix(piece.size());
        while (true) {
            const auto step = (*decoder)->decode(piece, space);
            if (!step) return made;
            LIDO_ASSERT(step->consumed <= piece.size() && step->produced <= space.size());
            piece.remove_prefix(step->consumed);
            made.content.append(space, 0, step->produced);
            LIDO_ASSERT(made.content.size() <= bounds.max_bytes);
            if (step->produced < space.size()) break;
        }
        LIDO_ASSERT(piece.empty());
    } while (!body.empty());
    made.complete = (*decoder)->finish().has_value();
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < choices) return 0;
    static const char* const codings[] = {"gzip",     "deflate",    "br",          "zstd",
                                          "gzip, br", "zstd, gzip", "br, deflate", "br, zstd"};
    response_reader reader;
    const http_limits limits;
    reader.reset(method::get, limits);
    reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Encoding: " + std::string(codings[data[0] & 7U]) +
                "\r\n\r\n");
    const response head = reader.take();
    decoding_settings bounds;
    bounds.max_bytes = std::uint64_t{1} << (data[3] % 20U);
    bounds.ratio_free_bytes = data[3];
    const std::string_view body(reinterpret_cast<const char*>(data) + choices, size - choices);
    const outcome whole = run(head, bounds, body, body.size() + 1, 65'536);
    const outcome pieces = run(head, bounds, body, data[1] + std::size_t{1}, data[2] + std::size_t{1});
    // Bounds are looked at after each piece, and so are met a little earlier or later; without them all is the same.
    if (whole.complete && pieces.complete) LIDO_ASSERT(whole.content == pieces.content);
    const std::size_t common = std::min(whole.content.size(), pieces.content.size());
    LIDO_ASSERT(whole.content.compare(0, common, pieces.content, 0, common) == 0);
    return 0;
}

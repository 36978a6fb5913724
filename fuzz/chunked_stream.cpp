// Any bytes behind the head of a chunked response, read as a whole and read while they come: the same body, the same
// trailers, the same verdict, and the same words when it is refused. The first two choose the pieces. And the other way
// round: the bytes as a body, cut into chunks of those sizes, come out as they went in.
#include "http/response_reader.hpp"
#include "lido/base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace lido::http;

constexpr std::size_t choices = 2;
constexpr std::string_view head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Reads as the streamed exchange does: bytes that are sure to be body go where the caller wants them.
std::string read_streamed(response_reader& reader, std::string_view bytes, std::size_t piece, std::size_t room) {
    std::string body;
    std::string space(room, '\0');
    const auto take_all = [&] {
        while (reader.has_body()) body.append(space, 0, reader.take_body(space));
    };
    while (!bytes.empty() && reader.state() == read_state::need_more) {
        std::size_t size = std::min(piece, bytes.size());
        if (const std::uint64_t ahead = reader.body_ahead(); ahead > 3) {
            size = static_cast<std::size_t>(std::min<std::uint64_t>(size, ahead));
            body.append(bytes.substr(0, size));
            reader.pass_body(size);
        } else {
            reader.feed(bytes.substr(0, size));
        }
        bytes.remove_prefix(size);
        take_all();
    }
    return body;
}

/// The bytes in chunks of that size, with an extension in every other one.
std::string in_chunks(std::string_view body, std::size_t size) {
    std::string text;
    for (bool extended = false; !body.empty(); extended = !extended) {
        const std::string_view piece = body.substr(0, size);
        text += fmt::format("{:x}{}\r\n{}\r\n", piece.size(), extended ? ";a=\"b;\"" : "", piece);
        body.remove_prefix(piece.size());
    }
    return text + "0\r\nX: y\r\n\r\n";
}

void check_round_trip(std::string_view body, std::size_t chunk, std::size_t piece) {
    http_limits limits;
    limits.max_chunk_extension_bytes = std::size_t{1} << 20U;
    response_reader reader;
    reader.reset(method::get, limits);
    reader.feed(head);
    const std::string text = in_chunks(body, chunk);
    for (std::size_t at = 0; at < text.size(); at += piece) {
        LIDO_ASSERT(reader.state() == read_state::need_more);
        reader.feed(std::string_view(text).substr(at, piece));
    }
    LIDO_ASSERT(reader.state() == read_state::complete && reader.keep_alive());
    const response came = reader.take();
    LIDO_ASSERT(came.body() == body && came.trailers().size() == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < choices) return 0;
    http_limits limits;
    limits.max_body_bytes = 100'000;
    limits.max_chunk_extension_bytes = 64;
    limits.max_trailer_bytes = 256;
    const std::string bytes(reinterpret_cast<const char*>(data) + choices, size - choices);
    response_reader whole;
    whole.reset(method::get, limits);
    whole.feed(std::string(head) + bytes);

    response_reader streamed;
    http_limits unbounded = limits;
    unbounded.max_body_bytes = std::uint64_t{1} << 62U;
    streamed.reset(method::get, unbounded);
    streamed.feed(head);
    LIDO_ASSERT(streamed.head_complete());
    const std::string body = read_streamed(streamed, bytes, data[0] + std::size_t{1}, data[1] + std::size_t{1});
    if (whole.state() == read_state::complete) {
        LIDO_ASSERT(streamed.state() == read_state::complete);
        const response expected = whole.take();
        const response tail = streamed.take();
        LIDO_ASSERT(expected.body() == body && tail.body().empty());
        LIDO_ASSERT(std::equal(expected.trailers().begin(), expected.trailers().end(), tail.trailers().begin(),
                               tail.trailers().end()));
    } else if (whole.state() == read_state::need_more) {
        LIDO_ASSERT(streamed.state() == read_state::need_more);
    } else if (!whole.error().what().starts_with("response body exceeds")) {
        LIDO_ASSERT(streamed.state() == read_state::failed);
        LIDO_ASSERT(whole.error().message() == streamed.error().message());
    }
    check_round_trip(bytes, data[0] + std::size_t{1}, data[1] + std::size_t{1});
    return 0;
}

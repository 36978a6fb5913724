// Any bytes as responses of an HTTP/1.1 server. The first four choose the request, the limits and how the rest is
// split; the outcome must not depend on the split, nothing may be read behind what was given, and everything stays
// within limits.
#include "http/response_reader.hpp"
#include "lido/base/assert.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lido::http;

constexpr std::size_t choices = 4;

struct reading {
    method request_method = method::get;
    http_limits limits = {};
    bool expect_upgrade = false;
    bool ends = false;
    stream_end end = stream_end::orderly;
    bool direct = false;
    std::size_t step = 1;
};

reading choose(const std::uint8_t* data) {
    static const method methods[] = {method::get, method::head, method::connect, method::post};
    reading how;
    how.request_method = methods[data[0] & 3U];
    how.expect_upgrade = (data[0] & 4U) != 0;
    how.ends = (data[0] & 8U) != 0;
    how.end = (data[0] & 16U) != 0 ? stream_end::truncated : stream_end::orderly;
    how.direct = (data[0] & 32U) != 0;
    if ((data[0] & 64U) != 0) {
        how.limits.max_head_bytes = 128U + data[1];
        how.limits.max_start_line_bytes = 32U + data[1] / 4U;
        how.limits.max_header_count = 1U + data[1] % 8U;
        how.limits.max_chunk_extension_bytes = data[2] % 32U;
        how.limits.max_trailer_bytes = 2U + data[2] % 64U;
        how.limits.max_interim_responses = data[2] % 4U;
        how.limits.max_body_bytes = data[2];
    }
    how.step = 1U + data[3];
    return how;
}

/// Everything that may be seen of a response, as one text.
std::string record(response_reader& reader, std::size_t consumed) {
    if (reader.state() == read_state::failed) return reader.error().message();
    if (reader.state() == read_state::need_more) return "more";
    std::string seen = std::to_string(consumed) + (reader.started() ? "s" : "");
    response taken = reader.take();
    seen += std::to_string(taken.status()) + std::string(taken.reason());
    for (const field& each : taken.headers()) seen.append("\n").append(each.name).append("=").append(each.value);
    for (const field& each : taken.trailers()) seen.append("\nt").append(each.name).append("=").append(each.value);
    return seen + "\n" + taken.take_body();
}

/// Gives the reader `text` in pieces of `step` bytes, each in memory of its own size; 0: as a whole.
std::string read(response_reader& reader, std::string_view text, const reading& how, std::size_t step) {
    reader.reset(how.request_method, how.limits, how.expect_upgrade);
    std::size_t consumed = 0;
    while (consumed < text.size() && reader.state() == read_state::need_more) {
        const std::size_t size = std::min(step == 0 ? text.size() : step, text.size() - consumed);
        if (how.direct && step != 0) {
            const auto space = reader.body_space(size);
            LIDO_ASSERT(space.size() <= size);
            if (!space.empty()) {
                std::memcpy(space.data(), text.data() + consumed, space.size());
                consumed += space.size();
                reader.commit_body(space.size());
                continue;
            }
        }
        const std::vector<char> piece(text.data() + consumed, text.data() + consumed + size);
        const auto fed = reader.feed({piece.data(), piece.size()});
        LIDO_ASSERT(fed.consumed <= size && fed.state == reader.state());
        LIDO_ASSERT(fed.state != read_state::need_more || fed.consumed == size);
        consumed += fed.consumed;
    }
    if (how.ends) reader.finish_at_eof(how.end);
    LIDO_ASSERT(!reader.keep_alive() || (reader.state() == read_state::complete && !how.ends));
    return record(reader, consumed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < choices) return 0;
    const reading how = choose(data);
    const std::string_view text(reinterpret_cast<const char*>(data) + choices, size - choices);
    static response_reader reader;
    const std::string whole = read(reader, text, how, 0);
    LIDO_ASSERT(whole == read(reader, text, how, 1));
    LIDO_ASSERT(whole == read(reader, text, how, how.step));
    return 0;
}

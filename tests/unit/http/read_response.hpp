// Lido: reads a response from a text that arrives in pieces, and notes everything there is to see.
#pragma once

#include "http/response_reader.hpp"

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace lido::http::test {

/// How a text is read.
struct reading {
    http::method method = method::get;
    http_limits limits = {};
    bool expect_upgrade = false;
    bool then_eof = false;  ///< the connection ends, in order, behind the text
};

/// Everything that a reading shows; equal for all ways to split the same text.
struct outcome {
    read_state state = read_state::need_more;
    unsigned status = 0;
    std::string reason;
    version protocol = version::http_1_1;
    std::vector<std::string> headers;
    std::vector<std::string> trailers;
    std::string body;
    std::size_t consumed = 0;
    std::size_t interim = 0;
    std::string error;

    bool operator==(const outcome&) const = default;

    /// What GoogleTest shows of it.
    friend void PrintTo(const outcome& value, std::ostream* out) {
        *out << "state " << static_cast<int>(value.state) << ", status " << value.status << ", headers "
             << value.headers.size() << ", body \"" << value.body << "\", trailers " << value.trailers.size()
             << ", consumed " << value.consumed << ", interim " << value.interim << ", error: " << value.error;
    }
};

inline std::vector<std::string> lines(const field_range& fields) {
    std::vector<std::string> all;
    for (const field& each : fields) all.push_back(std::string(each.name) + ": " + std::string(each.value));
    return all;
}

/// Feeds pieces that end at `cuts`, which ascend, and then the rest.
inline outcome read_pieces(response_reader& reader, std::string_view text, const std::vector<std::size_t>& cuts,
                           const reading& how = {}) {
    reader.reset(how.method, how.limits, how.expect_upgrade);
    outcome seen;
    std::size_t from = 0;
    const auto feed_up_to = [&](std::size_t to) {
        // A copy of its own size, so that a sanitizer sees every byte read behind a piece.
        const std::vector<char> piece(text.begin() + static_cast<std::ptrdiff_t>(from),
                                      text.begin() + static_cast<std::ptrdiff_t>(to));
        seen.consumed += reader.feed({piece.data(), piece.size()}).consumed;
        from = to;
    };
    for (const std::size_t cut : cuts) feed_up_to(cut);
    feed_up_to(text.size());
    if (how.then_eof) reader.finish_at_eof(stream_end::orderly);

    seen.state = reader.state();
    seen.interim = reader.interim_responses();
    if (seen.state == read_state::failed) {
        seen.consumed = 0;
        seen.error = reader.error().message();
    }
    if (seen.state != read_state::complete) return seen;
    response taken = reader.take();
    seen.status = taken.status();
    seen.reason = taken.reason();
    seen.protocol = taken.version();
    seen.headers = lines(taken.headers());
    seen.trailers = lines(taken.trailers());
    seen.body = taken.body();
    return seen;
}

inline outcome read_whole(response_reader& reader, std::string_view text, const reading& how = {}) {
    return read_pieces(reader, text, {}, how);
}

inline outcome read_whole(std::string_view text, const reading& how = {}) {
    response_reader reader;
    return read_whole(reader, text, how);
}

inline std::vector<std::size_t> every_byte(std::string_view text) {
    std::vector<std::size_t> cuts;
    for (std::size_t at = 1; at < text.size(); ++at) cuts.push_back(at);
    return cuts;
}

}  // namespace lido::http::test

#include "support/http1_readings.hpp"

#include "http/grammar.hpp"
#include "http/response_reader.hpp"
#include "lido/base/assert.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <http_parser.h>

#include <limits>

namespace lido::fuzz {
namespace {

/// Interim responses are passed over by Lido and handed out by the others.
[[nodiscard]] bool is_interim(unsigned status) noexcept {
    return status / 100 == 1 && status != 101;
}

// ---- http_parser ----------------------------------------------------------------------------------------------------

struct http_parser_record {
    http1_reading made;
    bool without_body = false;
    bool name_is_open = false;
    bool complete = false;
};

http_parser_record& record_of(http_parser* parser) noexcept {
    return *static_cast<http_parser_record*>(parser->data);
}

int on_status(http_parser* parser, const char* text, std::size_t size) {
    record_of(parser).made.reason.append(text, size);
    return 0;
}

int on_name(http_parser* parser, const char* text, std::size_t size) {
    http_parser_record& record = record_of(parser);
    if (!record.name_is_open) record.made.fields.emplace_back();
    record.name_is_open = true;
    record.made.fields.back().first.append(text, size);
    return 0;
}

int on_value(http_parser* parser, const char* text, std::size_t size) {
    http_parser_record& record = record_of(parser);
    record.name_is_open = false;
    record.made.fields.back().second.append(text, size);
    return 0;
}

int on_headers_complete(http_parser* parser) {
    record_of(parser).name_is_open = false;
    // Whether there is a body is for its user to know.
    const unsigned status = parser->status_code;
    return record_of(parser).without_body || status / 100 == 1 || status == 204 || status == 304 ? 1 : 0;
}

int on_body(http_parser* parser, const char* text, std::size_t size) {
    record_of(parser).made.body.append(text, size);
    return 0;
}

int on_complete(http_parser* parser) {
    record_of(parser).complete = true;
    // Nothing behind this response is read.
    http_parser_pause(parser, 1);
    return 0;
}

[[nodiscard]] http_parser_record one_by_http_parser(std::string_view text, bool without_body) {
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_status = on_status;
    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_headers_complete;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    http_parser parser;
    http_parser_init(&parser, HTTP_RESPONSE);
    http_parser_record record;
    record.without_body = without_body;
    parser.data = &record;
    record.made.consumed = http_parser_execute(&parser, &settings, text.data(), text.size());
    if (!record.complete && HTTP_PARSER_ERRNO(&parser) == HPE_OK) http_parser_execute(&parser, &settings, nullptr, 0);
    record.made.status = parser.status_code;
    record.made.minor = parser.http_minor;
    record.made.accepted = record.complete;
    if (record.complete) {
        http_parser_pause(&parser, 0);
        record.made.keep_alive = http_should_keep_alive(&parser) != 0;
        return record;
    }
    const http_errno failure = HTTP_PARSER_ERRNO(&parser);
    record.made.cut_off = failure == HPE_INVALID_EOF_STATE || failure == HPE_OK;
    record.made.refusal = record.made.cut_off ? "cut off" : http_errno_name(failure);
    return record;
}

// ---- Beast ----------------------------------------------------------------------------------------------------------

namespace beast = boost::beast;

class beast_record final : public beast::http::basic_parser<false> {
public:
    http1_reading made;

private:
    using text = beast::string_view;
    using failure = beast::error_code;

    void on_request_impl(beast::http::verb, text, text, int, failure&) override {}
    void on_response_impl(int status, text reason, int version, failure&) override {
        made.status = static_cast<unsigned>(status);
        made.minor = version % 10;
        made.reason = std::string(reason);
    }
    void on_field_impl(beast::http::field, text name, text value, failure&) override {
        made.fields.emplace_back(std::string(name), std::string(value));
    }
    void on_header_impl(failure&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, failure&) override {}
    std::size_t on_body_impl(text data, failure&) override {
        made.body.append(data.data(), data.size());
        return data.size();
    }
    void on_chunk_header_impl(std::uint64_t, text, failure&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text data, failure&) override {
        made.body.append(data.data(), data.size());
        return data.size();
    }
    void on_finish_impl(failure&) override {}
};

[[nodiscard]] http1_reading one_by_beast(std::string_view text, bool without_body) {
    beast_record parser;
    parser.eager(true);
    parser.skip(without_body);
    parser.header_limit(std::numeric_limits<std::uint32_t>::max());
    parser.body_limit(boost::none);
    beast::error_code failure;
    std::size_t at = 0;
    while (!parser.is_done() && at < text.size() && !failure) {
        at += parser.put(boost::asio::const_buffer(text.data() + at, text.size() - at), failure);
    }
    const bool wants_more = failure == beast::http::error::need_more;
    if (!parser.is_done() && (!failure || wants_more)) {
        if (parser.got_some()) {
            parser.put_eof(failure);
        } else {
            failure = beast::http::error::partial_message;
        }
    }
    http1_reading made = std::move(parser.made);
    made.consumed = at;
    made.accepted = !failure && parser.is_done();
    made.cut_off = failure == beast::http::error::partial_message;
    if (made.accepted) made.keep_alive = parser.keep_alive();
    if (!made.accepted) made.refusal = made.cut_off ? "cut off" : failure.message();
    return made;
}

void trim_values(http1_reading& of) {
    for (auto& [name, value] : of.fields) value = std::string(http::trim(value));
}

/// Reads on behind interim responses.
template <class ReadOne>
[[nodiscard]] http1_reading final_one(std::string_view text, const http::method& request, ReadOne&& one) {
    std::size_t before = 0;
    while (true) {
        http1_reading made = one(text.substr(before), request == http::method::head);
        made.consumed += before;
        trim_values(made);
        if (!made.accepted || !is_interim(made.status)) return made;
        before = made.consumed;
    }
}

}  // namespace

http1_reading read_by_lido(std::string_view text, const http::method& request) {
    // As high as they go: the others have none, and an input that passed one would be a difference that says nothing.
    // No input has as many bytes of body as are allowed anyway.
    http::http_limits limits;
    limits.max_start_line_bytes = 64 * 1024;
    limits.max_head_bytes = 16 * 1024 * 1024;
    limits.max_header_count = 10'000;
    limits.max_chunk_extension_bytes = 1024 * 1024;
    limits.max_trailer_bytes = 16 * 1024 * 1024;
    limits.max_interim_responses = 1000;
    LIDO_ASSERT(limits.validate());
    http::response_reader reader;
    reader.reset(request, limits);
    http1_reading made;
    made.consumed = reader.feed(text).consumed;
    if (reader.state() == http::read_state::complete) made.keep_alive = reader.keep_alive();
    reader.finish_at_eof(http::stream_end::orderly);
    if (reader.state() != http::read_state::complete) {
        made.refusal = reader.error().what();
        made.cut_off = reader.error() == errc::connection_closed;
        return made;
    }
    made.accepted = true;
    http::response taken = reader.take();
    made.status = taken.status();
    made.minor = taken.version() == http::version::http_1_0 ? 0 : 1;
    made.reason = taken.reason();
    for (const http::field& each : taken.headers()) made.fields.emplace_back(each.name, each.value);
    for (const http::field& each : taken.trailers()) made.fields.emplace_back(each.name, each.value);
    made.body = taken.take_body();
    return made;
}

http1_reading read_by_http_parser(std::string_view text, const http::method& request) {
    return final_one(text, request,
                     [](std::string_view from, bool without) { return one_by_http_parser(from, without).made; });
}

http1_reading read_by_beast(std::string_view text, const http::method& request) {
    return final_one(text, request, one_by_beast);
}

}  // namespace lido::fuzz

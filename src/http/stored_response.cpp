#include "http/stored_response.hpp"

#include "http/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace lido::http {
namespace {

using std::chrono::seconds;

/// A body up to this size stands behind the head, which saves an allocation.
constexpr std::size_t max_inline_body = 4096;
/// For the nodes of list and map, the strings' and the vectors' headers, and what the allocator adds.
constexpr std::size_t bookkeeping_bytes = 640;

/// Fields that belong to one connection (RFC 9110 §7.6.1) or to one answer of the server. Set-Cookie is not for others
/// even where it comes with a 304.
constexpr std::string_view never_stored[] = {
    "age",     "connection",       "keep-alive",          "proxy-authenticate", "proxy-authentication-info",
    "trailer", "proxy-connection", "proxy-authorization", "set-cookie",         "te",
    "upgrade", "transfer-encoding"};
/// Fields that describe the body that is kept, and not the one that a 304 would have had.
constexpr std::string_view of_the_body[] = {"content-length", "content-encoding", "content-range"};

template <std::size_t Count>
bool is_one_of(std::string_view name, const std::string_view (&names)[Count]) noexcept {
    return std::any_of(std::begin(names), std::end(names),
                       [name](std::string_view each) { return same_name(each, name); });
}

/// Does Connection name the field as one of this connection only?
bool is_nominated(const field_range& fields, std::string_view name) {
    bool found = false;
    for (const field& each : fields) {
        if (!same_name(each.name, "connection")) continue;
        for_each_element(each.value, [&](std::string_view option) { found |= same_name(option, name); });
    }
    return found;
}

bool may_be_stored(const field_range& fields, std::string_view name) {
    return !is_one_of(name, never_stored) && !is_nominated(fields, name);
}

void append(response::parts& to, std::string_view name, std::string_view value) {
    detail::field_place place;
    place.name = static_cast<std::uint32_t>(to.text.size());
    place.name_size = static_cast<std::uint32_t>(name.size());
    place.value = place.name + place.name_size + 2;
    place.value_size = static_cast<std::uint32_t>(value.size());
    to.text.append(name).append(": ").append(value).append("\r\n");
    to.places.push_back(place);
    ++to.header_count;
}

response::parts head_without_fields(http::version version, unsigned status, std::string_view reason) {
    response::parts head;
    head.version = version;
    head.status = static_cast<std::uint16_t>(status);
    head.reason_size = static_cast<std::uint32_t>(reason.size());
    head.text.append(reason).append("\r\n");
    return head;
}

void settle_time(stored_response& made, const field_range& news, const cache_arrival& when) {
    made.said = response_cache_control(made.fields());
    made.time = freshness_of(made.fields(), made.said, when.sent, when.received, when.wall);
    // The Age of a stored response is not stored, so its beginning is reckoned from what has just come.
    made.time.initial_age = freshness_of(news, made.said, when.sent, when.received, when.wall).initial_age;
    made.sent = when.sent;
}

std::string_view opaque_tag(std::string_view tag) noexcept {
    tag = trim(tag);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    return tag;
}

}  // namespace

std::size_t stored_response::bytes(std::size_t key_size) const noexcept {
    std::size_t sum = bookkeeping_bytes + key_size + head.text.capacity() + body->capacity() + selection.capacity() +
                      head.places.capacity() * sizeof(detail::field_place) + vary.capacity() * sizeof(std::string);
    for (const std::string& each : vary) sum += each.capacity();
    return sum;
}

stored_response to_stored(const response& from, const cache_arrival& when) {
    stored_response made;
    made.head = head_without_fields(from.version(), from.status(), from.reason());
    for (const field& each : from.headers()) {
        if (may_be_stored(from.headers(), each.name)) append(made.head, each.name, each.value);
    }
    made.head.text.shrink_to_fit();
    made.head.places.shrink_to_fit();
    made.body = std::make_shared<const std::string>(from.body());
    settle_time(made, from.headers(), when);
    return made;
}

stored_response freshened(const stored_response& old, const response& news, const cache_arrival& when) {
    const auto takes_over = [&](std::string_view name) {
        return may_be_stored(news.headers(), name) && !is_one_of(name, of_the_body);
    };
    stored_response made;
    made.head = head_without_fields(old.head.version, old.head.status,
                                    std::string_view(old.head.text).substr(old.head.reason, old.head.reason_size));
    for (const field& each : old.fields()) {
        const bool replaced = takes_over(each.name) && news.header(each.name).has_value();
        if (!replaced) append(made.head, each.name, each.value);
    }
    for (const field& each : news.headers()) {
        if (takes_over(each.name)) append(made.head, each.name, each.value);
    }
    made.head.text.shrink_to_fit();
    made.head.places.shrink_to_fit();
    made.body = old.body;
    settle_time(made, news.headers(), when);
    return made;
}

bool confirms(const stored_response& stored, const field_range& news) noexcept {
    if (const auto tag = news.find("ETag")) {
        const auto own = stored.entity_tag();
        return own && opaque_tag(*own) == opaque_tag(*tag);
    }
    if (const auto date = news.find("Last-Modified")) {
        const auto own = stored.last_modified();
        return !own || trim(*own) == trim(*date);
    }
    return true;
}

response to_response(const stored_response& stored, response_source source, time_point now, bool with_body,
                     const field_range& also) {
    const auto age = std::chrono::duration_cast<seconds>(stored.time.age(now));
    const std::string_view body = with_body ? std::string_view(*stored.body) : std::string_view();
    const bool is_inline = body.size() <= max_inline_body;
    response::parts made;
    made.text.reserve(stored.head.text.size() + sizeof "Age: 2147483648\r\n" + (is_inline ? body.size() : 0));
    made.text = stored.head.text;
    made.places.reserve(stored.head.places.size() + 1);
    made.places = stored.head.places;
    made.version = stored.head.version;
    made.status = stored.head.status;
    made.reason = stored.head.reason;
    made.reason_size = stored.head.reason_size;
    made.header_count = stored.head.header_count;
    made.source = source;
    made.age_seconds = static_cast<std::uint32_t>(std::clamp(age, seconds(0), longest_delta).count());
    append(made, "Age", fmt::format_int(made.age_seconds).c_str());
    for (const field& each : also) {
        if (same_name(each.name, "Set-Cookie")) append(made, each.name, each.value);
    }
    if (is_inline) {
        made.inline_body = static_cast<std::uint32_t>(made.text.size());
        made.inline_body_size = static_cast<std::uint32_t>(body.size());
        made.text.append(body);
    } else {
        made.body = body;
    }
    return response(std::move(made));
}

}  // namespace lido::http

// What a client does around a request and its response: cookies, redirects, content codings.
#include "http/client_implementation.hpp"
#include "http/content_decoder.hpp"
#include "http/open_exchange.hpp"
#include "http/redirect.hpp"
#include "http/response_stream.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <string_view>
#include <utility>

namespace lido::http {
namespace {

[[nodiscard]] bool is_hex_digit(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// A target may have characters that no URI has, such as "|", and is sent as it is. Where it is taken for a URI, by
/// cookies and relative redirects, these stand in it encoded.
[[nodiscard]] std::string as_uri(std::string_view url) {
    const std::size_t target = url.find('/', url.find("://") + 3);
    if (target == std::string_view::npos) return std::string(url);
    std::string encoded(url.substr(0, target));
    for (std::size_t i = target; i < url.size(); ++i) {
        const bool stray =
            url[i] == '%' && (url.size() - i < 3 || !is_hex_digit(url[i + 1]) || !is_hex_digit(url[i + 2]));
        if (stray || std::string_view("\"<>[\\]^`{|}").find(url[i]) != std::string_view::npos) {
            encoded += fmt::format("%{:02X}", static_cast<unsigned>(url[i]));
        } else {
            encoded += url[i];
        }
    }
    return encoded;
}

}  // namespace

/// The response as the caller wants it.
result<response> client::implementation::undo_coding(response came, const request& what) const {
    if (!came.header("Content-Encoding") || !wants_decoding(what, settings_.decoding)) return came;
    return decoded(std::move(came), settings_.decoding);
}

task<result<response>> client::implementation::run_cached_decoded(std::shared_ptr<implementation> self, request what) {
    const request asked = what;
    result<response> came = co_await run_cached(self, std::move(what), manner());
    if (!came) co_return came;
    co_return self->undo_coding(std::move(*came), asked);
}

/// The request with the jar's cookies, unless it brings its own.
request client::implementation::with_cookies(const request& what, const std::string& url) const {
    request sent = what;
    if (!settings_.cookies || what.header("Cookie")) return sent;
    const std::string field = settings_.cookies->field_for(url, std::chrono::system_clock::now());
    if (!field.empty()) sent.header("Cookie", field);
    return sent;
}

/// A stored response has said all it has to say about cookies when it came.
void client::implementation::keep_cookies(const response& came, const std::string& url) const {
    if (!settings_.cookies || came.source() != response_source::network) return;
    for (const field& each : came.headers()) {
        if (same_name(each.name, "Set-Cookie")) {
            settings_.cookies->set(url, each.value, std::chrono::system_clock::now());
        }
    }
}

/// One request after another, until a response leads nowhere else. `opened` as in `manner`.
task<result<response>> client::implementation::follow(std::shared_ptr<implementation> self, request what,
                                                      std::shared_ptr<open_exchange>* opened) {
    implementation& me = *self;
    scheduler& here = *scheduler::current();
    const time_point deadline = deadline_after(here.now(), what.timeout().value_or(me.settings_.timeout));
    for (unsigned followed = 0;; ++followed) {
        std::optional<std::string> url = me.uri_of(what);
        if (url) url = as_uri(*url);
        manner how;
        how.opened = opened;
        how.deadline = deadline;
        result<response> came(response{});
        if (!url) {
            // It has no cookies and leads nowhere, or it will be refused, and told why.
            came = co_await send(self, std::move(what), how);
            co_return came;
        }
        request sent = me.with_cookies(what, *url);
        if (me.settings_.cache) {
            came = co_await run_cached(self, std::move(sent), how);
        } else {
            came = co_await send(self, std::move(sent), how);
            if (came) me.keep_cookies(*came, *url);
        }
        if (!came) co_return came;
        const result<parsed_url> from = parse_url(*url);
        if (!from) co_return from.error();
        result<std::optional<request>> next = redirect(what, *from, *came, me.settings_.redirects, followed);
        if (!next) co_return std::move(next).error();
        if (!*next) {
            if (followed != 0) came->set_redirects(followed, *url);
            co_return came;
        }
        if (opened != nullptr && *opened) {
            const std::shared_ptr<open_exchange> unwanted = std::move(*opened);
            co_await open_exchange::discard(unwanted);
        }
        what = std::move(**next);
    }
}

task<result<response>> client::implementation::run_following(std::shared_ptr<implementation> self, request what) {
    const request asked = what;
    result<response> came = co_await follow(self, std::move(what), nullptr);
    if (!came) co_return came;
    co_return self->undo_coding(std::move(*came), asked);
}

task<result<response_stream>> client::implementation::open(std::shared_ptr<implementation> self, request what) {
    std::shared_ptr<open_exchange> opened;
    manner how;
    how.opened = &opened;
    const bool decodes = wants_decoding(what, self->settings_.decoding);
    result<response> head(response{});
    if (self->follows()) {
        head = co_await follow(self, std::move(what), &opened);
    } else if (self->settings_.cache) {
        head = co_await run_cached(self, std::move(what), how);
    } else {
        head = co_await send(self, std::move(what), how);
    }
    if (!head) co_return std::move(head).error();
    std::optional<content_decoder> decoder;
    if (decodes && head->header("Content-Encoding")) {
        // What is not held in memory needs no bound.
        decoding_settings bounds = self->settings_.decoding;
        bounds.max_bytes = std::numeric_limits<std::int64_t>::max();
        auto made = content_decoder::make(head->headers(), bounds);
        if (!made) co_return std::move(made).error();
        decoder = std::move(*made);
    }
    std::shared_ptr<response_stream::implementation> stream;
    if (opened) {
        stream =
            std::make_shared<response_stream::implementation>(std::move(*head), std::move(opened), std::move(decoder));
    } else {
        stream = std::make_shared<response_stream::implementation>(std::move(*head), self->group_, std::move(decoder));
    }
    co_return response_stream(std::move(stream));
}

}  // namespace lido::http

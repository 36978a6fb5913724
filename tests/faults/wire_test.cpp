// No CR, no LF and no other control byte from outside ever reaches the wire where it could end something: every place
// of a request gets every byte, and a peer that writes down all that reaches it finds whole, legal requests only, as
// many as were sent. Beast#3105, undici CVE-2022-31150 and CVE-2023-23936, urllib3 CVE-2019-9740.
#include "support/http2_frames.hpp"
#include "support/http_client_world.hpp"
#include "support/recording_peer.hpp"
#include "support/scripted_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;
using testing::HasSubstr;
using testing::Not;

// ---- what a reader that repairs nothing makes of the bytes ----------------------------------------------------------

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
}
bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               others.find(c) != std::string_view::npos;
    });
}

/// What is wrong with a head of HTTP/1.1 without its empty line, or with trailers, or "".
std::string fault_of_head(std::string_view head, bool first = true) {
    while (!head.empty()) {
        const std::size_t end = head.find("\r\n");
        if (end == std::string_view::npos) return "a line without end";
        const std::string_view line = head.substr(0, end);
        head.remove_prefix(end + 2);
        if (std::any_of(line.begin(), line.end(), [](char c) { return is_control(c) && c != '\t'; })) {
            return "a control byte within a line";
        }
        const std::size_t mark = line.find(first ? ' ' : ':');
        if (mark == std::string_view::npos || !is_token(line.substr(0, mark))) return "a line that begins wrongly";
        if (first) {
            const std::string_view rest = line.substr(mark + 1);
            const std::size_t space = rest.find(' ');
            if (space == 0 || rest.substr(std::min(space, rest.size())) != " HTTP/1.1") return "no request line";
            if (rest.find('\t') != std::string_view::npos) return "a tab in the request line";
        }
        first = false;
    }
    return "";
}

/// How many requests of HTTP/1.1 there are in all; a fault is a failure of the test.
std::size_t requests_in(std::string_view text) {
    std::size_t count = 0;
    while (!text.empty()) {
        const std::size_t end = text.find("\r\n\r\n");
        if (end == std::string_view::npos) {
            ADD_FAILURE() << "bytes that are no request: " << text;
            return count;
        }
        const std::string head(text.substr(0, end + 2));
        EXPECT_EQ(fault_of_head(head), "") << head;
        text.remove_prefix(end + 4);
        if (head.find("\r\nTransfer-Encoding: chunked") != std::string::npos) {
            constexpr std::string_view body = "4\r\nbody\r\n0\r\n";
            EXPECT_TRUE(text.starts_with(body)) << text.substr(0, 100);
            text.remove_prefix(std::min(body.size(), text.size()));
            const std::size_t trailers = std::min(text.find("\r\n\r\n"), text.size() - 4);
            EXPECT_EQ(fault_of_head(text.substr(0, trailers + 2), false), "");
            text.remove_prefix(trailers + 4);
        }
        const std::size_t length = head.find("\r\nContent-Length: ");
        if (length != std::string::npos) text.remove_prefix(std::stoul(head.substr(length + 18)));
        ++count;
    }
    return count;
}

/// The same for a connection of HTTP/2.
std::size_t http2_requests_in(const std::string& text) {
    std::size_t count = 0;
    std::uint32_t last_stream = 0;
    nghttp2_hd_inflater* inflater = nullptr;
    nghttp2_hd_inflate_new(&inflater);
    for (const h2::seen_frame& each : h2::read_frames(text)) {
        if (each.type != h2::headers) continue;
        EXPECT_EQ(each.flags & 0x28, 0) << "neither padding nor a priority is expected here";
        EXPECT_NE(each.flags & h2::end_headers, 0);
        // Trailers are no request.
        if (each.stream > last_stream) ++count;
        last_stream = std::max(last_stream, each.stream);
        std::string_view block = each.payload;
        while (true) {
            nghttp2_nv field;
            int flags = 0;
            const ssize_t taken = nghttp2_hd_inflate_hd2(
                inflater, &field, &flags, reinterpret_cast<const std::uint8_t*>(block.data()), block.size(), 1);
            if (taken < 0) {
                ADD_FAILURE() << "a header block that is none";
                break;
            }
            block.remove_prefix(static_cast<std::size_t>(taken));
            if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
                const std::string_view name(reinterpret_cast<const char*>(field.name), field.namelen);
                const std::string_view value(reinterpret_cast<const char*>(field.value), field.valuelen);
                EXPECT_TRUE(is_token(name.starts_with(':') ? name.substr(1) : name)) << name;
                const bool pseudo = name.starts_with(':');
                EXPECT_TRUE(std::none_of(value.begin(), value.end(),
                                         [&](char c) { return is_control(c) && (pseudo || c != '\t'); }))
                    << name << ": " << value;
                // RFC 9113 §8.2.1.
                EXPECT_EQ(value.find_first_not_of(" \t"), value.empty() ? std::string_view::npos : 0U) << name;
                EXPECT_EQ(value.find_last_not_of(" \t"), value.size() - 1) << name;
            }
            if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
        }
        nghttp2_hd_inflate_end_headers(inflater);
    }
    nghttp2_hd_inflate_del(inflater);
    return count;
}

// ---- places ---------------------------------------------------------------------------------------------------------

/// A place of a request that text from outside can come to.
struct place {
    const char* name;
    /// Sends a request with that text in that place; nothing when it could not even be made.
    std::function<std::optional<operation<http::response>>(client&, const std::string& text)> send;
    bool left_out = false;  ///< what is wrong there is not refused but not sent
};

std::optional<operation<http::response>> sent(client& by, request what) {
    return by.send(std::move(what));
}

std::vector<place> places() {
    return {
        {"method",
         [](client& by, const std::string& text) -> std::optional<operation<http::response>> {
             const auto made = method::parse(text);
             if (!made) return std::nullopt;
             return sent(by, request(*made, "/"));
         }},
        {"path", [](client& by, const std::string& text) { return sent(by, request(method::get, "/" + text)); }},
        {"query", [](client& by, const std::string& text) { return sent(by, request(method::get, "/?a=" + text)); }},
        {"whole_url",
         [](client& by, const std::string& text) {
             return std::optional(by.get(by.settings().base_url + "/" + text));
         }},
        {"host_of_a_url",
         [](client& by, const std::string& text) { return std::optional(by.get("http://" + text + ".invalid/")); }},
        {"userinfo",
         [](client& by, const std::string& text) {
             return std::optional(by.get("http://" + text + "@" + by.settings().base_url.substr(7) + "/"));
         }},
        {"name_of_a_header",
         [](client& by, const std::string& text) { return sent(by, request(method::get, "/").header(text, "1")); }},
        {"value_of_a_header",
         [](client& by, const std::string& text) { return sent(by, request(method::get, "/").header("X-A", text)); }},
        {"host_header",
         [](client& by, const std::string& text) { return sent(by, request(method::get, "/").header("Host", text)); }},
        {"cookie_header",
         [](client& by, const std::string& text) {
             return sent(by, request(method::get, "/").header("Cookie", "a=" + text));
         }},
        {"trailer_header",
         [](client& by, const std::string& text) {
             return sent(by, request(method::get, "/").header("Trailer", text));
         }},
        {"expect_header",
         [](client& by, const std::string& text) {
             return sent(by, request(method::post, "/").body("a").header("Expect", text));
         }},
        {"connection_header",
         [](client& by, const std::string& text) {
             return sent(by, request(method::get, "/").header("Connection", text));
         }},
        {"content_type", [](client& by, const std::string& text) { return std::optional(by.post("/", "body", text)); }},
        {"value_of_a_trailer",
         [](client& by, const std::string& text) {
             return sent(by, request(method::post, "/").body("body").trailer("X-A", text));
         }},
        {"name_of_a_trailer",
         [](client& by, const std::string& text) {
             return sent(by, request(method::post, "/").body("body").trailer(text, "1"));
         }},
        {"secret_header",
         [](client& by, const std::string& text) {
             return sent(by, request(method::get, "/").secret_header("X-Key", secret(text)));
         }},
        {"user",
         [](client& by, const std::string& text) -> std::optional<operation<http::response>> {
             const auto made = http::credentials::basic(text, secret("hidden"));
             if (!made) return std::nullopt;
             return sent(by, request(method::get, "/").authorize(*made));
         }},
        {"bearer_token",
         [](client& by, const std::string& text) -> std::optional<operation<http::response>> {
             const auto made = http::credentials::bearer(secret(text));
             if (!made) return std::nullopt;
             return sent(by, request(method::get, "/").authorize(*made));
         }},
        {"cookie_from_a_server",
         [](client& by, const std::string& text) {
             by.settings().cookies->clear();
             by.settings().cookies->set(by.settings().base_url + "/", "a=" + text, std::chrono::system_clock::now());
             return sent(by, request(method::get, "/"));
         },
         true},
        {"name_of_a_cookie_from_a_server",
         [](client& by, const std::string& text) {
             by.settings().cookies->clear();
             by.settings().cookies->set(by.settings().base_url + "/", text + "=1", std::chrono::system_clock::now());
             return sent(by, request(method::get, "/"));
         },
         true},
    };
}

/// Every byte at the beginning, within and at the end of a text, and what is known to have worked elsewhere.
std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (int byte = 0; byte < 256; ++byte) {
        const std::string one(1, static_cast<char>(byte));
        for (const std::string& each : {one + "ab", "a" + one + "b", "ab" + one}) all.push_back(each);
    }
    for (const char* each :
         {"a\r\nX-Injected: 1", "a\r\n\r\nGET /injected HTTP/1.1\r\nHost: a", "a\nX-Injected: 1", "a\rX-Injected: 1",
          "a\r\n X-Folded: 1", "a HTTP/1.1\r\nX-Injected: 1\r\nA: ", "a%0d%0aX-Injected:%201", "a%00b",
          "\xc4\x8d\xc4\x8aX-Injected: 1", "\xe5\x98\x8a\xe5\x98\x8dX-Injected: 1",
          "a\xe2\x80\xa8"
          "b",
          ""}) {
        all.emplace_back(each);
    }
    return all;
}

enum class wire { http1, http2, tunnel, socks5, asked_for_urls };

class what_reaches_the_wire : public testing::TestWithParam<wire> {
protected:
    static recording_peer::answering behaviour() {
        switch (GetParam()) {
            case wire::http2:
                return recording_peer::as_http2;
            case wire::tunnel:
                return recording_peer::as_tunnel;
            case wire::socks5:
                return recording_peer::as_socks5;
            default:
                return recording_peer::as_http1;
        }
    }
    http::client_settings settings() const {
        http::client_settings made = plain_settings(fmt::format("http://127.0.0.1:{}", peer_.port()));
        made.max_connections_per_origin = 1;
        made.cookies = std::make_shared<http::cookie_jar>();
        made.http_version = GetParam() == wire::http2 ? http::http_versions::http2 : http::http_versions::http1;
        made.down_fail_fast = 0ms;
        // Names are asked of nobody.
        made.names = std::make_shared<net::resolver>(
            net::resolver_settings{.threads = 1, .lookup = [](const std::string&) -> result<std::vector<net::address>> {
                                       return error(errc::resolve_failed, "nobody is asked");
                                   }});
        const char* const scheme = GetParam() == wire::socks5 ? "socks5" : "http";
        if (by_proxy()) made.proxy = fmt::format("{}://me:hidden@127.0.0.1:{}", scheme, peer_.port());
        made.proxy_tunnel = GetParam() == wire::tunnel;
        return made;
    }
    static bool by_proxy() { return GetParam() != wire::http1 && GetParam() != wire::http2; }

    /// The requests for the server in all that was heard; what goes to a proxy before them is looked at too.
    std::size_t requests_heard() const {
        std::size_t count = 0;
        for (const std::string& each : peer_.heard()) {
            if (GetParam() == wire::http2) {
                count += http2_requests_in(each);
            } else if (GetParam() == wire::socks5) {
                const std::size_t greeting = each.empty() ? 0 : 4 + 1 + 1 + 2 + 1 + 6 + size_of_target(each);
                count += requests_in(std::string_view(each).substr(greeting));
            } else if (!each.empty()) {
                count += requests_in(each) - (GetParam() == wire::tunnel ? 1 : 0);
            }
        }
        return count;
    }
    static std::size_t size_of_target(const std::string& heard) {
        const std::size_t at = 4 + 1 + 1 + 2 + 1 + 6;
        EXPECT_EQ(heard.substr(0, at), std::string("\x05\x02\x00\x02\x01\x02me\x06hidden", at));
        return heard.at(at + 3) == 3 ? 7 + static_cast<unsigned char>(heard.at(at + 4)) : 10;
    }

    recording_peer peer_{behaviour()};
    runtime io_;
};

TEST_P(what_reaches_the_wire, is_whole_legal_requests_and_no_more_than_were_sent) {
    client user(io_, settings());
    std::size_t answered = 0;
    for (const place& where : places()) {
        SCOPED_TRACE(where.name);
        const std::size_t before = answered;
        std::size_t refused = 0;
        for (const std::string& text : texts()) {
            std::optional<operation<http::response>> sending = where.send(user, text);
            if (!sending) {
                ++refused;
                continue;
            }
            const result<http::response> got = std::move(*sending).wait();
            if (got) {
                ++answered;
                continue;
            }
            ++refused;
            // Legal hosts that nobody has apart, what is not sent is refused for what it is.
            const bool known = got.error() == errc::invalid_argument || got.error() == errc::resolve_failed ||
                               got.error() == errc::connect_failed || got.error() == errc::tls_failed;
            EXPECT_TRUE(known) << got.error().message();
            EXPECT_THAT(got.error().message(), Not(HasSubstr("\n")));
        }
        EXPECT_GE(refused, where.left_out ? 0U : 90U) << "a control byte was sent";
        fmt::print("{}: {} sent, {} refused\n", where.name, answered - before, refused);
    }
    EXPECT_EQ(requests_heard(), answered);
    for (const std::string& each : peer_.heard()) EXPECT_THAT(each, Not(HasSubstr("\nX-Injected")));
}

TEST_P(what_reaches_the_wire, has_nothing_of_a_setting_that_could_end_a_line) {
    std::size_t answered = 0;
    std::size_t refused = 0;
    const auto with = [&](const std::function<void(http::client_settings&)>& change) {
        http::client_settings changed = settings();
        change(changed);
        if (!changed.validate()) {
            ++refused;
            return;
        }
        client user(io_, changed);
        if (user.get("/a").wait()) ++answered;
    };
    const std::string here = fmt::format("127.0.0.1:{}", peer_.port());
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text = std::string("a") + static_cast<char>(byte) + "b";
        with([&](http::client_settings& s) { s.user_agent = text; });
        with([&](http::client_settings& s) { s.base_url += "/" + text; });
        with([&](http::client_settings& s) { s.tls.server_name = text; });
        if (!by_proxy() || (byte > 0x20 && byte < 0x7f)) continue;
        const char* const scheme = GetParam() == wire::socks5 ? "socks5" : "http";
        with([&](http::client_settings& s) { s.proxy = fmt::format("{}://{}:b@{}", scheme, text, here); });
        with([&](http::client_settings& s) { s.proxy = fmt::format("{}://me:{}@{}", scheme, text, here); });
        with([&](http::client_settings& s) {
            s.proxy = fmt::format("{}://a%{:02x}b:c%{:02x}d@{}", scheme, byte, byte, here);
        });
        with([&](http::client_settings& s) { s.proxy = fmt::format("{}://{}:{}", scheme, text, peer_.port()); });
    }
    EXPECT_GT(answered, 0U);
    EXPECT_GT(refused, 90U);
    for (const std::string& each : peer_.heard()) {
        if (GetParam() == wire::http2) {
            static_cast<void>(http2_requests_in(each));
        } else if (GetParam() != wire::socks5) {
            static_cast<void>(requests_in(each));
        }
    }
}

std::string name_of_wire(const testing::TestParamInfo<wire>& one) {
    constexpr const char* names[] = {"http1", "http2", "connect", "socks5", "asked_for_urls"};
    return names[static_cast<std::size_t>(one.param)];
}

INSTANTIATE_TEST_SUITE_P(of, what_reaches_the_wire,
                         testing::Values(wire::http1, wire::http2, wire::tunnel, wire::socks5, wire::asked_for_urls),
                         name_of_wire);

}  // namespace
}  // namespace lido::test

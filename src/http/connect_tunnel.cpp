#include "http/connect_tunnel.hpp"

#include "http/base64.hpp"
#include "http/response_reader.hpp"
#include "http/stream_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

namespace lido::http {
namespace {

std::string request_text(const proxy& by, const net::endpoint& target) {
    const std::string where = target.to_text();
    std::string text = fmt::format("CONNECT {} HTTP/1.1\r\nHost: {}\r\n", where, where);
    const secret credentials = proxy_authorization(by);
    if (!credentials.empty()) text.append("Proxy-Authorization: ").append(credentials.reveal()).append("\r\n");
    return text.append("\r\n");
}

error refused(unsigned status, bool had_credentials) {
    if (status == 407 || status == 401) {  // tinyproxy says 401 to wrong ones
        const char* const what =
            had_credentials ? "the proxy does not accept the credentials" : "the proxy wants credentials";
        return {errc::connect_failed, fmt::format("{} ({})", what, status),
                "set user and password in client setting proxy; basic authentication is what Lido knows"};
    }
    return {errc::connect_failed, fmt::format("the proxy answered {}", status),
            "check what the proxy allows and whom it can reach, or set no_proxy"};
}

/// What the proxy's answer means; nothing while more of it is needed.
std::optional<result<void>> judge(const response_reader& reader, bool leftover, const proxy& by) {
    if (reader.state() == read_state::failed) {
        const error& why = reader.error();
        const bool by_limit = why == errc::limit_exceeded;
        return error(errc::connect_failed, why.what(), by_limit ? why.remedy() : "check that this is an HTTP proxy");
    }
    if (!reader.head_complete()) return std::nullopt;
    // A refusal's body is nobody's business; the connection ends here.
    if (reader.status() / 100 != 2) return refused(reader.status(), !by.user.empty());
    if (!leftover) return result<void>();
    return error(errc::connect_failed, "the proxy sent bytes behind its answer, before anything was asked for",
                 "they cannot be the server's: do not use this proxy");
}

error too_long(std::size_t most) {
    return {errc::connect_failed, fmt::format("the proxy's answer exceeds max_proxy_answer_bytes = {}", most),
            "raise http_limits::max_proxy_answer_bytes if the proxy is right to say that much"};
}

}  // namespace

secret proxy_authorization(const proxy& by) {
    if (by.user.empty()) return {};
    std::string plain = fmt::format("{}:{}", by.user, by.password.reveal());
    secret made("Basic " + base64_of(plain));
    explicit_bzero(plain.data(), plain.size());
    return made;
}

task<result<void>> connect_tunnel(net::stream& through, const proxy& by, net::endpoint target,
                                  const http_limits& limits, time_point deadline) {
    task<result<void>> sending = send_all(through, request_text(by, target), deadline);
    result<void> sent = co_await std::move(sending);
    if (!sent) co_return sent;
    response_reader reader;
    reader.reset(method::connect, limits);
    std::array<char, 4096> space;
    std::size_t left = limits.max_proxy_answer_bytes;
    while (left > 0) {
        const std::span<char> next = std::span<char>(space).first(std::min(space.size(), left));
        task<result<std::size_t>> receiving = receive_some(through, next, deadline);
        const result<std::size_t> got = co_await std::move(receiving);
        if (!got) co_return got.error();
        const auto fed = reader.feed({space.data(), *got});
        std::optional<result<void>> verdict = judge(reader, fed.consumed < *got, by);
        if (verdict) co_return std::move(*verdict);
        left -= *got;
    }
    co_return too_long(limits.max_proxy_answer_bytes);
}

}  // namespace lido::http

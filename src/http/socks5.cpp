#include "http/socks5.hpp"

#include "http/stream_steps.hpp"
#include "lido/base/assert.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include <netinet/in.h>

namespace lido::http {
namespace socks5 {
namespace {

constexpr char protocol = 5;
constexpr char login_protocol = 1;
constexpr char without_login = 0;
constexpr char by_password = 2;
constexpr unsigned char nothing_acceptable = 0xFF;
constexpr char connect_command = 1;
constexpr char as_ipv4 = 1;
constexpr char as_name = 3;
constexpr char as_ipv6 = 4;
constexpr std::size_t longest_name = 255;

error failed(std::string what, std::string remedy = {}) {
    return {errc::connect_failed, std::move(what), std::move(remedy)};
}

error other_protocol() {
    return failed("the answer is none of SOCKS5", "check host and port, and that it is a SOCKS5 proxy");
}

void append_with_size(std::string& to, std::string_view text) {
    LIDO_ASSERT(text.size() <= 255);
    to += static_cast<char>(text.size());
    to += text;
}

/// RFC 1928 §6.
const char* meaning_of(unsigned reply) noexcept {
    constexpr std::array meanings{"the proxy failed",           "the proxy's rules do not allow it",
                                  "network unreachable",        "no route to host",
                                  "connection refused",         "no answer in time",
                                  "the proxy does not connect", "the proxy does not know this kind of address"};
    return reply >= 1 && reply <= meanings.size() ? meanings[reply - 1] : "refused without a known reason";
}

}  // namespace

std::string greeting(bool has_credentials) {
    return has_credentials ? std::string{protocol, 2, without_login, by_password}
                           : std::string{protocol, 1, without_login};
}

std::string login(const proxy& by) {
    std::string text{login_protocol};
    append_with_size(text, by.user);
    append_with_size(text, by.password.reveal());
    return text;
}

result<std::string> request(const net::endpoint& target) {
    std::string text{protocol, connect_command, 0};
    if (const auto literal = net::address::from_literal(target.host, target.port)) {
        const auto* const bytes = reinterpret_cast<const char*>(literal->data());  // NOLINT: bytes may alias anything
        if (literal->is_ipv4()) {
            text.append(1, as_ipv4).append(bytes + offsetof(sockaddr_in, sin_addr), 4);
        } else {
            text.append(1, as_ipv6).append(bytes + offsetof(sockaddr_in6, sin6_addr), 16);
        }
    } else if (target.host.empty() || target.host.size() > longest_name) {
        return error(errc::invalid_argument, "the host name is empty or longer than 255 bytes");
    } else {
        text += as_name;
        append_with_size(text, target.host);
    }
    text += static_cast<char>(target.port >> 8U);
    text += static_cast<char>(target.port & 0xFFU);
    return text;
}

result<bool> read_choice(std::span<const char, 2> answer, bool has_credentials) {
    if (answer[0] != protocol) return other_protocol();
    if (answer[1] == without_login) return false;
    if (answer[1] == by_password && has_credentials) return true;
    if (static_cast<unsigned char>(answer[1]) != nothing_acceptable) return other_protocol();
    return failed(
        has_credentials ? "the proxy takes neither no login nor user and password" : "the proxy wants a login",
        "set user and password in client setting proxy; no other way to log in is known");
}

result<void> read_login(std::span<const char, 2> answer) {
    if (answer[0] != login_protocol) return other_protocol();
    if (answer[1] == 0) return {};
    return failed("the proxy does not accept the credentials", "check user and password in client setting proxy");
}

result<std::size_t> read_reply(std::span<const char, 5> answer) {
    if (answer[0] != protocol || answer[2] != 0) return other_protocol();
    if (answer[1] != 0) return failed(meaning_of(static_cast<unsigned char>(answer[1])));
    constexpr std::size_t port = 2;
    // Of an address its first byte has come already; of a name its size.
    if (answer[3] == as_ipv4) return 4 - 1 + port;
    if (answer[3] == as_ipv6) return 16 - 1 + port;
    if (answer[3] == as_name) return static_cast<unsigned char>(answer[4]) + port;
    return other_protocol();
}

}  // namespace socks5

namespace {

task<result<void>> log_in(net::stream& through, const proxy& by, time_point deadline) {
    task<result<void>> sending = send_all(through, socks5::login(by), deadline);
    result<void> sent = co_await std::move(sending);
    if (!sent) co_return sent;
    std::array<char, 2> answer{};
    task<result<void>> receiving = receive_exactly(through, answer, deadline);
    result<void> received = co_await std::move(receiving);
    if (!received) co_return received;
    co_return socks5::read_login(answer);
}

task<result<void>> agree(net::stream& through, const proxy& by, time_point deadline) {
    const bool has_credentials = !by.user.empty();
    task<result<void>> sending = send_all(through, socks5::greeting(has_credentials), deadline);
    result<void> sent = co_await std::move(sending);
    if (!sent) co_return std::move(sent).error().with_context("greeting");
    std::array<char, 2> answer{};
    task<result<void>> receiving = receive_exactly(through, answer, deadline);
    result<void> received = co_await std::move(receiving);
    if (!received) co_return std::move(received).error().with_context("greeting");
    result<bool> wants_login = socks5::read_choice(answer, has_credentials);
    if (!wants_login) co_return std::move(wants_login).error().with_context("greeting");
    if (!*wants_login) co_return result<void>();
    task<result<void>> logging_in = log_in(through, by, deadline);
    result<void> logged_in = co_await std::move(logging_in);
    if (!logged_in) co_return std::move(logged_in).error().with_context("login");
    co_return logged_in;
}

task<result<void>> ask(net::stream& through, const net::endpoint& target, time_point deadline) {
    result<std::string> text = socks5::request(target);
    if (!text) co_return std::move(text).error();
    task<result<void>> sending = send_all(through, std::move(*text), deadline);
    result<void> sent = co_await std::move(sending);
    if (!sent) co_return sent;
    std::array<char, 5> answer{};
    task<result<void>> receiving = receive_exactly(through, answer, deadline);
    result<void> received = co_await std::move(receiving);
    if (!received) co_return received;
    const result<std::size_t> more = socks5::read_reply(answer);
    if (!more) co_return more.error();
    std::array<char, 257> rest{};
    const std::span<char> expected = std::span<char>(rest).first(*more);
    task<result<void>> finishing = receive_exactly(through, expected, deadline);
    result<void> finished = co_await std::move(finishing);
    co_return finished;
}

}  // namespace

task<result<void>> socks5_tunnel(net::stream& through, const proxy& by, net::endpoint target, time_point deadline) {
    task<result<void>> agreeing = agree(through, by, deadline);
    result<void> agreed = co_await std::move(agreeing);
    if (!agreed) co_return agreed;
    task<result<void>> asking = ask(through, target, deadline);
    result<void> asked = co_await std::move(asking);
    if (!asked) co_return std::move(asked).error().with_context("connect to " + target.to_text());
    co_return asked;
}

}  // namespace lido::http

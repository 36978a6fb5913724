// Lido: a tunnel through a SOCKS5 proxy.
#pragma once

#include "http/proxy.hpp"
#include "lido/base/task.hpp"
#include "lido/net/endpoint.hpp"
#include "lido/net/stream.hpp"

#include <span>
#include <string>
#include <string_view>

namespace lido::http {

/// The messages of SOCKS5 (RFC 1928, RFC 1929), without I/O.
namespace socks5 {

/// What the client begins with: without login, and with user and password if there are any.
[[nodiscard]] std::string greeting(bool has_credentials);
/// User and password. Both have at most 255 bytes.
[[nodiscard]] std::string login(const proxy& by);
/// Asks for a connection to a name, which the proxy looks up, or to an address. `invalid_argument` for a name of more
/// than 255 bytes.
[[nodiscard]] result<std::string> request(const net::endpoint& target);

/// The answer to the greeting, two bytes; true when a login has to follow. `connect_failed` when the proxy wants what
/// was not offered, or speaks something else.
[[nodiscard]] result<bool> read_choice(std::span<const char, 2> answer, bool has_credentials);
/// The answer to the login, two bytes.
[[nodiscard]] result<void> read_login(std::span<const char, 2> answer);
/// The first five bytes of the answer to the request; how many follow: the rest of an address and a port that mean
/// nothing to a client.
[[nodiscard]] result<std::size_t> read_reply(std::span<const char, 5> answer);

}  // namespace socks5

/// Asks the proxy at the other end of `through` for a tunnel to `target`; afterwards the stream is that tunnel. Reads
/// exactly what belongs to the proxy's answers, at most 264 bytes. Errors: `connect_failed`, `connect_timeout`, saying
/// which step failed and never a credential.
[[nodiscard]] task<result<void>> socks5_tunnel(net::stream& through, const proxy& by, net::endpoint target,
                                               time_point deadline);

}  // namespace lido::http

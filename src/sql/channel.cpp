#include "sql/channel.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include <sys/socket.h>

namespace lido::sql {
namespace {

int bounded(std::size_t size) noexcept {
    return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

channel::channel(int descriptor, SSL* tls) noexcept : descriptor_(descriptor), tls_(tls) {
    // What could not be sent stays in a text that grows, and so moves.
    if (tls_ != nullptr) SSL_set_mode(tls_, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
}

channel::transfer channel::send(std::string_view data) noexcept {
    if (tls_ != nullptr) {
        ERR_clear_error();
        return outcome_of_tls(SSL_write(tls_, data.data(), bounded(data.size())));
    }
    while (true) {
        const ssize_t sent = ::send(descriptor_, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return {outcome::done, static_cast<std::size_t>(sent)};
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {outcome::would_block};
        return {outcome::ended};
    }
}

channel::transfer channel::receive(std::span<char> space) noexcept {
    if (tls_ != nullptr) {
        ERR_clear_error();
        transfer got = outcome_of_tls(SSL_read(tls_, space.data(), bounded(space.size())));
        got.may_have_more = got.how == outcome::done;  // a record, of which there may be several
        return got;
    }
    while (true) {
        const ssize_t got = ::recv(descriptor_, space.data(), space.size(), MSG_DONTWAIT);
        if (got > 0) {
            const auto size = static_cast<std::size_t>(got);
            return {.how = outcome::done, .size = size, .may_have_more = size == space.size()};
        }
        if (got == 0) return {outcome::ended};
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {outcome::would_block};
        return {outcome::ended};
    }
}

channel::transfer channel::outcome_of_tls(int code) noexcept {
    if (code > 0) return {outcome::done, static_cast<std::size_t>(code)};
    const int why = SSL_get_error(tls_, code);
    if (why == SSL_ERROR_WANT_WRITE) return {.how = outcome::would_block, .is_for_writing = true};
    if (why == SSL_ERROR_WANT_READ) return {outcome::would_block};
    return {outcome::ended};
}

void channel::shut_down() noexcept {
    if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_RDWR);
}

}  // namespace lido::sql

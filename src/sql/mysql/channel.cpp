#include "sql/mysql/channel.hpp"

// libmariadb's headers name its TLS only to those who have it, and need a name that they do not bring.
using uchar = unsigned char;  // NOLINT(readability-identifier-naming)
#define HAVE_TLS 1            // NOLINT(cppcoreguidelines-macro-usage)
#include <ma_pvio.h>
#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <sys/socket.h>

namespace lido::mysql {
namespace {

int bounded(std::size_t size) noexcept {
    return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

error not_taken(const char* why) {
    return {lido::errc::connect_failed, why, "look for what stands between here and the server"};
}

/// Of the login nothing is left over.
bool has_read_more(const MYSQL& of) noexcept {
    const MARIADB_PVIO& from = *of.net.pvio;
    const bool in_cache = from.cache != nullptr && from.cache + from.cache_size > from.cache_pos;
    return in_cache || of.net.remain_in_buf > 0;
}

bool is_open_ssl() noexcept {
    const char* name = nullptr;
    return mariadb_get_infov(nullptr, MARIADB_TLS_LIBRARY, &name) == 0 && name != nullptr &&
           std::string_view(name).starts_with("OpenSSL");
}

bool make_non_blocking(int descriptor) noexcept {
    const int flags = ::fcntl(descriptor, F_GETFL);
    return flags >= 0 && ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0;
}

}  // namespace

result<channel> channel::of(MYSQL* connected) {
    if (connected->net.pvio == nullptr || connected->net.compress != 0) {
        return not_taken("the connection is compressed, or none");
    }
    if ((connected->client_flag & CLIENT_PROTOCOL_41) == 0)
        return not_taken("the server speaks what came before MySQL 4.1");
    if (has_read_more(*connected)) return not_taken("the server said more than that the login was right");
    const auto descriptor = static_cast<int>(mysql_get_socket(connected));
    if (!make_non_blocking(descriptor)) return not_taken("the connection cannot be used without waiting");
    const MARIADB_TLS* const protection = connected->net.pvio->ctls;
    if (protection == nullptr) return channel(descriptor, nullptr);
    if (!is_open_ssl()) return not_taken("libmariadb was built with another TLS than OpenSSL's");
    auto* const tls = static_cast<SSL*>(protection->ssl);
    if (tls == nullptr || SSL_get_fd(tls) != descriptor) return not_taken("libmariadb's TLS is not where it was");
    if (SSL_pending(tls) > 0) return not_taken("the server said more than that the login was right");
    // What could not be sent stays in a text that grows, and so moves.
    SSL_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
    return channel(descriptor, tls);
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
    ::shutdown(descriptor_, SHUT_RDWR);
}

}  // namespace lido::mysql

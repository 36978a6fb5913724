#include "sql/mysql/handover.hpp"

// libmariadb's headers name its TLS only to those who have it, and need a name that they do not bring.
using uchar = unsigned char;  // NOLINT(readability-identifier-naming)
#define HAVE_TLS 1            // NOLINT(cppcoreguidelines-macro-usage)
#include <ma_pvio.h>
#include <openssl/ssl.h>

#include <string_view>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace lido::mysql {
namespace {

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

/// A peer that is gone without a word is noticed within half a minute, as by PostgreSQL's connections. What a UNIX
/// socket does not know it refuses.
void notice_silent_end(int descriptor) noexcept {
    const auto set = [descriptor](int level, int name, int value) {
        static_cast<void>(::setsockopt(descriptor, level, name, &value, sizeof value));
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}

}  // namespace

result<sql::channel> channel_of(MYSQL* connected) {
    if (connected->net.pvio == nullptr || connected->net.compress != 0) {
        return not_taken("the connection is compressed, or none");
    }
    const bool is_old = (connected->client_flag & CLIENT_PROTOCOL_41) == 0;
    if (is_old) return not_taken("the server speaks what came before MySQL 4.1");
    if (has_read_more(*connected)) return not_taken("the server said more than that the login was right");
    const auto descriptor = static_cast<int>(mysql_get_socket(connected));
    if (!make_non_blocking(descriptor)) return not_taken("the connection cannot be used without waiting");
    notice_silent_end(descriptor);
    const MARIADB_TLS* const protection = connected->net.pvio->ctls;
    if (protection == nullptr) return sql::channel(descriptor, nullptr);
    if (!is_open_ssl()) return not_taken("libmariadb was built with another TLS than OpenSSL's");
    auto* const tls = static_cast<SSL*>(protection->ssl);
    if (tls == nullptr || SSL_get_fd(tls) != descriptor) return not_taken("libmariadb's TLS is not where it was");
    if (SSL_pending(tls) > 0) return not_taken("the server said more than that the login was right");
    return sql::channel(descriptor, tls);
}

}  // namespace lido::mysql

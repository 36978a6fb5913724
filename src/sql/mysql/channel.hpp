// Lido: the bytes of a connection that libmariadb has logged in.
#pragma once

#include "lido/base/result.hpp"

#include <mysql.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lido::mysql {

/// libmariadb's socket, and its TLS where it has it, once libmariadb has logged in. libmariadb keeps both, and says
/// nothing more but its farewell. Never blocks.
class channel {
public:
    /// Of a connection on which nothing is on its way. `connect_failed` where libmariadb has read more than the login,
    /// or has a TLS that is none of OpenSSL's.
    [[nodiscard]] static result<channel> of(MYSQL* connected);

    enum class outcome : std::uint8_t { done, would_block, ended };
    struct transfer {
        outcome how = outcome::ended;
        std::size_t size = 0;
        bool is_for_writing = false;  ///< received: TLS has to write first, and goes on once it can
        bool may_have_more = false;   ///< received: no event will tell of what is still there
    };
    [[nodiscard]] transfer send(std::string_view data) noexcept;
    [[nodiscard]] transfer receive(std::span<char> space) noexcept;
    /// Nothing goes either way any more.
    void shut_down() noexcept;
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    channel(int descriptor, SSL* tls) noexcept : descriptor_(descriptor), tls_(tls) {}
    [[nodiscard]] transfer outcome_of_tls(int code) noexcept;

    int descriptor_ = -1;
    SSL* tls_ = nullptr;
};

}  // namespace lido::mysql

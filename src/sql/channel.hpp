// Lido: the bytes of a connection that a database's own library has logged in.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lido::sql {

/// The socket of a library, and its TLS where it has it, once the library has logged in. The library keeps both, and
/// from then on neither reads nor writes, but for its farewell: what it would read is lost to Lido. Never blocks.
class channel {
public:
    channel() noexcept = default;
    /// `tls` null: there is none.
    channel(int descriptor, SSL* tls) noexcept;

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
    [[nodiscard]] transfer outcome_of_tls(int code) noexcept;

    int descriptor_ = -1;
    SSL* tls_ = nullptr;
};

}  // namespace lido::sql

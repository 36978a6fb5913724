// Any bytes as what a SOCKS5 proxy says, and as the host that it is asked for: no more is read than belongs to its
// answers, and only the answers of RFC 1928 and 1929 open a tunnel. The first byte says whether there are credentials,
// the second how long the host is.
#include "http/socks5.hpp"

#include "lido/base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace lido::http;

constexpr std::size_t choices = 2;
constexpr std::size_t most_read = 264;

/// The proxy's bytes, one answer after the other.
class answers {
public:
    explicit answers(std::string_view text) noexcept : rest_(text) {}
    template <std::size_t Size>
    [[nodiscard]] std::optional<std::span<const char, Size>> take() noexcept {
        if (rest_.size() < Size) return std::nullopt;
        const std::span<const char, Size> taken(rest_.data(), Size);
        rest_.remove_prefix(Size);
        read_ += Size;
        return taken;
    }
    [[nodiscard]] bool skip(std::size_t size) noexcept {
        read_ += size;
        if (rest_.size() < size) return false;
        rest_.remove_prefix(size);
        return true;
    }
    [[nodiscard]] std::size_t read() const noexcept { return read_; }

private:
    std::string_view rest_;
    std::size_t read_ = 0;
};

/// The steps of `socks5_tunnel`; true when there is a tunnel.
bool goes_through(answers& from, bool has_credentials) {
    const auto choice = from.take<2>();
    if (!choice) return false;
    const auto wants_login = socks5::read_choice(*choice, has_credentials);
    if (!wants_login) return false;
    LIDO_ASSERT(has_credentials || !*wants_login);
    if (*wants_login) {
        const auto login = from.take<2>();
        if (!login || !socks5::read_login(*login)) return false;
        LIDO_ASSERT((*login)[0] == 1 && (*login)[1] == 0);
    }
    const auto reply = from.take<5>();
    if (!reply) return false;
    const auto more = socks5::read_reply(*reply);
    if (!more) {
        LIDO_ASSERT(!more.error().what().empty());
        return false;
    }
    LIDO_ASSERT((*reply)[0] == 5 && (*reply)[1] == 0 && (*reply)[2] == 0);
    return from.skip(*more);
}

void check_request(std::string_view host, std::uint16_t port) {
    const lido::net::endpoint target(std::string(host), port);
    const auto text = socks5::request(target);
    if (!text) {
        LIDO_ASSERT(host.empty() || host.size() > 255);
        return;
    }
    LIDO_ASSERT(text->starts_with(std::string_view("\x05\x01\x00", 3)));
    const auto kind = static_cast<unsigned char>((*text)[3]);
    const std::size_t size = text->size();
    const bool whole = (kind == 1 && size == 10) || (kind == 4 && size == 22) || (kind == 3 && size == 7 + host.size());
    LIDO_ASSERT(whole);
    if (kind == 3)
        LIDO_ASSERT(static_cast<unsigned char>((*text)[4]) == host.size() && text->substr(5, host.size()) == host);
    const auto high = static_cast<unsigned char>((*text)[size - 2]);
    const auto low = static_cast<unsigned char>((*text)[size - 1]);
    LIDO_ASSERT(high * 256U + low == port);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < choices) return 0;
    std::string_view text(reinterpret_cast<const char*>(data) + choices, size - choices);
    const std::string_view host = text.substr(0, data[1] * std::size_t{2});
    text.remove_prefix(host.size());
    check_request(host, static_cast<std::uint16_t>(data[0] * 257U));
    answers from(text);
    const bool has_credentials = (data[0] & 1U) != 0;
    const bool open = goes_through(from, has_credentials);
    LIDO_ASSERT(from.read() <= most_read + 2);
    if (open) LIDO_ASSERT(text.starts_with('\x05'));
    return 0;
}

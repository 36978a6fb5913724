#include "lido/http/credentials.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace lido::http {
namespace {

bool has_control_character(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

/// RFC 4648 §4.
void append_base64(std::string& out, std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = group << 8U | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        }
        const std::array<char, 4> four = {digits[group >> 18U & 63U], digits[group >> 12U & 63U],
                                          count > 1 ? digits[group >> 6U & 63U] : '=',
                                          count > 2 ? digits[group & 63U] : '='};
        out.append(four.data(), four.size());
    }
}

/// The text as a secret; the copy is wiped.
secret hide(std::string& text) {
    secret hidden(text);
    explicit_bzero(text.data(), text.size());
    return hidden;
}

}  // namespace

result<credentials> credentials::basic(std::string_view user, const secret& password) {
    if (user.find(':') != std::string_view::npos) {
        return error(errc::invalid_argument, "the user's name has a colon", "RFC 7617 has no way to send that");
    }
    if (has_control_character(user) || has_control_character(password.reveal())) {
        return error(errc::invalid_argument, "the user's name or password has a control character");
    }
    std::string pair;
    pair.reserve(user.size() + 1 + password.reveal().size());
    pair.append(user).append(":").append(password.reveal());
    std::string value;
    value.reserve(6 + (pair.size() + 2) / 3 * 4);
    value = "Basic ";
    append_base64(value, pair);
    explicit_bzero(pair.data(), pair.size());
    return credentials(hide(value));
}

result<credentials> credentials::bearer(const secret& token) {
    std::string_view text = token.reveal();
    const auto is_token_character = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~+/").find(c) != std::string_view::npos;
    };
    while (text.ends_with('=')) text.remove_suffix(1);
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_token_character)) {
        return error(errc::invalid_argument, "the bearer token is not of the form that RFC 6750 §2.1 gives",
                     "give it without white space and quotes");
    }
    std::string value;
    value.reserve(7 + token.reveal().size());
    value = "Bearer ";
    value += token.reveal();
    return credentials(hide(value));
}

}  // namespace lido::http

// Lido: the method of an HTTP request.
#pragma once

#include "lido/base/result.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace lido::http {

/// A request method (RFC 9110 §9): one of the named constants, or any other token through `parse`. It always holds a
/// valid token, so whatever writes a request need not look at it again. Methods are case-sensitive.
///
/// A trivially copyable value of 24 bytes; safe in a `co_await` expression.
class method {
public:
    /// The longest token in bytes; the longest registered one (UPDATEREDIRECTREF) has 17.
    static constexpr std::size_t max_size = 23;

    static const method get;
    static const method head;
    static const method post;
    static const method put;
    static const method delete_;
    static const method options;
    static const method trace;
    static const method patch;
    static const method connect;

    /// The method of that name. Errors: `invalid_argument` when it is no token (RFC 9110 §5.6.2) of 1 to `max_size`
    /// bytes.
    [[nodiscard]] static result<method> parse(std::string_view text);

    [[nodiscard]] constexpr std::string_view text() const noexcept { return {text_.data(), size_}; }

    friend constexpr bool operator==(const method&, const method&) noexcept = default;

private:
    explicit constexpr method(std::string_view token) noexcept : size_(static_cast<std::uint8_t>(token.size())) {
        for (std::size_t i = 0; i < token.size(); ++i) text_[i] = token[i];
    }

    std::array<char, max_size> text_{};
    std::uint8_t size_;
};

inline constexpr method method::get{"GET"};
inline constexpr method method::head{"HEAD"};
inline constexpr method method::post{"POST"};
inline constexpr method method::put{"PUT"};
inline constexpr method method::delete_{"DELETE"};
inline constexpr method method::options{"OPTIONS"};
inline constexpr method method::trace{"TRACE"};
inline constexpr method method::patch{"PATCH"};
inline constexpr method method::connect{"CONNECT"};

/// Does the method ask for nothing but reading? GET, HEAD, OPTIONS, TRACE (RFC 9110 §9.2.1); unknown methods do not.
[[nodiscard]] constexpr bool is_safe(const method& value) noexcept {
    return value == method::get || value == method::head || value == method::options || value == method::trace;
}

/// Does sending it twice intend what sending it once does? The safe methods, PUT and DELETE (RFC 9110 §9.2.2); unknown
/// methods do not.
[[nodiscard]] constexpr bool is_idempotent(const method& value) noexcept {
    return is_safe(value) || value == method::put || value == method::delete_;
}

}  // namespace lido::http

// Lido: who a request is from.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/secret.hpp"

#include <string_view>
#include <utility>

namespace lido::http {

/// What an Authorization field says: a name and a password, or a token. Not printed anywhere; see `secret`. Copyable.
class credentials {
public:
    /// RFC 7617, in UTF-8. Errors: `invalid_argument` for a colon in the name or control characters in either.
    [[nodiscard]] static result<credentials> basic(std::string_view user, const secret& password);
    /// RFC 6750. Errors: `invalid_argument` when it is no token of that form.
    [[nodiscard]] static result<credentials> bearer(const secret& token);

    /// "Basic …" or "Bearer …".
    [[nodiscard]] const secret& field_value() const noexcept { return field_value_; }

    [[nodiscard]] friend bool operator==(const credentials&, const credentials&) noexcept = default;

private:
    explicit credentials(secret field_value) noexcept : field_value_(std::move(field_value)) {}

    secret field_value_;
};

}  // namespace lido::http

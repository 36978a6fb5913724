// Lido: which requests a stored response may answer, beside their URI.
#pragma once

#include "lido/http/headers.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::http {

/// The names that a response's Vary lists (RFC 9110 §12.5.5): lower case, sorted, each once. Nothing when one of them
/// is
/// "*" or no token: then no later request is known to be like the one before.
[[nodiscard]] std::optional<std::vector<std::string>> vary_names(const field_range& response_fields);

/// A request as far as it selects among the responses stored for one URI: for whom it is made, and the fields that Vary
/// may name. Whom it is made for are the client's TLS identity, the fields that carry credentials and a Host of its
/// own; they count always, whatever the response says, so that nothing of one caller is given to another one. Views:
/// fields, defaults and names must outlive it.
class cache_selector {
public:
    /// `own` are the request's fields, `defaults` those that are sent when it brings none of that name; may be null.
    cache_selector(std::uint32_t identity, const headers& own, const headers* defaults,
                   const std::vector<std::string>& credential_names);

    /// The same text for the same request, as seen by a response with these `vary_names`; another text for any other.
    /// It holds credentials in plain text: it is for comparing, never for showing.
    [[nodiscard]] std::string text(const std::vector<std::string>& names) const;

    /// Does the request carry credentials in a field?
    [[nodiscard]] bool has_credentials() const noexcept { return has_credentials_; }

private:
    bool append(std::string& to, std::string_view name) const;

    const headers& own_;
    const headers* defaults_;
    std::string whom_;
    bool has_credentials_ = false;
};

}  // namespace lido::http

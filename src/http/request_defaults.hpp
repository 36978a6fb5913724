// Lido: which fields a request gets that it does not bring itself.
#pragma once

#include "lido/http/headers.hpp"

#include <string_view>

namespace lido::http {

/// Is this field of the client's sent with a request that has `own` fields? Not when it brings one of that name; nor
/// when it would frame or direct the request; nor is a content coding asked for together with a range, which would be
/// one of the coded content (RFC 9110 §14.2).
[[nodiscard]] inline bool is_sent_by_default(const field& of_client, const headers& own) noexcept {
    if (own.contains(of_client.name)) return false;
    for (const std::string_view never :
         {"Host", "Content-Length", "Transfer-Encoding", "Connection", "Proxy-Authorization"}) {
        if (same_name(of_client.name, never)) return false;
    }
    return !same_name(of_client.name, "Accept-Encoding") || !own.contains("Range");
}

}  // namespace lido::http

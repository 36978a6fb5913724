// Lido: what OpenSSL says, in words for people.
#pragma once

#include "lido/base/error.hpp"

#include <string>

struct x509_store_ctx_st;

namespace lido::net::detail {

/// Why a certificate was not accepted, taken down while its verification fails.
struct verify_failure {
    int code = 0;         ///< X509_V_ERR_…; 0: nothing failed
    std::string subject;  ///< the names it was issued for, or its subject where that says more
    std::string issuer;
    std::string date;  ///< the date that is wrong, when one is
};

[[nodiscard]] verify_failure describe_failure(x509_store_ctx_st* verification);

/// The error for a certificate that was not accepted. `expected` is the name it should have been for.
[[nodiscard]] error certificate_error(const verify_failure& failure, const std::string& expected);

/// The error for OpenSSL's `code` (as ERR_peek_error gives it) that is not about this side's verification.
[[nodiscard]] error protocol_failure(unsigned long code);

}  // namespace lido::net::detail

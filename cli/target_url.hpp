// Lido: the URLs of the command line.
#pragma once

#include <string>

namespace lido::cli {

/// The part of a URL that names the server, and the rest.
struct target_url {
    std::string origin;  ///< "http://127.0.0.1:8080"
    std::string target;  ///< "/outfits?size=38"
};

/// Takes a URL apart; throws `usage_error` saying what is wrong with it. A fragment is dropped: it is never sent.
[[nodiscard]] target_url split_url(const std::string& url);

}  // namespace lido::cli

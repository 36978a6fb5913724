#include "lido/http/method.hpp"

#include "http/grammar.hpp"

#include <fmt/format.h>

namespace lido::http {

result<method> method::parse(std::string_view text) {
    if (text.empty() || text.size() > max_size) {
        return error(errc::invalid_argument, fmt::format("HTTP method has {} bytes", text.size()),
                     fmt::format("use a token of 1 to {} bytes such as GET", max_size));
    }
    if (!is_token(text)) {
        return error(errc::invalid_argument, "HTTP method has a character that no token has",
                     "use letters, digits and !#$%&'*+-.^_`|~ only");
    }
    return method(text);
}

}  // namespace lido::http

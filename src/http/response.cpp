#include "lido/http/response.hpp"

namespace lido::http {

std::optional<std::string> response::header(std::string_view name) && {
    const std::optional<std::string_view> found = headers().find(name);
    if (!found) return std::nullopt;
    return std::string(*found);
}

std::string_view response::body() const& noexcept {
    if (parts_.inline_body_size == 0) return parts_.body;
    return {parts_.text.data() + parts_.inline_body, parts_.inline_body_size};
}

std::string response::take_body() {
    std::string taken(parts_.inline_body_size == 0 ? std::move(parts_.body) : std::string(std::as_const(*this).body()));
    parts_.inline_body_size = 0;
    parts_.body.clear();
    return taken;
}

}  // namespace lido::http

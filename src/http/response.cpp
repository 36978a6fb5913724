#include "lido/http/response.hpp"

#include <algorithm>

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

void response::set_decoded(std::string body) {
    const auto speaks_of_coded_content = [this](const detail::field_place& each) {
        const std::string_view name = each.in(parts_.text.data()).name;
        return same_name(name, "Content-Encoding") || same_name(name, "Content-Length");
    };
    const auto headers_end = parts_.places.begin() + parts_.header_count;
    const auto kept_end = std::remove_if(parts_.places.begin(), headers_end, speaks_of_coded_content);
    parts_.header_count = static_cast<std::uint32_t>(kept_end - parts_.places.begin());
    parts_.places.erase(kept_end, headers_end);
    parts_.inline_body_size = 0;
    parts_.body = std::move(body);
    parts_.decoded = true;
}

void response::set_redirects(std::size_t count, std::string url) {
    parts_.redirects = static_cast<std::uint32_t>(count);
    parts_.url = std::move(url);
}

}  // namespace lido::http

#include "lido/http/headers.hpp"

#include "http/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lido::http {
namespace {

constexpr std::string_view separator = ": ";
constexpr std::string_view line_end = "\r\n";
constexpr std::size_t first_capacity = 120;

[[nodiscard]] error bad_name(std::string_view name) {
    if (name.empty()) return {errc::invalid_argument, "header name is empty", "give the header a name"};
    const char* const wrong = find_non_token(name.data(), name.data() + name.size());
    return {errc::invalid_argument,
            fmt::format("header name has byte 0x{:02X} at position {}, which no token has",
                        static_cast<unsigned char>(*wrong), wrong - name.data()),
            "use letters, digits and !#$%&'*+-.^_`|~ only"};
}

[[nodiscard]] result<void> check_field(std::string_view name, std::string_view value) {
    if (!is_token(name)) return bad_name(name);
    const char* const end = value.data() + value.size();
    if (const char* const wrong = find_control(value.data(), end); wrong != end) {
        return error(errc::invalid_argument,
                     fmt::format("value of header {} has control character 0x{:02X} at position {}", name,
                                 static_cast<unsigned char>(*wrong), wrong - value.data()),
                     "encode the value: a header cannot have line breaks or control characters");
    }
    return {};
}

[[nodiscard]] error too_large() {
    return {errc::limit_exceeded, fmt::format("request headers exceed {} bytes", headers::max_bytes),
            "send large values in the body"};
}

}  // namespace

bool same_name(std::string_view left, std::string_view right) noexcept {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
        if (to_lower(left[i]) != to_lower(right[i])) return false;
    }
    return true;
}

std::optional<std::string_view> field_range::find(std::string_view name) const noexcept {
    for (const detail::field_place& place : places_) {
        if (place.name_size != name.size()) continue;
        if (const field candidate = place.in(text_); same_name(candidate.name, name)) return candidate.value;
    }
    return std::nullopt;
}

result<void> headers::add(std::string_view name, std::string_view value) {
    if (result<void> checked = check_field(name, value); !checked) return checked;
    const std::size_t added = name.size() + separator.size() + value.size() + line_end.size();
    if (added > max_bytes - text_.size()) {
        return too_large();
    }
    append(name, value);
    return {};
}

result<void> headers::set(std::string_view name, std::string_view value) {
    if (result<void> checked = check_field(name, value); !checked) return checked;
    headers changed;
    bool placed = false;
    for (const field& each : fields()) {
        if (!same_name(each.name, name)) {
            changed.append(each.name, each.value);
        } else if (!placed) {
            changed.append(name, value);
            placed = true;
        }
    }
    if (!placed) changed.append(name, value);
    if (changed.text_.size() > max_bytes) return too_large();
    *this = std::move(changed);
    return {};
}

std::size_t headers::remove(std::string_view name) {
    const std::string wanted(name);
    std::size_t removed = 0;
    for (std::size_t i = places_.size(); i-- > 0;) {
        if (!same_name(places_[i].in(text_.data()).name, wanted)) continue;
        erase(i);
        ++removed;
    }
    return removed;
}

void headers::clear() noexcept {
    text_.clear();
    places_.clear();
}

void headers::append(std::string_view name, std::string_view value) {
    const std::size_t start = text_.size();
    const std::size_t value_start = start + name.size() + separator.size();
    const std::size_t end = value_start + value.size() + line_end.size();
    // Growing goes through a second string, because the arguments may be views of this one.
    std::string grown;
    if (end > text_.capacity()) {
        grown.reserve(std::max({end, 2 * text_.capacity(), first_capacity}));
        grown.append(text_).append(name).append(separator).append(value).append(line_end);
        text_.swap(grown);
    } else {
        text_.append(name).append(separator).append(value).append(line_end);
    }
    places_.push_back({static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(name.size()),
                       static_cast<std::uint32_t>(value_start), static_cast<std::uint32_t>(value.size())});
}

void headers::erase(std::size_t position) {
    const detail::field_place gone = places_[position];
    const std::uint32_t end = gone.value + gone.value_size + static_cast<std::uint32_t>(line_end.size());
    const std::uint32_t size = end - gone.name;
    text_.erase(gone.name, size);
    places_.erase(places_.begin() + static_cast<std::ptrdiff_t>(position));
    for (std::size_t i = position; i < places_.size(); ++i) {
        places_[i].name -= size;
        places_[i].value -= size;
    }
}

}  // namespace lido::http

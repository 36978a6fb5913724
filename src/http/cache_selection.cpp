#include "http/cache_selection.hpp"

#include "http/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace lido::http {
namespace {

constexpr std::string_view credential_fields[] = {"authorization", "cookie", "proxy-authorization"};

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), to_lower);
    return lower;
}

}  // namespace

std::optional<std::vector<std::string>> vary_names(const field_range& response_fields) {
    std::vector<std::string> names;
    bool known = true;
    for (const field& each : response_fields) {
        if (!same_name(each.name, "Vary")) continue;
        for_each_element(each.value, [&](std::string_view name) {
            if (name.empty()) return;
            if (name == "*" || !is_token(name)) known = false;
            names.push_back(lower_case(name));
        });
    }
    if (!known) return std::nullopt;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

cache_selector::cache_selector(std::uint32_t identity, const headers& own, const headers* defaults,
                               const std::vector<std::string>& credential_names)
    : own_(own), defaults_(defaults) {
    fmt::format_to(std::back_inserter(whom_), "{}\n", identity);
    for (const std::string_view name : credential_fields) has_credentials_ |= append(whom_, name);
    for (const std::string& name : credential_names) has_credentials_ |= append(whom_, name);
    append(whom_, "host");
}

/// Appends all lines of a field, if there are any. No value has a line feed in it, so texts are equal only if all their
/// fields are.
bool cache_selector::append(std::string& to, std::string_view name) const {
    const auto append_all = [&](const headers& fields) {
        bool any = false;
        for (const field& each : fields) {
            if (!same_name(each.name, name)) continue;
            to.append(any ? ", " : name).append(any ? "" : ":").append(trim(each.value));
            any = true;
        }
        if (any) to.push_back('\n');
        return any;
    };
    if (append_all(own_)) return true;
    return defaults_ != nullptr && append_all(*defaults_);
}

std::string cache_selector::text(const std::vector<std::string>& names) const {
    std::string all = whom_;
    for (const std::string& name : names) append(all, name);
    return all;
}

}  // namespace lido::http

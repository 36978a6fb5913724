// RFC 3986, section 5.2, word for word: what a reference means as seen from a base. Beside the one in use, to compare
// it.
#pragma once

#include <string>
#include <string_view>

namespace lido::fuzz {

/// A URI reference taken apart by the expression of RFC 3986, appendix B.
struct uri_reference {
    std::string_view scheme;
    std::string_view authority;
    std::string_view path;
    std::string_view query;
    bool has_scheme = false;
    bool has_authority = false;
    bool has_query = false;
};

[[nodiscard]] inline uri_reference split_reference(std::string_view text) {
    uri_reference made;
    text = text.substr(0, text.find('#'));
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos && colon != 0 && text.find_first_of("/?#") > colon) {
        made.has_scheme = true;
        made.scheme = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    if (const std::size_t question = text.find('?'); question != std::string_view::npos) {
        made.has_query = true;
        made.query = text.substr(question + 1);
        text = text.substr(0, question);
    }
    if (text.starts_with("//")) {
        made.has_authority = true;
        const std::size_t slash = text.find('/', 2);
        made.authority = text.substr(2, slash == std::string_view::npos ? slash : slash - 2);
        text = slash == std::string_view::npos ? std::string_view() : text.substr(slash);
    }
    made.path = text;
    return made;
}

/// Section 5.2.4.
[[nodiscard]] inline std::string remove_dot_segments(std::string_view input) {
    std::string output;
    const auto drop_last = [&output] {
        const std::size_t slash = output.rfind('/');
        output.erase(slash == std::string::npos ? 0 : slash);
    };
    while (!input.empty()) {
        if (input.starts_with("../")) {
            input.remove_prefix(3);
        } else if (input.starts_with("./") || input.starts_with("/./")) {
            input.remove_prefix(2);
        } else if (input == "/.") {
            input = "/";
        } else if (input.starts_with("/../")) {
            input.remove_prefix(3);
            drop_last();
        } else if (input == "/..") {
            input = "/";
            drop_last();
        } else if (input == "." || input == "..") {
            input = {};
        } else {
            const std::size_t end = input.find('/', 1);
            output += input.substr(0, end);
            input.remove_prefix(end == std::string_view::npos ? input.size() : end);
        }
    }
    return output;
}

/// Section 5.2.2, for a base with an authority: path and query of the target, at least "/".
[[nodiscard]] inline std::string resolved_target(std::string_view base_target, const uri_reference& to) {
    const std::size_t question = base_target.find('?');
    const std::string_view base_path = base_target.substr(0, question);
    std::string path;
    std::string query = to.has_query ? "?" + std::string(to.query) : "";
    if (to.has_scheme || to.has_authority || to.path.starts_with('/')) {
        path = remove_dot_segments(to.path);
    } else if (to.path.empty()) {
        path = base_path;
        if (!to.has_query && question != std::string_view::npos) query = base_target.substr(question);
    } else {
        path = remove_dot_segments(std::string(base_path.substr(0, base_path.rfind('/') + 1)) + std::string(to.path));
    }
    if (path.empty()) path = "/";
    return path + query;
}

}  // namespace lido::fuzz

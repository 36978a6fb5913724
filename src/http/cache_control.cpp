#include "http/cache_control.hpp"

#include "http/grammar.hpp"

#include <algorithm>

namespace lido::http {
namespace {

using std::chrono::seconds;

/// One element of the list: a name, and perhaps an argument.
struct directive {
    std::string_view name;
    std::string_view argument;  ///< without its quotes; escapes in it are left as they are
    bool has_argument = false;
    bool well_formed = true;  ///< nothing but this stood up to the comma
};

/// Takes the elements off a list, one after the other, in time linear to its size.
class directive_list {
public:
    explicit directive_list(std::string_view text) noexcept : rest_(text) {}

    /// False at the end of the list.
    bool next(directive& taken) noexcept {
        while (!rest_.empty() && (rest_.front() == ',' || is_blank(rest_.front()))) rest_.remove_prefix(1);
        if (rest_.empty()) return false;
        taken = {};
        std::size_t at = end_of_token(0);
        taken.name = rest_.substr(0, at);
        if (at < rest_.size() && rest_[at] == '=') at = take_argument(at + 1, taken);
        while (at < rest_.size() && rest_[at] != ',') {
            if (!is_blank(rest_[at])) taken.well_formed = false;
            at = std::max(at + 1, end_of_quoted(at));
        }
        rest_.remove_prefix(at);
        return true;
    }

private:
    std::size_t take_argument(std::size_t begin, directive& taken) noexcept {
        taken.has_argument = true;
        std::size_t end = end_of_quoted(begin);
        if (end != begin) {
            taken.argument = rest_.substr(begin + 1, end - begin - 2);
        } else {
            end = end_of_token(begin);
            taken.argument = rest_.substr(begin, end - begin);
        }
        return end;
    }

    [[nodiscard]] std::size_t end_of_token(std::size_t at) const noexcept {
        const char* const base = rest_.data();
        return static_cast<std::size_t>(find_non_token(base + at, base + rest_.size()) - base);
    }

    /// The position behind the quoted string that begins at `at`; `at` itself when none does. After one that is never
    /// closed quotes have no meaning any more, so that it hides nothing.
    [[nodiscard]] std::size_t end_of_quoted(std::size_t at) noexcept {
        if (unclosed_ || at >= rest_.size() || rest_[at] != '"') return at;
        for (std::size_t i = at + 1; i < rest_.size(); ++i) {
            if (rest_[i] == '\\') {
                ++i;
            } else if (rest_[i] == '"') {
                return i + 1;
            }
        }
        unclosed_ = true;
        return at;
    }

    std::string_view rest_;
    bool unclosed_ = false;
};

/// A number that permits something: the smaller one counts, and none at all if it is malformed.
void restrict(std::optional<seconds>& value, const directive& from) noexcept {
    const seconds given = (from.well_formed ? parse_delta_seconds(from.argument) : std::nullopt).value_or(seconds(0));
    value = value ? std::min(*value, given) : given;
}

/// A number that demands something: the greater one counts.
void demand(std::optional<seconds>& value, const directive& from) noexcept {
    const seconds given =
        (from.well_formed ? parse_delta_seconds(from.argument) : std::nullopt).value_or(longest_delta);
    value = value ? std::max(*value, given) : given;
}

void apply(const directive& from, cache_directives& into) noexcept {
    const std::string_view name = from.name;
    if (same_name(name, "max-age")) {
        restrict(into.max_age, from);
    } else if (same_name(name, "no-store")) {
        into.no_store = true;
    } else if (same_name(name, "no-cache")) {
        into.no_cache = true;
    } else if (same_name(name, "must-revalidate")) {
        into.must_revalidate = true;
    } else if (same_name(name, "private")) {
        into.is_private = true;
    } else if (same_name(name, "only-if-cached")) {
        into.only_if_cached = true;
    } else if (same_name(name, "min-fresh")) {
        demand(into.min_fresh, from);
    } else if (same_name(name, "stale-if-error")) {
        restrict(into.stale_if_error, from);
    } else if (same_name(name, "stale-while-revalidate")) {
        restrict(into.stale_while_revalidate, from);
    } else if (same_name(name, "max-stale")) {
        if (from.has_argument || !from.well_formed) {
            restrict(into.max_stale, from);
        } else if (!into.max_stale) {
            into.max_stale = longest_delta;
        }
    }
}

}  // namespace

std::optional<seconds> parse_delta_seconds(std::string_view text) noexcept {
    if (text.empty()) return std::nullopt;
    seconds::rep value = 0;
    for (const char c : text) {
        if (!is_digit(c)) return std::nullopt;
        value = std::min<seconds::rep>(value * 10 + (c - '0'), longest_delta.count());
    }
    return seconds(value);
}

void read_cache_control(std::string_view line, cache_directives& into) noexcept {
    directive_list list(line);
    directive each;
    while (list.next(each)) apply(each, into);
}

cache_directives response_cache_control(const field_range& fields) noexcept {
    cache_directives said;
    for (const field& each : fields) {
        if (same_name(each.name, "Cache-Control")) read_cache_control(each.value, said);
    }
    return said;
}

cache_directives request_cache_control(const field_range& fields) noexcept {
    cache_directives asked = response_cache_control(fields);
    if (fields.find("Cache-Control")) return asked;
    const std::string_view pragma = fields.find("Pragma").value_or("");
    for_each_element(pragma, [&](std::string_view element) {
        if (same_name(element, "no-cache")) asked.no_cache = true;
    });
    return asked;
}

}  // namespace lido::http

#include "sql/postgres/message_body.hpp"

#include <charconv>

namespace lido::postgres {

std::string_view body_reader::text() noexcept {
    const std::size_t size = rest_.find('\0');
    if (size == std::string_view::npos) return fail();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size + 1);
    return taken;
}

std::shared_ptr<const row_shape> read_row_shape(std::string_view body) {
    // A name's zero byte, table, number in it, type, size, modifier, form.
    constexpr std::size_t least_of_column = 19;
    body_reader from(body);
    const std::size_t count = from.number16();
    if (count * least_of_column > body.size()) return nullptr;  // before memory is taken for so many
    auto made = std::make_shared<row_shape>();
    auto names = std::make_shared<std::vector<std::string>>();
    names->reserve(count);
    made->types.reserve(count);
    bool is_text = true;
    for (std::size_t i = 0; i < count; ++i) {
        names->emplace_back(from.text());
        static_cast<void>(from.number32());
        static_cast<void>(from.number16());
        made->types.push_back(static_cast<std::uint32_t>(from.number32()));
        static_cast<void>(from.number16());
        static_cast<void>(from.number32());
        is_text = is_text && from.number16() == 0;
    }
    if (!from.is_complete() || !is_text) return nullptr;
    made->names = std::move(names);
    made->returns_rows = true;
    return made;
}

const std::shared_ptr<const row_shape>& no_rows() {
    static const std::shared_ptr<const row_shape> only =
        std::make_shared<row_shape>(row_shape{std::make_shared<std::vector<std::string>>(), {}, false});
    return only;
}

std::optional<std::string_view> read_tag(std::string_view body) noexcept {
    body_reader from(body);
    const std::string_view tag = from.text();
    if (!from.is_complete()) return std::nullopt;
    return tag;
}

std::uint64_t count_of_tag(std::string_view tag) noexcept {
    const std::size_t space = tag.rfind(' ');
    if (space == std::string_view::npos) return 0;
    const std::string_view last = tag.substr(space + 1);
    std::uint64_t count = 0;
    const auto [end, code] = std::from_chars(last.data(), last.data() + last.size(), count);
    return code == std::errc() && end == last.data() + last.size() ? count : 0;
}

std::optional<parameter_status> read_parameter(std::string_view body) noexcept {
    body_reader from(body);
    parameter_status made;
    made.name = from.text();
    made.value = from.text();
    if (!from.is_complete() || made.name.empty()) return std::nullopt;
    return made;
}

std::optional<notification> read_notification(std::string_view body) {
    body_reader from(body);
    notification made;
    made.sender = from.number32();
    made.channel = from.text();
    made.payload = from.text();
    if (!from.is_complete()) return std::nullopt;
    return made;
}

}  // namespace lido::postgres

// Any bytes as what a MySQL or MariaDB server says of its place in the log, and two such texts beside each other:
// whoever has both has each of them, and the order in which a server says it does not matter.
#include "sql/mysql/gtids.hpp"

#include "lido/base/assert.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using lido::result;
using lido::sql::covers;
using lido::sql::log_position;
using reader = result<log_position> (*)(std::string_view text);

void check_alone(reader read, const std::string& text, const log_position& position) {
    LIDO_ASSERT(covers(position, position) && covers(position, {}));
    LIDO_ASSERT(position.empty() || !covers({}, position));
    if (position.empty()) return;
    const auto twice = read(text + "," + text);
    LIDO_ASSERT(twice.has_value() && *twice == position);
    std::string in_capitals = text;
    std::transform(text.begin(), text.end(), in_capitals.begin(), [](unsigned char c) { return std::toupper(c); });
    const auto same = read(in_capitals);
    LIDO_ASSERT(same.has_value() && *same == position);
}

void check(reader read, const std::string& first, const std::string& second) {
    const auto one = read(first);
    const auto other = read(second);
    if (!one) {
        LIDO_ASSERT(one.error() == lido::errc::protocol_error && !one.error().what().empty());
        return;
    }
    check_alone(read, first, *one);
    if (!other || one->empty() || other->empty()) return;
    const auto both = read(first + "," + second);
    const auto turned = read(second + "," + first);
    LIDO_ASSERT(both.has_value() && turned.has_value() && *both == *turned);
    LIDO_ASSERT(covers(*both, *one) && covers(*both, *other));
    LIDO_ASSERT((*both == *one) == covers(*one, *other));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t middle = std::min(text.find('|'), size);
    const std::string first(text.substr(0, middle));
    const std::string second(text.substr(std::min(middle + 1, size)));
    check(&lido::mysql::read_gtids, first, second);
    check(&lido::mysql::read_gtid_set, first, second);
    return 0;
}

// Any bytes as what Lido itself reads of a MySQL or MariaDB server's answers. Its place in the log, and two of them
// beside each other: whoever has both has each of them, and the order in which a server says it does not matter. And
// the OK packet that says whether a transaction is open: what follows its flags changes nothing, and all before them is
// needed.
#include "lido/base/assert.hpp"
#include "sql/mysql/gtids.hpp"
#include "sql/mysql/ok_packet.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

void check_ok(std::string_view text) {
    const auto flags = [](std::string_view of) {
        // Its own memory, so that nothing behind it is read unseen.
        const std::vector<unsigned char> bytes(of.begin(), of.end());
        return lido::mysql::flags_of_ok(bytes);
    };
    const auto all = flags(text);
    if (!all) return;
    LIDO_ASSERT(*all <= 0xffff && text.size() >= 5 && text.front() == '\0');
    LIDO_ASSERT(flags(std::string(text) + "more") == all);
    std::size_t needed = text.size();
    while (flags(text.substr(0, needed - 1))) --needed;
    LIDO_ASSERT(needed >= 5 && needed <= 1 + 9 + 9 + 2);
    LIDO_ASSERT(flags(text.substr(0, needed)) == all);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_ok(text);
    const std::size_t middle = std::min(text.find('|'), size);
    const std::string first(text.substr(0, middle));
    const std::string second(text.substr(std::min(middle + 1, size)));
    check(&lido::mysql::read_gtids, first, second);
    check(&lido::mysql::read_gtid_set, first, second);
    return 0;
}

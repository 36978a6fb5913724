// Any bytes as what a MySQL or MariaDB server says.
//
// Its place in the log, and two of them beside each other: whoever has both has each of them, and the order in which a
// server says it does not matter. The OK packet that says whether a transaction is open: what follows its flags changes
// nothing, and all before them is needed.
//
// And the packets after the login: the first byte says what the server was asked, the second into how large pieces the
// rest is cut. What comes of it does not depend on the pieces; nothing follows what is no packet; memory stays within
// its bounds; a row that is taken is, cell by cell, the one that came; and whatever has no place in an answer is
// refused.
#include "lido/base/assert.hpp"
#include "lido/sql/rows.hpp"
#include "sql/mysql/answer_order.hpp"
#include "sql/mysql/answer_packets.hpp"
#include "sql/mysql/gtids.hpp"
#include "sql/mysql/packet_body.hpp"
#include "sql/mysql/packet_reader.hpp"
#include "sql/mysql/result_shape.hpp"
#include "sql/mysql/row_decoding.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using lido::result;
using lido::sql::covers;
using lido::sql::log_position;
using place_reader = result<log_position> (*)(std::string_view text);

void check_alone(place_reader read, const std::string& text, const log_position& position) {
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

void check(place_reader read, const std::string& first, const std::string& second) {
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
    const auto flags = [](std::string_view of) -> std::optional<unsigned> {
        // Its own memory, so that nothing behind it is read unseen.
        const std::vector<char> bytes(of.begin(), of.end());
        const auto read = lido::mysql::read_ok(std::string_view(bytes.data(), bytes.size()));
        if (!read) return std::nullopt;
        return read->status;
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

using namespace lido::mysql;

constexpr std::size_t choices = 2;
constexpr std::size_t largest = 20'000;

/// One command's answer, as far as it comes, in words.
class spoken_answer {
public:
    spoken_answer(answer_kind kind, bool ends_definitions) : kind_(kind), order_(kind, ends_definitions) {}

    /// False: the connection would be broken off.
    [[nodiscard]] bool take(std::string_view packet) {
        using meaning = answer_order::meaning;
        const bool had_ended = order_.has_ended();
        const bool was_defining = order_.is_defining();
        const meaning means = order_.take(packet);
        said_ += static_cast<char>('a' + static_cast<int>(means));
        LIDO_ASSERT(!had_ended || means == meaning::out_of_order);
        switch (means) {
            case meaning::out_of_order:
            case meaning::asks_for_a_file:
                return false;
            case meaning::refused:
                return take_refusal(packet);
            case meaning::row:
                return take_row(packet);
            case meaning::definition:
                LIDO_ASSERT(definitions_.add(packet));
                break;
            case meaning::result:
            case meaning::prepared:
                definitions_.clear();
                break;
            default:
                break;
        }
        return !was_defining || order_.is_defining() || take_shape();
    }
    [[nodiscard]] const std::string& said() const noexcept { return said_; }

private:
    [[nodiscard]] bool take_refusal(std::string_view packet) {
        const auto refused = read_refusal(packet);
        if (!refused) return false;
        LIDO_ASSERT(refused->number != 0 && refused->state.size() == 5);
        LIDO_ASSERT(refused->message.size() < packet.size());
        said_ += refused->state + refused->message;
        return true;
    }
    [[nodiscard]] bool take_shape() {
        const bool are_kept = kind_ != answer_kind::prepared && !order_.result().has_definitions;
        if (!are_kept) shape_ = definitions_.shape(shape_);
        if (shape_ == nullptr) return false;
        LIDO_ASSERT(shape_->names->size() == shape_->columns.size());
        for (const std::string& each : *shape_->names) said_ += each;
        return true;
    }
    [[nodiscard]] bool take_row(std::string_view packet) {
        if (shape_ == nullptr || shape_->columns.size() != order_.result().columns) return false;
        lido::sql::rows made;
        made.set_columns(shape_->names);
        if (kind_ == answer_kind::text) {
            if (!add_text_row(packet, *shape_, made)) return false;
            check_texts(packet, made);
        } else {
            if (!add_binary_row(packet, *shape_, made)) return false;
            check_nulls(packet, made);
        }
        LIDO_ASSERT(made.size() == 1);
        for (std::size_t i = 0; i < made.column_count(); ++i) said_ += made[0][i].to_text();
        return true;
    }
    /// Its texts, read again one by one.
    static void check_texts(std::string_view packet, const lido::sql::rows& made) {
        packet_body row(packet);
        for (std::size_t i = 0; i < made.column_count(); ++i) {
            const lido::sql::cell cell = made[0][i];
            LIDO_ASSERT(row.is_next(0xfb) == cell.is_null());
            LIDO_ASSERT(cell.is_null() ? row.byte() == 0xfb : row.text() == cell.text());
        }
        LIDO_ASSERT(row.is_complete());
    }
    static void check_nulls(std::string_view packet, const lido::sql::rows& made) {
        for (std::size_t i = 0; i < made.column_count(); ++i) {
            const auto octet = static_cast<unsigned char>(packet[1 + (i + 2) / 8]);
            LIDO_ASSERT(made[0][i].is_null() == ((octet >> (i + 2) % 8 & 1U) != 0));
        }
    }

    answer_kind kind_;
    answer_order order_;
    column_definitions definitions_;
    std::shared_ptr<const result_shape> shape_;
    std::string said_;
};

/// What comes of the bytes when so many of them come at once.
std::string read(std::string_view bytes, std::size_t piece, answer_kind kind, bool ends_definitions) {
    packet_reader reader(largest);
    reader.expect_number(1);
    spoken_answer made(kind, ends_definitions);
    std::string outcome;
    bool goes_on = true;
    while (!bytes.empty() && goes_on) {
        const std::span<char> space = reader.space();
        LIDO_ASSERT(!space.empty() && reader.capacity() <= 4 * std::size_t{16} * 1024);
        const std::size_t size = std::min({piece, bytes.size(), space.size()});
        std::copy_n(bytes.begin(), size, space.begin());
        bytes.remove_prefix(size);
        reader.received(size);
        std::string_view next;
        while (goes_on) {
            const packet_reader::found found = reader.next(next);
            if (found == packet_reader::found::nothing) break;
            if (found != packet_reader::found::one) {
                LIDO_ASSERT(reader.next(next) == found);
                outcome = found == packet_reader::found::too_large ? "too large" : "out of sequence";
                goes_on = false;
                break;
            }
            LIDO_ASSERT(next.size() <= largest);
            goes_on = made.take(next);
        }
    }
    return made.said() + (goes_on ? " …" : " and no more ") + outcome;
}

void check_answer(std::string_view text) {
    if (text.size() < choices) return;
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t piece = static_cast<unsigned char>(text[1]) + std::size_t{2};
    const auto kind = static_cast<answer_kind>(first % 4U);
    const bool ends_definitions = (first & 4U) == 0;
    text.remove_prefix(choices);
    const std::string whole = read(text, text.size() + 1, kind, ends_definitions);
    LIDO_ASSERT(read(text, 1, kind, ends_definitions) == whole);
    LIDO_ASSERT(read(text, piece, kind, ends_definitions) == whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_ok(text);
    check_answer(text);
    const std::size_t middle = std::min(text.find('|'), size);
    const std::string first(text.substr(0, middle));
    const std::string second(text.substr(std::min(middle + 1, size)));
    check(&lido::mysql::read_gtids, first, second);
    check(&lido::mysql::read_gtid_set, first, second);
    return 0;
}

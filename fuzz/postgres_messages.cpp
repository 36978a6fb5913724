// Any bytes as what a PostgreSQL server sends after the login. The first byte says what the server was asked, the
// second into how large pieces the rest is cut. What comes of it does not depend on the pieces; nothing follows what is
// no message; memory stays within its bounds; a row that is taken is, cell by cell, the one that came; and whatever has
// no place in an answer is refused.
#include "lido/base/assert.hpp"
#include "lido/sql/rows.hpp"
#include "sql/postgres/answer_order.hpp"
#include "sql/postgres/big_endian.hpp"
#include "sql/postgres/message_body.hpp"
#include "sql/postgres/message_reader.hpp"
#include "sql/postgres/row_decoding.hpp"
#include "sql/postgres/server_error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace lido::postgres;
using meaning = answer_order::meaning;

constexpr std::size_t choices = 2;
constexpr std::size_t largest = 20'000;
constexpr std::uint32_t type_text = 25;

/// One statement's answer, as far as it comes, in words.
class answer {
public:
    explicit answer(const sent_messages& sent) : sent_(sent), order_(sent) {}

    /// False: the connection would be broken off.
    [[nodiscard]] bool take(const message& came) {
        if (came.type == 'N' || came.type == 'A' || came.type == 'S') return take_aside(came);
        const bool had_ended = order_.has_ended();
        const meaning means = order_.take(came.type);
        said_ += came.type;
        if (means == meaning::out_of_order) return false;
        LIDO_ASSERT(!had_ended);
        LIDO_ASSERT(means != meaning::synced || sent_.sync);
        switch (means) {
            case meaning::columns:
                shape_ = read_row_shape(came.body);
                if (shape_ != nullptr) check_shape(came.body);
                return shape_ != nullptr;
            case meaning::row:
                return take_row(came);
            case meaning::completed:
                return take_tag(came.body);
            case meaning::refused:
                return take_error(came.body);
            case meaning::synced:
                return read_ready(came.body).has_value();
            default:
                return true;
        }
    }
    [[nodiscard]] const std::string& said() const noexcept { return said_; }

private:
    [[nodiscard]] bool take_aside(const message& came) {
        said_ += came.type;
        if (came.type == 'A') {
            const auto heard = read_notification(came.body);
            if (!heard) return false;
            LIDO_ASSERT(heard->channel.size() + heard->payload.size() + 6 == came.body.size());
            said_ += heard->channel + heard->payload;
        } else if (came.type == 'S') {
            const auto now = read_parameter(came.body);
            if (!now) return false;
            LIDO_ASSERT(now->name.size() + now->value.size() + 2 == came.body.size() && !now->name.empty());
            said_ += now->name;
        }
        return true;
    }
    void check_shape(std::string_view body) const {
        std::size_t size = 2;
        for (const std::string& each : *shape_->names) size += each.size() + 19;
        LIDO_ASSERT(size == body.size() && shape_->names->size() == shape_->types.size());
    }
    [[nodiscard]] bool take_row(const message& came) {
        if (came.is_cut || shape_ == nullptr) return true;
        lido::sql::rows made;
        made.set_columns(shape_->names);
        if (!add_row(came.body, *shape_, made)) return false;
        LIDO_ASSERT(made.size() == (shape_->types.empty() ? 0 : 1));
        check_cells(came.body);
        for (std::size_t i = 0; i < made.column_count(); ++i) said_ += made[0][i].to_text();
        return true;
    }
    /// All its cells as text, written again as the server writes them.
    void check_cells(std::string_view body) const {
        row_shape plain = *shape_;
        std::fill(plain.types.begin(), plain.types.end(), type_text);
        lido::sql::rows made;
        made.set_columns(plain.names);
        LIDO_ASSERT(add_row(body, plain, made));
        std::string again;
        put_number16(grow(again, 2), static_cast<std::uint16_t>(plain.types.size()));
        for (std::size_t i = 0; i < made.column_count(); ++i) {
            const lido::sql::cell cell = made[0][i];
            put_number32(grow(again, 4), cell.is_null() ? 0xffff'ffff : static_cast<std::uint32_t>(cell.text().size()));
            again += cell.text();
        }
        LIDO_ASSERT(again == body);
    }
    [[nodiscard]] bool take_tag(std::string_view body) {
        const auto tag = read_tag(body);
        if (!tag) return false;
        LIDO_ASSERT(tag->size() + 1 == body.size());
        const std::uint64_t count = count_of_tag(*tag);
        LIDO_ASSERT(count == 0 || tag->ends_with(std::to_string(count)));
        said_ += *tag;
        return true;
    }
    [[nodiscard]] bool take_error(std::string_view body) {
        const auto said = read_error(body);
        if (!said) return false;
        LIDO_ASSERT(said->state.size() == 5 && body.back() == '\0');
        LIDO_ASSERT(to_error(*said).what().find(said->state) != std::string::npos);
        said_ += said->state + said->message;
        return true;
    }

    sent_messages sent_;
    answer_order order_;
    std::shared_ptr<const row_shape> shape_;
    std::string said_;
};

/// What comes of the bytes when so many of them come at once.
std::string read(std::string_view bytes, std::size_t piece, const sent_messages& sent) {
    message_reader reader(largest);
    answer made(sent);
    std::string outcome;
    bool goes_on = true;
    while (!bytes.empty() && goes_on) {
        const std::span<char> space = reader.space();
        LIDO_ASSERT(!space.empty() && reader.capacity() <= 8 * std::size_t{16} * 1024);
        const std::size_t size = std::min({piece, bytes.size(), space.size()});
        std::copy_n(bytes.begin(), size, space.begin());
        bytes.remove_prefix(size);
        reader.received(size);
        message next;
        while (goes_on) {
            const message_reader::found found = reader.next(next);
            if (found == message_reader::found::nothing) break;
            if (found == message_reader::found::no_message) {
                LIDO_ASSERT(reader.next(next) == message_reader::found::no_message);
                outcome = "no message";
                goes_on = false;
                break;
            }
            LIDO_ASSERT(next.body.size() <= std::max(largest, std::size_t{64} * 1024));
            goes_on = made.take(next);
        }
    }
    return made.said() + (goes_on ? " …" : " and no more ") + outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < choices) return 0;
    const sent_messages sent{(data[0] & 1U) != 0, (data[0] & 2U) != 0, (data[0] & 4U) == 0, (data[0] & 8U) == 0};
    const std::string_view bytes(reinterpret_cast<const char*>(data) + choices, size - choices);
    const std::string whole = read(bytes, bytes.size() + 1, sent);
    LIDO_ASSERT(read(bytes, 1, sent) == whole);
    LIDO_ASSERT(read(bytes, std::size_t{data[1]} + 2, sent) == whole);
    return 0;
}

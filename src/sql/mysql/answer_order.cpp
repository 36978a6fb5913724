#include "sql/mysql/answer_order.hpp"

namespace lido::mysql {
namespace {

constexpr std::uint8_t first_of_ok = 0x00;
constexpr std::uint8_t first_of_file_request = 0xfb;
constexpr std::uint8_t first_of_end = 0xfe;
constexpr std::uint8_t first_of_refusal = 0xff;
/// A row may begin like the end of rows, with the length of a text; then it is longer than that.
constexpr std::size_t most_of_end = 8;
constexpr std::size_t most_of_long_end = 0xff'fffe;

}  // namespace

answer_order::meaning answer_order::take(std::string_view packet) noexcept {
    if (has_ended() || packet.empty()) return meaning::out_of_order;
    if (static_cast<std::uint8_t>(packet.front()) == first_of_refusal) {
        if (is_progress(packet)) return meaning::nothing;
        stage_ = stage::ended;
        return meaning::refused;
    }
    switch (stage_) {
        case stage::head:
            return take_head(packet);
        case stage::parameters:
            return take_definition(meaning::nothing, stage::parameters_end);
        case stage::columns:
            return take_definition(meaning::definition, stage::columns_end);
        case stage::parameters_end:
        case stage::columns_end:
            return take_definitions_end(packet);
        case stage::rows:
            return take_row(packet);
        case stage::ended:
            break;
    }
    return meaning::out_of_order;
}

answer_order::meaning answer_order::take_head(std::string_view packet) noexcept {
    if (kind_ == answer_kind::prepared) return take_prepared(packet);
    const auto first = static_cast<std::uint8_t>(packet.front());
    if (first == first_of_ok) return take_ok(packet);
    if (kind_ == answer_kind::acknowledged) return meaning::out_of_order;
    if (first == first_of_file_request) return meaning::asks_for_a_file;
    return take_result(packet);
}

answer_order::meaning answer_order::take_prepared(std::string_view packet) noexcept {
    const auto came = read_prepared(packet);
    if (!came) return meaning::out_of_order;
    prepared_ = *came;
    left_ = prepared_.parameters;
    stage_ = stage::parameters;
    if (left_ == 0) expect_columns(prepared_.columns);
    return meaning::prepared;
}

answer_order::meaning answer_order::take_ok(std::string_view packet) noexcept {
    const auto came = read_ok(packet);
    if (!came) return meaning::out_of_order;
    ok_ = *came;
    if (kind_ == answer_kind::acknowledged) {
        status_ = ok_.status;
        stage_ = stage::ended;
    } else {
        end_result(ok_.status);
    }
    return meaning::acknowledged;
}

answer_order::meaning answer_order::take_result(std::string_view packet) noexcept {
    const auto came = read_result(packet);
    if (!came) return meaning::out_of_order;
    result_ = *came;
    expect_columns(result_.columns);
    if (result_.has_definitions) return meaning::result;
    left_ = 0;
    stage_ = ends_definitions_ ? stage::columns_end : stage::rows;
    return meaning::result;
}

void answer_order::expect_columns(std::size_t count) noexcept {
    left_ = count;
    stage_ = count > 0 ? stage::columns : stage::ended;
}

answer_order::meaning answer_order::take_definition(meaning as, stage end) noexcept {
    if (--left_ > 0) return as;
    stage_ = end;
    if (!ends_definitions_) go_on();
    return as;
}

answer_order::meaning answer_order::take_definitions_end(std::string_view packet) noexcept {
    if (!read_end(packet)) return meaning::out_of_order;
    go_on();
    return meaning::nothing;
}

void answer_order::go_on() noexcept {
    if (stage_ == stage::parameters_end) {
        expect_columns(prepared_.columns);
    } else {
        stage_ = kind_ == answer_kind::prepared ? stage::ended : stage::rows;
    }
}

answer_order::meaning answer_order::take_row(std::string_view packet) noexcept {
    const bool begins_like_end = static_cast<std::uint8_t>(packet.front()) == first_of_end;
    if (!begins_like_end || packet.size() > (ends_definitions_ ? most_of_end : most_of_long_end)) return meaning::row;
    if (ends_definitions_) {
        const auto status = read_end(packet);
        if (!status) return meaning::out_of_order;
        end_result(*status);
    } else {
        const auto ok = read_ok(packet, first_of_end);
        if (!ok) return meaning::out_of_order;
        end_result(ok->status);
    }
    return meaning::rows_ended;
}

void answer_order::end_result(std::uint16_t status) noexcept {
    status_ = status;
    stage_ = (status & status_more_results) != 0 ? stage::head : stage::ended;
}

}  // namespace lido::mysql

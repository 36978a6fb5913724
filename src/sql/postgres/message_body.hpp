// Lido: what stands in a message of PostgreSQL's.
#pragma once

#include "lido/sql/postgres/session.hpp"
#include "lido/sql/session.hpp"
#include "sql/postgres/big_endian.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::postgres {

/// Reads a message's body field by field. Whatever is not there is zero or empty, and `is_complete` then says so; no
/// byte behind the body is ever read.
class body_reader {
public:
    explicit body_reader(std::string_view body) noexcept : rest_(body) {}

    [[nodiscard]] std::uint16_t number16() noexcept {
        const std::string_view taken = bytes(2);
        return taken.empty() ? std::uint16_t{0} : number16_at(taken.data());
    }
    [[nodiscard]] std::int32_t number32() noexcept {
        const std::string_view taken = bytes(4);
        return taken.empty() ? 0 : static_cast<std::int32_t>(number32_at(taken.data()));
    }
    [[nodiscard]] std::string_view bytes(std::size_t size) noexcept {
        if (size > rest_.size()) return fail();
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    /// Up to a zero byte, which must be there.
    [[nodiscard]] std::string_view text() noexcept;

    [[nodiscard]] bool is_at_end() const noexcept { return rest_.empty(); }
    /// Everything that was asked for was there, and nothing more.
    [[nodiscard]] bool is_complete() const noexcept { return !failed_ && rest_.empty(); }
    [[nodiscard]] bool failed() const noexcept { return failed_; }

private:
    [[nodiscard]] std::string_view fail() noexcept {
        failed_ = true;
        rest_ = {};
        return {};
    }

    std::string_view rest_;
    bool failed_ = false;
};

/// The columns of a result. Its names are shared by all results of a prepared statement.
struct row_shape {
    std::shared_ptr<const std::vector<std::string>> names;
    std::vector<std::uint32_t> types;  ///< object ids in pg_type
    bool returns_rows = false;         ///< there may be rows, even ones without columns
};

struct parameter_status {
    std::string_view name;
    std::string_view value;
};

// Each gives nothing for a body that is not of its form.

/// RowDescription; columns in binary form are none of ours.
[[nodiscard]] std::shared_ptr<const row_shape> read_row_shape(std::string_view body);
/// The shape of a statement that returns no rows (NoData).
[[nodiscard]] const std::shared_ptr<const row_shape>& no_rows();
/// ReadyForQuery: idle, open or failed.
[[nodiscard]] inline std::optional<sql::session_state> read_ready(std::string_view body) noexcept {
    if (body.size() != 1) return std::nullopt;
    switch (body.front()) {
        case 'I':
            return sql::session_state::idle;
        case 'T':
            return sql::session_state::open;
        case 'E':
            return sql::session_state::failed;
        default:
            return std::nullopt;
    }
}
/// CommandComplete: its tag, "INSERT 0 5".
[[nodiscard]] std::optional<std::string_view> read_tag(std::string_view body) noexcept;
/// The number in a command's tag; 0 where there is none.
[[nodiscard]] std::uint64_t count_of_tag(std::string_view tag) noexcept;
[[nodiscard]] std::optional<parameter_status> read_parameter(std::string_view body) noexcept;
[[nodiscard]] std::optional<notification> read_notification(std::string_view body);

}  // namespace lido::postgres

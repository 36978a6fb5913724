// Lido: parameters in the form that libmariadb wants.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/value.hpp"

#include <mysql.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace lido::mysql {

/// The values of a statement as MYSQL_BIND. It refers to the parameters it was made from, and must not move.
class parameter_binding {
public:
    parameter_binding() = default;
    parameter_binding(const parameter_binding&) = delete;
    parameter_binding& operator=(const parameter_binding&) = delete;

    /// `invalid_argument` for an array, which neither server has.
    [[nodiscard]] result<void> set(const sql::parameters& from);
    [[nodiscard]] MYSQL_BIND* binds() noexcept { return binds_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return binds_.size(); }

private:
    void bind_text(MYSQL_BIND& to, std::string_view text, enum_field_types type) noexcept;
    void bind_made_text(MYSQL_BIND& to, std::string text);

    std::vector<MYSQL_BIND> binds_;
    std::deque<signed char> booleans_;
    std::deque<std::string> texts_;  // of values that are sent as text
};

}  // namespace lido::mysql

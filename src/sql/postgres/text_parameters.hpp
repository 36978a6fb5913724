// Lido: parameters in the form that libpq takes.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/value.hpp"

#include <string>
#include <vector>

namespace lido::postgres {

/// The values of a statement as libpq's parallel arrays. Text is sent as text and its type left to the server, so that
/// `$1` becomes whatever the statement needs; bytes are sent as they are (format 1), because as text they would double.
/// The pointers hold as long as this object and the `parameters` it was made from. Reusable: `fill` keeps its memory.
class text_parameters {
public:
    /// `invalid_argument` for more than 65535 values, a text with a zero byte, which PostgreSQL cannot hold, and arrays
    /// in arrays.
    [[nodiscard]] result<void> fill(const sql::parameters& from);

    [[nodiscard]] int count() const noexcept { return static_cast<int>(values_.size()); }
    [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
    [[nodiscard]] const int* lengths() const noexcept { return lengths_.data(); }
    [[nodiscard]] const int* formats() const noexcept { return formats_.data(); }

private:
    std::vector<const char*> values_;
    std::vector<int> lengths_;
    std::vector<int> formats_;
    std::vector<std::string> texts_;  // of the values that are not text already
};

/// A value that is not NULL as PostgreSQL's text. Bytes are "\x…". `invalid_argument` as above.
[[nodiscard]] result<std::string> to_parameter_text(const sql::value& of);

}  // namespace lido::postgres

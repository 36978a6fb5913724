// Lido: parameters in the form that PostgreSQL takes.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/value.hpp"

#include <string>
#include <string_view>

namespace lido::postgres {

/// The values of a statement as they stand in a Bind message. Text is sent as text and its type left to the server, so
/// that `$1` becomes whatever the statement needs; bytes are sent as they are (format 1), because as text they would
/// double. Reusable: `fill` keeps its memory.
class text_parameters {
public:
    /// `invalid_argument` for more than 65535 values, a text with a zero byte, which PostgreSQL cannot hold, and arrays
    /// in arrays; `limit_exceeded` for what no message can hold.
    [[nodiscard]] result<void> fill(const sql::parameters& from);

    /// Does not keep the memory of large values, once they were sent.
    void give_back() noexcept;

    /// Formats, then values, each with their number before them.
    [[nodiscard]] std::string_view encoded() const noexcept { return encoded_; }

private:
    [[nodiscard]] result<void> append(const sql::value& of);
    void append_sized(std::string_view text);

    std::string encoded_;
};

/// A value that is not NULL as PostgreSQL's text. Bytes are "\x…". `invalid_argument` as above.
[[nodiscard]] result<std::string> to_parameter_text(const sql::value& of);

}  // namespace lido::postgres

// Lido: prepared statements that are kept.
#pragma once

#include "sql/sqlite/brief_runs.hpp"

#include <sqlite3.h>

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lido::sqlite {

struct statement_finalizer {
    void operator()(sqlite3_stmt* which) const noexcept { sqlite3_finalize(which); }
};
using prepared_statement = std::unique_ptr<sqlite3_stmt, statement_finalizer>;

/// What the columns of a statement are called, once it has run.
struct known_columns {
    std::shared_ptr<const std::vector<std::string>> names;
    int prepared_anew = 0;  ///< how often SQLite had done that by then: the names may be others afterwards
};

/// The statements of one connection by their text, least recently used first out. Owned by the connection, which is
/// closed after it. Not thread-safe.
class statement_cache {
public:
    /// `capacity` 0: nothing is kept.
    explicit statement_cache(std::size_t capacity) noexcept : capacity_(capacity) {}

    /// Null when it is not there. It is the one used last from then on, and valid until the next `keep` or `clear`.
    [[nodiscard]] sqlite3_stmt* find(std::string_view text);
    /// Keeps `statement` and may drop the one used least recently. With a capacity of 0 it is kept as the only one.
    sqlite3_stmt* keep(std::string_view text, prepared_statement statement);
    /// Of the statement that was found or kept last; there must be one.
    [[nodiscard]] pace& pace_of_last() noexcept { return entries_.front().its_pace; }
    [[nodiscard]] known_columns& columns_of_last() noexcept { return entries_.front().columns; }
    void clear() noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    struct entry {
        std::string text;
        prepared_statement statement;
        pace its_pace{};
        known_columns columns{};
    };
    std::size_t capacity_;
    std::list<entry> entries_;                                                 // the one used last in front
    std::unordered_map<std::string_view, std::list<entry>::iterator> places_;  // views of the entries' texts
};

}  // namespace lido::sqlite

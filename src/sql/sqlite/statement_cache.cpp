#include "sql/sqlite/statement_cache.hpp"

#include <algorithm>
#include <utility>

namespace lido::sqlite {

sqlite3_stmt* statement_cache::find(std::string_view text) {
    // With a capacity of 0 the one that is there was for one use.
    if (capacity_ == 0) return nullptr;
    const auto found = places_.find(text);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->statement.get();
}

sqlite3_stmt* statement_cache::keep(std::string_view text, prepared_statement statement) {
    while (!entries_.empty() && entries_.size() >= std::max<std::size_t>(capacity_, 1)) {
        places_.erase(entries_.back().text);
        entries_.pop_back();
    }
    entries_.push_front(entry{std::string(text), std::move(statement)});
    places_.emplace(entries_.front().text, entries_.begin());
    return entries_.front().statement.get();
}

void statement_cache::clear() noexcept {
    places_.clear();
    entries_.clear();
}

}  // namespace lido::sqlite

#include "sql/postgres/statement_cache.hpp"

#include "lido/base/assert.hpp"
#include "sql/postgres/statement_kind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lido::postgres {

prepared_statement* statement_cache::find(std::string_view text) {
    // Mostly it is the one used last: then to compare it costs less than to hash it.
    if (!order_.empty() && order_.front().text == text) return &order_.front();
    const auto known = by_text_.find(text);
    if (known == by_text_.end()) return nullptr;
    order_.splice(order_.begin(), order_, known->second);
    return &*known->second;
}

prepared_statement& statement_cache::add(std::string_view text) {
    LIDO_ASSERT(limit_ > 0 && !by_text_.contains(text));
    if (order_.size() >= limit_) {
        prepared_statement& oldest = order_.back();
        by_text_.erase(oldest.text);
        dropped_.push_back(std::move(oldest.name));
        order_.pop_back();
    }
    prepared_statement& made = order_.emplace_front();
    made.text = text;
    made.name = fmt::format("lido_{}", ++last_number_);
    by_text_.emplace(made.text, order_.begin());
    return made;
}

statement_cache::place statement_cache::place_of(std::string_view name) {
    return std::find_if(order_.begin(), order_.end(),
                        [name](const prepared_statement& each) { return each.name == name; });
}

void statement_cache::describe(std::string_view name, const std::shared_ptr<const row_shape>& shape) {
    const place known = place_of(name);
    // What is no query (SHOW, FETCH, EXECUTE) may have other columns the next time.
    if (known != order_.end() && may_share_connection(known->text)) known->shape = shape;
}

void statement_cache::forget(std::string_view name) {
    std::erase(dropped_, name);
    const place known = place_of(name);
    if (known == order_.end()) return;
    by_text_.erase(known->text);
    order_.erase(known);
}

void statement_cache::drop(std::string_view name) {
    if (place_of(name) == order_.end()) return;
    std::string kept(name);
    forget(kept);
    dropped_.push_back(std::move(kept));
}

void statement_cache::clear() {
    by_text_.clear();
    order_.clear();
    dropped_.clear();
}

std::vector<std::string> statement_cache::take_dropped() {
    return std::exchange(dropped_, {});
}

}  // namespace lido::postgres

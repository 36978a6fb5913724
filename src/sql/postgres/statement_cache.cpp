#include "sql/postgres/statement_cache.hpp"

#include "lido/base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lido::postgres {

prepared_statement* statement_cache::find(std::string_view text) {
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

void statement_cache::forget(std::string_view name) {
    const auto known = std::find_if(order_.begin(), order_.end(),
                                    [name](const prepared_statement& each) { return each.name == name; });
    if (known == order_.end()) return;
    by_text_.erase(known->text);
    order_.erase(known);
}

void statement_cache::drop(std::string_view name) {
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

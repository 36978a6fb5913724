#include "sql/mysql/statement_cache.hpp"

#include "lido/base/assert.hpp"

#include <algorithm>
#include <utility>

namespace lido::mysql {

prepared_statement* statement_cache::find(std::string_view text) {
    const auto known = by_text_.find(text);
    if (known == by_text_.end()) return nullptr;
    order_.splice(order_.begin(), order_, known->second);
    return &order_.front();
}

prepared_statement& statement_cache::add(prepared_statement made) {
    LIDO_ASSERT(!by_text_.contains(made.text));
    if (order_.size() >= std::max<std::size_t>(limit_, 1)) {
        by_text_.erase(order_.back().text);
        dropped_.push_back(order_.back().id);
        order_.pop_back();
    }
    order_.push_front(std::move(made));
    if (limit_ > 0) by_text_.emplace(order_.front().text, order_.begin());
    return order_.front();
}

void statement_cache::drop(const prepared_statement& which) {
    const auto is_it = [&which](const prepared_statement& each) { return &each == &which; };
    const auto found = std::find_if(order_.begin(), order_.end(), is_it);
    if (found == order_.end()) return;
    by_text_.erase(found->text);
    dropped_.push_back(found->id);
    order_.erase(found);
}

void statement_cache::clear() {
    by_text_.clear();
    order_.clear();
    dropped_.clear();
}

}  // namespace lido::mysql

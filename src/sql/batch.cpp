#include "lido/sql/batch.hpp"

#include "sql/keyword.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace lido::sql {
namespace {

/// With these in it a batch would not be all or nothing.
bool turns_a_transaction(std::string_view keyword) noexcept {
    constexpr std::array<std::string_view, 6> words{"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"};
    return std::find(words.begin(), words.end(), keyword) != words.end();
}

}  // namespace

result<void> batch::validate() const {
    if (items_.size() > most) {
        return error(lido::errc::limit_exceeded,
                     fmt::format("a batch has {} statements, the most are {}", items_.size(), most),
                     "send several batches within one transaction");
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
        const std::string keyword = first_keyword(items_[i].what.text());
        if (!turns_a_transaction(keyword)) continue;
        return error(lido::errc::invalid_argument,
                     fmt::format("{} is {}, which has no place in a batch", place_in(*this, i), keyword),
                     "begin a transaction, run the batch in it, and commit");
    }
    return {};
}

std::string place_in(const batch& of, std::size_t number) {
    return fmt::format("statement {} of {}", number + 1, of.size());
}

}  // namespace lido::sql

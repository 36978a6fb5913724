// Lido: which statements a PostgreSQL connection has prepared.
#pragma once

#include "sql/postgres/message_body.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lido::postgres {

/// A statement that is prepared at the server, or about to be.
struct prepared_statement {
    std::string text;
    std::string name;  ///< "lido_7"; never used twice on one connection
    /// The columns of its results, once they are known, if they cannot change: the server need not describe them again.
    std::shared_ptr<const row_shape> shape;
};

/// The prepared statements of one connection, at most `limit` of them: the one used longest ago makes room. Those that
/// the server still has and nobody needs any more are listed by `take_dropped`, to be deallocated. An ordinary value
/// without I/O; a look-up costs one hash of the text, for the
/// statement used last a comparison.
class statement_cache {
public:
    explicit statement_cache(std::size_t limit) noexcept : limit_(limit) {}

    /// The statement of that text, as the one used last; null when there is none.
    [[nodiscard]] prepared_statement* find(std::string_view text);
    /// A new one, which `find` did not know. `limit` > 0. The pointer is good until it is forgotten or makes room.
    [[nodiscard]] prepared_statement& add(std::string_view text);
    /// The server has said what the columns of that statement are. It refuses to run it when they have changed.
    void describe(std::string_view name, const std::shared_ptr<const row_shape>& shape);
    /// The statement of that name is not, or no longer, at the server. Nothing happens when it is not known.
    void forget(std::string_view name);
    /// The server has it, but its plan is of no use any more: it is to be deallocated. Nothing happens when it is
    /// not known.
    void drop(std::string_view name);
    /// The server has dropped them all.
    void clear();

    /// Names that the server keeps in vain.
    [[nodiscard]] std::vector<std::string> take_dropped();
    [[nodiscard]] bool has_dropped() const noexcept { return !dropped_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

private:
    using place = std::list<prepared_statement>::iterator;
    [[nodiscard]] place place_of(std::string_view name);

    std::size_t limit_;
    std::uint64_t last_number_ = 0;
    std::list<prepared_statement> order_;  // used last first
    std::unordered_map<std::string_view, place> by_text_;
    std::vector<std::string> dropped_;
};

}  // namespace lido::postgres

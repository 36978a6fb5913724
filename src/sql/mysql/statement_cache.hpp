// Lido: which statements a MySQL connection has prepared.
#pragma once

#include "sql/mysql/result_shape.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lido::mysql {

/// A statement that is prepared at the server.
struct prepared_statement {
    std::string text;
    std::uint32_t id = 0;
    std::uint16_t parameters = 0;
    /// The columns of its results as the server has said last; null: it has not.
    std::shared_ptr<const result_shape> shape;
};

/// The prepared statements of one connection, at most `limit` of them: the one used longest ago makes room. With a
/// limit of 0 the last one is kept, and never found. Those that the server still has and nobody needs any more are
/// listed by `dropped`, to be closed. An ordinary value without I/O; a look-up costs one hash of the text.
class statement_cache {
public:
    explicit statement_cache(std::size_t limit) noexcept : limit_(limit) {}

    /// The statement of that text, as the one used last; null when there is none.
    [[nodiscard]] prepared_statement* find(std::string_view text);
    /// A new one, which `find` did not know. The reference is good until the next one is added.
    [[nodiscard]] prepared_statement& add(prepared_statement made);
    /// The server does not execute this one any more; it is no more afterwards.
    void drop(const prepared_statement& which);
    /// The server has dropped them all.
    void clear();

    /// Statements that the server keeps in vain. Valid until something is added.
    [[nodiscard]] const std::vector<std::uint32_t>& dropped() const noexcept { return dropped_; }
    void forget_dropped() noexcept { dropped_.clear(); }
    [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

private:
    std::size_t limit_;
    std::list<prepared_statement> order_;  // used last first
    std::unordered_map<std::string_view, std::list<prepared_statement>::iterator> by_text_;
    std::vector<std::uint32_t> dropped_;
};

}  // namespace lido::mysql

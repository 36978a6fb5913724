// Lido: the columns of a MySQL server's result.
#pragma once

#include "sql/mysql/column_type.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lido::mysql {

struct result_column {
    column_type type = column_type::null;
    bool is_unsigned = false;
    bool is_binary = false;     ///< its texts are bytes
    std::uint8_t decimals = 0;  ///< of seconds
};

/// The columns of a result. All results of a prepared statement share it while the server says the same of them.
struct result_shape {
    std::shared_ptr<const std::vector<std::string>> names;
    std::vector<result_column> columns;
    std::string definitions;  ///< what the server has said of them
};

/// The definitions of a result's columns as they come.
class column_definitions {
public:
    /// False: that are more bytes than any server sends.
    [[nodiscard]] bool add(std::string_view packet);
    void clear() noexcept;
    /// Their shape, which is `known` when that is theirs. Null for what is no definition. They are no longer here.
    [[nodiscard]] std::shared_ptr<const result_shape> shape(const std::shared_ptr<const result_shape>& known);

private:
    std::string all_;  // each with its size before it
};

}  // namespace lido::mysql

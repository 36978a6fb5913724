// Lido: how a replicated pool comes to the pools of its members.
#pragma once

#include "lido/sql/replicated_pool.hpp"
#include "sql/any_pool.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lido::sql::detail {

/// `replicated_pool::open` with pools of another making: tests have servers that are made up, in virtual time.
struct replicated_opener {
    using open_member =
        std::function<result<std::shared_ptr<any_pool>>(scheduler_group&, std::string_view url, const pool_settings&)>;

    [[nodiscard]] static result<replicated_pool> open(scheduler_group& group, std::span<const std::string> urls,
                                                      const replicated_settings& settings, const open_member& open_one);
};

}  // namespace lido::sql::detail

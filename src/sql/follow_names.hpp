// Lido: pools of databases whose servers' names may lead elsewhere.
#pragma once

#include "lido/net/address_watch.hpp"
#include "lido/sql/pool_settings.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lido::sql {

/// Calls `changed` when one of `names` leads elsewhere; see `pool_settings::look_up_interval`. Null: they are not
/// followed.
inline std::unique_ptr<net::address_watch> follow_names(scheduler_group& group, const pool_settings& settings,
                                                        std::vector<std::string> names, std::function<void()> changed) {
    if (settings.look_up_interval == duration::zero()) return nullptr;
    return std::make_unique<net::address_watch>(group, std::move(names), settings.look_up_interval, settings.names,
                                                std::move(changed));
}

}  // namespace lido::sql

// Lido: the members of a database of several servers, from their URLs.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/database_url.hpp"

#include <span>
#include <string>
#include <vector>

namespace lido::sql {

struct member_url {
    std::string name;  ///< "db1.example:5432"
    std::string url;   ///< of that host alone; it has the password
};

/// One for each host. `invalid_argument`: a URL is wrong, the kinds differ, a kind that has no replicas, a role is
/// demanded, two members have the same name, or there are more than 32.
[[nodiscard]] result<std::vector<member_url>> member_urls(std::span<const std::string> urls);

}  // namespace lido::sql

#include "lido/sql/mysql/pool_settings.hpp"

#include "sql/mysql/place.hpp"

namespace lido::mysql {

result<void> pool_settings::validate() const {
    if (auto valid = pool.validate(); !valid) return valid;
    if (auto found = place::of(*this); !found) return std::move(found).error();
    return {};
}

result<pool_settings> pool_settings::from(std::string_view url, const sql::pool_settings& common) {
    pool_settings made;
    made.url = std::string(url);
    made.pool = common;
    if (auto valid = made.validate(); !valid) return std::move(valid).error();
    return made;
}

}  // namespace lido::mysql

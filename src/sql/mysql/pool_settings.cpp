#include "lido/sql/mysql/pool_settings.hpp"

#include "sql/mysql/place.hpp"

namespace lido::mysql {

result<void> pool_settings::validate() const {
    if (auto valid = pool.validate(); !valid) return valid;
    if (auto found = place::of(*this); !found) return std::move(found).error();
    return {};
}

}  // namespace lido::mysql

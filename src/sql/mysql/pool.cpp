#include "lido/sql/mysql/pool.hpp"

#include "sql/follow_names.hpp"
#include "sql/mysql/place.hpp"

namespace lido::mysql {

pool::pool(scheduler_group& group, const pool_settings& with)
    : basic_pool(group, (with.validate().value(), with.pool), connector(with)) {
    connection_pool* const all = &connections();  // stays where it is when this object moves
    names_ = sql::follow_names(group, with.pool, {place::of(with).value().host}, [all] { all->retire_all(); });
}

}  // namespace lido::mysql

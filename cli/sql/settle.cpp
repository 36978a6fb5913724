#include "sql/settle.hpp"

#include "wait_for.hpp"

#include <algorithm>
#include <vector>

namespace lido::cli::sql {
namespace {

using namespace std::chrono_literals;

constexpr duration patience = 5s;

}  // namespace

bool is_busy(const lido::sql::pool& db) {
    const std::vector<pool::statistics> all = db.statistics();
    return std::any_of(all.begin(), all.end(),
                       [](const pool::statistics& each) { return each.in_use + each.checking != 0; });
}

void settle(lido::sql::pool& db, watch& where) {
    // Nothing tells when a pool has nothing to do any more.
    const time_point latest = clock::now() + patience;
    while (is_busy(db) && clock::now() < latest) static_cast<void>(where.wait(clock::now() + 5ms));
    static_cast<void>(wait_for(where, db.close(1s)));
}

}  // namespace lido::cli::sql

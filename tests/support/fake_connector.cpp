#include "support/fake_connector.hpp"

#include "lido/base/assert.hpp"
#include "support/virtual_scheduler.hpp"

namespace lido::test {

void fake_world::end(step_kind kind, outcome_kind outcome) {
    step* oldest = nullptr;
    {
        const std::lock_guard guard(lock_);
        const auto found =
            std::find_if(pending_.begin(), pending_.end(), [&](const step* each) { return each->kind_ == kind; });
        LIDO_ASSERT(found != pending_.end() && outcome != outcome_kind::pending);
        oldest = *found;
        pending_.erase(found);
    }
    oldest->outcome_ = outcome;
    auto& where = dynamic_cast<virtual_scheduler&>(oldest->where_);
    where.enter([oldest] { oldest->waiter_.resume(); });
}

}  // namespace lido::test

#include "http/living.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace lido::http {
namespace {

struct registry {
    std::mutex mutex;
    std::vector<std::weak_ptr<closable>> members;
};

registry& everybody() {
    static registry only;
    return only;
}

}  // namespace

void enter_living(const std::shared_ptr<closable>& made) {
    registry& all = everybody();
    const std::lock_guard held(all.mutex);
    std::erase_if(all.members, [](const auto& each) { return each.expired(); });
    all.members.push_back(made);
}

std::vector<std::shared_ptr<closable>> all_living() {
    std::vector<std::shared_ptr<closable>> living;
    registry& all = everybody();
    const std::lock_guard held(all.mutex);
    for (const auto& each : all.members) {
        if (auto one = each.lock()) living.push_back(std::move(one));
    }
    return living;
}

}  // namespace lido::http

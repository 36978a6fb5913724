#include "lido/net/address_watch.hpp"

#include "lido/net/runtime.hpp"
#include "support/becomes_true.hpp"
#include "support/changing_names.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

TEST(address_watch, says_when_a_name_leads_elsewhere_and_not_before) {
    changing_names names;
    runtime io;
    std::atomic<int> changes{0};
    const net::address_watch watch(io, {"db.example"}, 2ms, names.resolver(), [&] { ++changes; });
    names.wait_for_look_ups(3);
    EXPECT_EQ(changes, 0);
    names.lead_to({"192.0.2.2"});
    EXPECT_TRUE(becomes_true([&] { return changes == 1; }));
    names.wait_for_look_ups(3);
    EXPECT_EQ(changes, 1) << "once for each change";
}

TEST(address_watch, takes_no_other_order_and_no_failure_for_a_change) {
    changing_names names;
    names.lead_to({"192.0.2.1", "192.0.2.2"});
    runtime io;
    std::atomic<int> changes{0};
    const net::address_watch watch(io, {"db.example"}, 2ms, names.resolver(), [&] { ++changes; });
    names.wait_for_look_ups(2);
    names.lead_to({"192.0.2.2", "192.0.2.1"});
    names.wait_for_look_ups(2);
    names.lead_to({});
    names.wait_for_look_ups(2);
    names.lead_to({"192.0.2.1", "192.0.2.2"});
    names.wait_for_look_ups(2);
    EXPECT_EQ(changes, 0);
    names.lead_to({"192.0.2.1"});
    EXPECT_TRUE(becomes_true([&] { return changes == 1; }));
}

TEST(address_watch, does_not_look_up_what_always_leads_to_the_same_place) {
    changing_names names;
    runtime io;
    std::atomic<int> changes{0};
    const net::address_watch idle(io, {"127.0.0.1", "::1", "localhost", ""}, 1ms, names.resolver(), [&] { ++changes; });
    changing_names others;
    const net::address_watch busy(io, {"db.example"}, 1ms, others.resolver(), [&] { ++changes; });
    others.wait_for_look_ups(3);
    EXPECT_EQ(names.look_ups(), 0);
}

TEST(address_watch, says_nothing_once_it_is_destroyed) {
    changing_names names;
    runtime io;
    for (int i = 0; i < 50; ++i) {
        auto alive = std::make_unique<std::atomic<bool>>(true);
        {
            const net::address_watch watch(io, {"db.example"}, 1ms, names.resolver(),
                                           [it = alive.get()] { EXPECT_TRUE(*it); });
            names.wait_for_look_ups(1);
            names.lead_to({i % 2 == 0 ? "192.0.2.7" : "192.0.2.8"});
            if (i % 3 == 0) names.wait_for_look_ups(1);
        }
        *alive = false;
    }
}

}  // namespace
}  // namespace lido::test

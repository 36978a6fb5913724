// Lido: a name server for tests, whose answer a test can change.
#pragma once

#include "lido/net/resolver.hpp"
#include "support/becomes_true.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace lido::test {

/// Every name leads to the same addresses. Must outlive the resolvers.
class changing_names {
public:
    /// None: no name is known.
    void lead_to(std::vector<std::string> addresses) {
        const std::lock_guard held(mutex_);
        addresses_ = std::move(addresses);
    }
    /// So many more that have begun.
    void wait_for_look_ups(int count) {
        const int until = look_ups_ + count;
        EXPECT_TRUE(becomes_true([&] { return look_ups_ >= until; }));
    }
    [[nodiscard]] int look_ups() const noexcept { return look_ups_; }
    [[nodiscard]] std::shared_ptr<net::resolver> resolver() {
        net::resolver_settings settings;
        settings.lookup = [this](const std::string&) { return look_up(); };
        return std::make_shared<net::resolver>(settings);
    }

private:
    [[nodiscard]] result<std::vector<net::address>> look_up() {
        ++look_ups_;
        const std::lock_guard held(mutex_);
        if (addresses_.empty()) return error(errc::resolve_failed, "no such name");
        std::vector<net::address> all;
        all.reserve(addresses_.size());
        for (const std::string& each : addresses_) all.push_back(net::address::from_literal(each, 1).value());
        return all;
    }

    std::mutex mutex_;
    std::vector<std::string> addresses_{"127.0.0.1"};
    std::atomic<int> look_ups_{0};
};

}  // namespace lido::test

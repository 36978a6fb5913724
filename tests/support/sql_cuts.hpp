// Lido: a network that breaks at each byte of an exchange with a database.
#pragma once

#include "support/cutting_proxy.hpp"
#include "support/sql_load.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lido::test {

/// Writes one number through that port with a pool of its own, opened for it; all of it is told.
using write_through = std::function<void(std::uint16_t port, std::int64_t number, write_record& record)>;

/// One exchange for each `step` bytes that may pass, of answers and then of requests, each from connecting to the
/// acknowledged commit. None may take longer than `patience`. Returns how many exchanges there were.
inline std::size_t break_at_every_byte(std::uint16_t server, breaking how, std::size_t step, duration patience,
                                       const write_through& write, write_record& record) {
    std::int64_t number = 0;
    for (const bool of_answers : {true, false}) {
        std::atomic<std::size_t> allowed{1'000'000};
        const cutting_proxy::allowance bounded = [&allowed](random_source&) { return allowed.load(); };
        const cutting_proxy::allowance endless = [](random_source&) { return std::size_t{1'000'000}; };
        cutting_proxy proxy(server, 7, of_answers ? bounded : endless, of_answers ? endless : bounded, how);
        const std::size_t before = record.acknowledged();
        write(proxy.port(), ++number, record);
        EXPECT_EQ(record.acknowledged(), before + 1) << "the whole exchange";
        const std::size_t all = of_answers ? proxy.answers_passed() : proxy.requests_passed();
        EXPECT_GT(all, 100U);
        for (std::size_t bytes = 0; bytes < all; bytes += step) {
            allowed = bytes;
            const auto begun = clock::now();
            write(proxy.port(), ++number, record);
            EXPECT_LT(clock::now() - begun, patience) << bytes << " of " << all;
        }
    }
    return static_cast<std::size_t>(number);
}

}  // namespace lido::test

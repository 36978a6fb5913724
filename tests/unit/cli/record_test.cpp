// Goal: a record says what was measured, can be read again, and nothing else is taken for one.
#include "simulate/record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace lido::cli::simulate {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

pool::workload made_up() {
    pool::workload record;
    record.length = 10s;
    record.requests = 5000;
    record.failed = 3;
    record.users = 40;
    record.pool_size = 20;
    record.peak_in_use = 18;
    record.arrival_variation = 0.9;
    record.service = {.mean = 6ms, .variation = 0.5, .p50 = 5ms, .p95 = 9ms, .p99 = 12ms, .max = 30ms};
    record.wait = {.mean = 100us, .variation = 3.0, .p50 = 0ms, .p95 = 1ms, .p99 = 2ms, .max = 3ms};
    record.response = {.mean = 6100us, .variation = 0.6, .p50 = 5ms, .p95 = 10ms, .p99 = 13ms, .max = 31ms};
    record.connect = {.mean = 200us, .variation = 0.2, .p50 = 200us, .p95 = 300us, .p99 = 400us, .max = 500us};
    return record;
}

std::string why_not(const std::string& text) {
    const auto read = read_workload(text);
    return read ? std::string() : read.error().message();
}

std::string with(std::string text, const std::string& piece, const std::string& replacement) {
    const auto at = text.find(piece);
    EXPECT_NE(at, std::string::npos) << piece;
    return text.replace(at, piece.size(), replacement);
}

TEST(record, can_be_read_again) {
    const pool::workload before = made_up();
    const pool::workload after = read_workload(workload_text(before)).value();
    EXPECT_EQ(after.length, before.length);
    EXPECT_EQ(after.requests, before.requests);
    EXPECT_EQ(after.failed, before.failed);
    EXPECT_EQ(after.users, before.users);
    EXPECT_EQ(after.pool_size, before.pool_size);
    EXPECT_EQ(after.peak_in_use, before.peak_in_use);
    EXPECT_EQ(after.arrival_variation, before.arrival_variation);
    for (const auto& [read, written] :
         {std::pair(after.service, before.service), std::pair(after.wait, before.wait),
          std::pair(after.response, before.response), std::pair(after.connect, before.connect)}) {
        EXPECT_NEAR(static_cast<double>(read.mean.count()), static_cast<double>(written.mean.count()), 1000.0);
        EXPECT_EQ(read.variation, written.variation);
        EXPECT_NEAR(static_cast<double>(read.p99.count()), static_cast<double>(written.p99.count()), 1000.0);
        EXPECT_NEAR(static_cast<double>(read.max.count()), static_cast<double>(written.max.count()), 1000.0);
    }
}

TEST(record, what_is_no_record_is_refused) {
    const std::string good = workload_text(made_up());
    EXPECT_EQ(why_not(good), "");
    EXPECT_THAT(why_not(""), HasSubstr("no record"));
    EXPECT_THAT(why_not("{}"), HasSubstr("no record"));
    EXPECT_THAT(why_not("[1, 2]"), HasSubstr("no record"));
    EXPECT_THAT(why_not(good.substr(0, good.size() / 2)), HasSubstr("no record"));
    EXPECT_THAT(why_not(with(good, "workload 1", "workload 2")), HasSubstr("lido workload 1"));
    EXPECT_THAT(why_not(good + std::string(most_record_bytes, ' ')), HasSubstr("bytes"));
    EXPECT_THAT(why_not(std::string(100'000, '[')), HasSubstr("bytes"));
    EXPECT_THAT(why_not(std::string(60'000, '[')), HasSubstr("no record")) << "too deep";
}

TEST(record, the_first_wrong_number_is_named) {
    const std::string good = workload_text(made_up());
    EXPECT_THAT(why_not(with(good, "\"requests\": 5000", "\"requests\": -1")), HasSubstr("requests must be 0"));
    EXPECT_THAT(why_not(with(good, "\"requests\": 5000", "\"requests\": 1.5")), HasSubstr("whole number"));
    EXPECT_THAT(why_not(with(good, "\"requests\": 5000", "\"requests\": \"many\"")),
                HasSubstr("requests must be a number"));
    EXPECT_THAT(why_not(with(good, "\"users\": 40", "\"people\": 40")), HasSubstr("users"));
    EXPECT_THAT(why_not(with(good, "\"service_ms\": {\"mean\"", "\"service_ms\": {\"average\"")),
                HasSubstr("service_ms.mean"));
    EXPECT_THAT(why_not(with(good, "\"wait_ms\": {", "\"wait\": {")), HasSubstr("wait_ms must be an object"));
    EXPECT_THAT(why_not(with(good, "\"pool_size\": 20", "\"pool_size\": 0")), HasSubstr("pool_size"));
}

TEST(record, the_time_of_a_lease_is_that_of_the_response_less_the_wait) {
    options asked;
    asked.num_users = 7;
    asked.pool_size = 3;
    leg_report leg;
    leg.elapsed = 2s;
    answer good;
    good.status = 200;
    const time_point begin{1h};
    for (int i = 0; i < 1000; ++i) {
        // Responses of 10 and 30 ms, of which 4 ms were waits: leases of 6 and 26 ms.
        leg.counts.record(good, begin, begin + (i % 2 == 0 ? 10ms : 30ms));
        leg.counts.record_gap(2ms);
        leg.pool.wait.record(4ms);
    }
    const pool::workload made = workload_of(asked, leg);
    EXPECT_EQ(made.users, 7U);
    EXPECT_EQ(made.pool_size, 3U);
    EXPECT_EQ(made.requests, 1000U);
    EXPECT_NEAR(static_cast<double>(made.service.mean.count()), 16e6, 0.3e6);
    EXPECT_NEAR(made.service.variation, 10.0 / 16.0, 0.02);
    EXPECT_NEAR(made.arrival_variation, 0.0, 1e-6);
    EXPECT_NEAR(made.concurrency(), 8.0, 0.2);
}

}  // namespace
}  // namespace lido::cli::simulate

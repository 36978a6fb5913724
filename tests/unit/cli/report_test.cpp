// Goal: the report has the lines and keys that were promised, its numbers add up, and it fits on 80 columns. Method:
// made-up legs. The reports of real runs are in tests/cli.
#include "simulate/report.hpp"

#include "console.hpp"
#include "lido/sql/error.hpp"
#include "simulate/figures.hpp"
#include "simulate/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace lido::cli::simulate {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

result<answer> answered(unsigned status, std::uint64_t bytes = 0) {
    answer made;
    made.status = status;
    made.bytes = bytes;
    return made;
}

leg_report made_up(way how = way::shared_pool) {
    leg_report leg;
    leg.how = how;
    leg.elapsed = 2s;
    leg.cpu = 90us;
    for (int i = 0; i < 40; ++i) leg.counts.record(answered(200, 3), time_point{}, time_point{} + 1ms);
    for (int i = 0; i < 3; ++i) leg.counts.record(answered(503), time_point{}, time_point{} + 2ms);
    leg.counts.record(error(errc::connect_failed, "connect to a:1: connection refused", "start it"), time_point{},
                      time_point{} + 3ms);
    leg.counts.record(error(errc::timeout, "too late"), time_point{}, time_point{} + 50ms);
    leg.counts.record_unfinished();
    leg.pool.pools = 1;
    leg.pool.requests = 45;
    leg.pool.created = 9;
    leg.pool.reused = 36;
    leg.pool.closed = 9;
    leg.pool.peak_in_use = 8;
    leg.pool.retries = 2;
    return leg;
}

options twenty() {
    options asked;
    asked.pool_size = 20;
    asked.seed = 5;
    return asked;
}

void expect_narrow(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(columns_of(line), 80U) << line;
        EXPECT_FALSE(!line.empty() && line.back() == ' ') << "'" << line << "'";
    }
}

TEST(text_report, begins_with_the_lines_of_the_seed) {
    const std::string text = text_report(twenty(), "http://a", {made_up()});
    EXPECT_THAT(text, StartsWith("CONNECTION POOL STATS\nPool size: 20\nMax retries: 3\nPool requests: 45\n"));
    expect_narrow(text);
}

TEST(text_report, has_everything_below_them) {
    const std::string text = text_report(twenty(), "http://a", {made_up()});
    for (const auto* part : {"created             9\n", "reused              36   reuse ratio 80.0 %\n",
                             "closed              9\n", "now 0   at peak 8\n", "wait for one",
                             "retries             2\n", "failed              2   connect_failed: 1   timeout: 1\n",
                             "200: 40   503: 3\n", "45 in 2.0 s   22.5 per second", "p50 ", "p95 ", "p99 ",
                             "max 2.00 ms", "CPU per request     2.0 us", "cut off at the end  1\n"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
}

TEST(text_report, stays_narrow_whatever_the_numbers) {
    leg_report leg = made_up();
    for (unsigned status = 100; status < 600; ++status) {
        for (int i = 0; i < 1000; ++i) leg.counts.record(answered(status), time_point{}, time_point{} + 1h);
    }
    for (int code = 1; code <= 23; ++code)
        leg.counts.record(error(static_cast<errc>(code), "x"), time_point{}, time_point{} + 1h);
    leg.pool.wait.record(11h);
    leg.pool.requests = leg.pool.created = leg.pool.reused = 1'000'000'000'000;
    expect_narrow(text_report(twenty(), "http://a", {leg}));
    options asked = twenty();
    asked.compare = true;
    leg_report other = leg;
    other.how = way::new_connections;
    expect_narrow(text_report(asked, "http://a", {leg, made_up(way::per_user_pools), other}));
}

TEST(text_report, says_what_the_connections_of_each_protocol_carried) {
    leg_report leg = made_up();
    EXPECT_THAT(text_report(twenty(), "http://a", {leg}), testing::Not(HasSubstr("HTTP/")));
    leg.pool.http1.connections = 4;
    leg.pool.http1.requests = 10;
    leg.pool.http2.connections = 1;
    leg.pool.http2.requests = 12345;
    leg.pool.http2.most_at_once = 100;
    const std::string text = text_report(twenty(), "http://a", {leg});
    EXPECT_THAT(text, HasSubstr("HTTP/1.1            4 connections   10 requests   2.5 per connection\n"));
    EXPECT_THAT(text, HasSubstr("HTTP/2              1 connection   12,345 streams   12,345 per connection\n"));
    EXPECT_THAT(text, HasSubstr("                    100 at once on one\n"));
    expect_narrow(text);
    EXPECT_THAT(json_report(twenty(), "http://a", {leg}),
                HasSubstr(R"("HTTP/2": {"connections": 1, "requests": 12345, "requests_per_connection": 12345, )"
                          R"("most_at_once": 100, )"));
}

TEST(text_report, of_a_database_has_statements_and_rows_instead_of_statuses) {
    options asked = twenty();
    asked.database.emplace();
    leg_report leg;
    leg.elapsed = 1s;
    answer read;
    read.rows = 3;
    leg.counts.record(read, time_point{}, time_point{} + 1ms);
    answer written;
    written.wrote = true;
    written.changed = 2;
    leg.counts.record(written, time_point{}, time_point{} + 1ms);
    leg.counts.record(error(lido::sql::errc::deadlock, "deadlock detected"), time_point{}, time_point{} + 1ms);
    asked.database->writing.text = "update outfit set stars = 5";
    const std::string text = text_report(asked, "sqlite:a", {leg});
    for (const auto* part : {"statements          1 reading   1 writing\n", "rows                3 came   2 changed\n",
                             "failed              1   deadlock: 1\n", "database            sqlite:a\n"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
    EXPECT_THAT(text, testing::Not(HasSubstr("statuses")));
    EXPECT_THAT(json_report(asked, "sqlite:a", {leg}),
                HasSubstr(R"("statements": {"reading": 1, "writing": 1, "rows": 3, "rows_changed": 2})"));
}

TEST(text_report, of_nothing_divides_by_nothing) {
    const std::string text = text_report(twenty(), "http://a", {leg_report()});
    EXPECT_THAT(text, HasSubstr("0 in 0.0 s   0.0 per second"));
    EXPECT_THAT(text, testing::Not(HasSubstr("nan")));
}

TEST(text_report, compares_in_columns_with_ratios) {
    options asked = twenty();
    asked.compare = true;
    leg_report slow = made_up(way::new_connections);
    slow.elapsed = 8s;
    const std::string text = text_report(asked, "http://a", {made_up(), made_up(way::per_user_pools), slow});
    EXPECT_THAT(text, HasSubstr("COMPARISON             shared pool pool per user   ratio no keep-alive   ratio\n"));
    EXPECT_THAT(text, HasSubstr("requests per second           22.5          22.5  1.00 x           5.6  4.00 x\n"));
}

TEST(json_report, has_the_keys_of_the_issue_in_order) {
    const std::string text = json_report(twenty(), "http://a", {made_up()});
    EXPECT_THAT(
        text,
        StartsWith(R"({"requests": 45, "failed": 2, "retries": 2, "duration_seconds": 2, "requests_per_second": 22.5, )"
                   R"("latency_ms": {"p50": 1)"));
    for (
        const auto* part :
        {R"("cpu_microseconds_per_request": 2, "statuses": {"200": 40, "503": 3}, "errors": {"connect_failed": 1, "timeout": 1}, )",
         R"("pool": {"size": 20, "max_retries": 3, "requests": 45, "created": 9, "reused": 36, "closed": 9, )",
         R"("peak_in_use": 8, "reuse_ratio": 0.8, "wait_ms": {"p50": 0, "p95": 0, "p99": 0})", R"("unfinished": 1)"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(json_report, escapes_what_users_wrote) {
    EXPECT_THAT(json_report(twenty(), "http://a/\"\\", {made_up()}), HasSubstr(R"("service": "http://a/\"\\")"));
}

TEST(json_report, of_a_comparison_has_one_object_for_each_way) {
    options asked = twenty();
    asked.compare = true;
    const std::string text =
        json_report(asked, "x", {made_up(), made_up(way::per_user_pools), made_up(way::new_connections)});
    for (const auto* key : {R"("shared_pool": {"requests")", R"("per_user_pools": {"requests")",
                            R"("new_connections": {"requests")", R"("shared_pool_to": {"per_user_pools": {)"}) {
        EXPECT_THAT(text, HasSubstr(key));
    }
}

TEST(tally, adds_up) {
    tally sum;
    sum.merge(made_up().counts);
    sum.merge(made_up().counts);
    EXPECT_EQ(sum.requests(), 90U);
    EXPECT_EQ(sum.failed(), 4U);
    EXPECT_EQ(sum.succeeded(), 80U);
    EXPECT_EQ(sum.unfinished(), 2U);
    EXPECT_EQ(sum.bytes(), 240U);
    EXPECT_EQ(sum.statuses()[503], 6U);
}

TEST(tally, names_the_main_cause) {
    tally counts;
    counts.record(answered(404), time_point{}, time_point{} + 1ms);
    EXPECT_THAT(counts.main_cause(), StartsWith("1 × status 404"));
    counts.record(error(errc::connect_failed, "connect to a:1: connection refused", "start it"), time_point{},
                  time_point{} + 1ms);
    EXPECT_EQ(counts.main_cause(), "1 × connect_failed: connect to a:1: connection refused; start it");
}

TEST(tally, knows_codes_from_elsewhere) {
    tally counts;
    counts.record(error(std::make_error_code(std::errc::io_error), "disk"), time_point{}, time_point{} + 1ms);
    EXPECT_EQ(counts.errors()[0], 1U);
    EXPECT_EQ(tally::name_of_error(0), "other");
    EXPECT_EQ(tally::name_of_error(static_cast<std::size_t>(errc::rate_limited)), "rate_limited");
}

leg_progress half_done() {
    leg_progress now;
    now.elapsed = 5s;
    now.planned = 10s;
    now.interval_length = 1s;
    for (int i = 0; i < 1234; ++i) now.interval.record(answered(200), time_point{}, time_point{} + 1ms);
    return now;
}

TEST(progress, fits_whatever_the_width) {
    for (std::size_t width = 0; width < 200; ++width) {
        EXPECT_LT(columns_of(live_text(half_done(), width, false)), std::max<std::size_t>(width, 1)) << width;
    }
    EXPECT_THAT(live_text(half_done(), 80, false), HasSubstr("[====")) << live_text(half_done(), 80, false);
    EXPECT_THAT(live_text(half_done(), 80, false), HasSubstr("5 s of 10 s  1,234/s  p50 1.0"));
    EXPECT_THAT(live_text(half_done(), 40, false), StartsWith("5 s of 10 s  1,234/s"));
}

TEST(progress, tells_of_streams_where_there_are_any) {
    leg_progress now = half_done();
    EXPECT_THAT(interval_text(now), testing::Not(HasSubstr("streams")));
    now.pool.http2_open = 2;
    now.pool.http2_streams = 150;
    EXPECT_THAT(interval_text(now), testing::EndsWith(", 150 streams on 2"));
    EXPECT_THAT(live_text(now, 100, false), testing::EndsWith("failed 0  150 streams on 2"));
}

TEST(progress, has_colour_only_when_asked) {
    EXPECT_THAT(live_text(half_done(), 120, false), testing::Not(HasSubstr("\x1b")));
    EXPECT_THAT(live_text(half_done(), 120, true), HasSubstr("\x1b[32m"));
}

TEST(progress, counts_cycles_where_there_is_no_time) {
    leg_progress now = half_done();
    now.planned = 0s;
    now.cycles_done = 30;
    now.cycles_planned = 40;
    EXPECT_THAT(live_text(now, 100, false), HasSubstr("30 of 40 cycles"));
}

TEST(figures, are_readable) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1234567), "1,234,567");
    EXPECT_EQ(in_milliseconds(45us), "0.045 ms");
    EXPECT_EQ(in_milliseconds(1240us), "1.24 ms");
    EXPECT_EQ(in_milliseconds(1240ms), "1,240 ms");
    EXPECT_EQ(in_milliseconds(12345ms), "12.3 s");
    EXPECT_EQ(as_rate(4.5), "4.5");
    EXPECT_EQ(as_rate(12345.6), "12,346");
    EXPECT_EQ(in_seconds(10s), "10.0 s");
    EXPECT_EQ(in_seconds(70s), "1 min 10 s");
    EXPECT_EQ(in_bytes(999), "999 B");
    EXPECT_EQ(in_bytes(1'400'000), "1.4 MB");
    EXPECT_EQ(in_bytes(999'999), "1.0 MB");
}

}  // namespace
}  // namespace lido::cli::simulate

// Lido: users of a database who keep a record of what they were told, for tests in which its server fails.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/sql/statement.hpp"
#include "support/becomes_true.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace lido::test {

/// The password of a test, which no error may show.
inline constexpr const char* test_secret = "hush-4711";

/// What users were told about the numbers that they wrote.
class write_record {
public:
    void acknowledged(std::int64_t number) {
        const std::lock_guard held(mutex_);
        told_.emplace(number, told::yes);
        ++acknowledged_;
    }
    /// `failure`: what the statement that makes it last was told; `before`: it never came to that.
    void failed(std::int64_t number, const error& failure, bool before) {
        const bool is_unknown = !before && (failure == errc::maybe_executed || failure == errc::timeout);
        const std::lock_guard held(mutex_);
        told_.emplace(number, is_unknown ? told::unknown : told::no);
        kinds_.emplace(failure.code(), failure.message());
        ++failures_;
        EXPECT_FALSE(failure.what().empty());
        EXPECT_THAT(failure.message(), testing::Not(testing::HasSubstr(test_secret)));
    }
    [[nodiscard]] std::size_t acknowledged() const noexcept { return acknowledged_; }
    [[nodiscard]] std::size_t failures() const noexcept { return failures_; }

    /// Against what is in the database: what was acknowledged is there once, what is unknown at most once, and nothing
    /// else is.
    void compare(const std::vector<std::int64_t>& there) const {
        const std::lock_guard held(mutex_);
        std::map<std::int64_t, int> times;
        for (const std::int64_t each : there) ++times[each];
        std::map<told, std::size_t> of;
        for (const auto& [number, what] : told_) {
            const int found = times.contains(number) ? times[number] : 0;
            ++of[what];
            EXPECT_GE(found, what == told::yes ? 1 : 0) << "acknowledged, and not there: " << number;
            EXPECT_LE(found, what == told::no ? 0 : 1) << "doubled, or refused and yet written: " << number;
        }
        for (const auto& [number, count] : times) EXPECT_TRUE(told_.contains(number)) << number;
        fmt::print("{} acknowledged, {} unknown, {} refused\n", of[told::yes], of[told::unknown], of[told::no]);
    }
    /// Each kind of failure must be one of these.
    void expect_only(const std::vector<std::error_code>& allowed) const {
        const std::lock_guard held(mutex_);
        for (const auto& [code, text] : kinds_) {
            fmt::print("told: {}\n", text);
            EXPECT_NE(std::find(allowed.begin(), allowed.end(), code), allowed.end()) << text;
        }
    }

private:
    enum class told : std::uint8_t { yes, no, unknown };
    mutable std::mutex mutex_;
    std::map<std::int64_t, told> told_;
    std::map<std::error_code, std::string> kinds_;  // with the first text of each
    std::atomic<std::size_t> acknowledged_{0};
    std::atomic<std::size_t> failures_{0};
};

/// Writes one number, plainly or in a transaction, and puts down what it was told.
template <class Pool>
void write_one(Pool& db, const sql::statement& insert, std::int64_t number, write_record& record) {
    if (number % 2 == 0) {
        const auto done = db.query(insert, number).wait();
        done ? record.acknowledged(number) : record.failed(number, done.error(), false);
        return;
    }
    auto scope = db.begin().wait();
    if (!scope) return record.failed(number, scope.error(), true);
    if (const auto done = scope->query(insert, number).wait(); !done) return record.failed(number, done.error(), true);
    const auto kept = scope->commit().wait();
    kept ? record.acknowledged(number) : record.failed(number, kept.error(), false);
}

/// Asks again and again, and keeps the largest answer. A question may throw: then there is none.
class largest_of {
public:
    explicit largest_of(std::function<std::size_t()> question)
        : thread_([this, asked = std::move(question)] {
              while (!ends_) {
                  try {
                      largest_ = std::max(largest_.load(), asked());
                      ++answers_;
                  } catch (const std::exception&) {
                      // The server is down, as the test wants it; nothing tells when it is back.
                      std::this_thread::sleep_for(std::chrono::milliseconds(20));
                  }
              }
          }) {}
    largest_of(const largest_of&) = delete;
    largest_of& operator=(const largest_of&) = delete;
    ~largest_of() { stop(); }
    void stop() {
        ends_ = true;
        if (thread_.joinable()) thread_.join();
    }
    [[nodiscard]] std::size_t value() const noexcept { return largest_; }
    [[nodiscard]] std::size_t answers() const noexcept { return answers_; }

private:
    std::atomic<bool> ends_{false};
    std::atomic<std::size_t> largest_{0};
    std::atomic<std::size_t> answers_{0};
    std::thread thread_;
};

/// How many connections a server has, of which `numbers` tells. It may count one that has said good-bye, or that it has
/// ended itself, until its thread has cleared up behind it: those are gone with the second look, and what has come in
/// between is not in the first.
inline std::size_t lasting_connections(const std::function<std::set<std::int64_t>()>& numbers, std::size_t most) {
    const std::set<std::int64_t> before = numbers();
    if (before.size() <= most) return before.size();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // the server's threads do that in their own time
    const std::set<std::int64_t> after = numbers();
    return static_cast<std::size_t>(
        std::count_if(before.begin(), before.end(), [&](std::int64_t each) { return after.contains(each); }));
}

/// A server as a test of faults sees it.
struct observed_server {
    sql::statement insert = "INSERT INTO written VALUES (?)";
    std::function<std::vector<std::int64_t>()> there;  ///< all numbers that were written
    std::function<std::size_t()> connections;          ///< the pool's, counted at the server
    std::size_t max_connections = 4;
    std::vector<std::error_code> may_be_told;
    unsigned users = 4;
    duration recovery = std::chrono::milliseconds(1500);
};

/// Does it answer a question past the pool?
[[nodiscard]] inline bool answers(const observed_server& server) {
    try {
        static_cast<void>(server.connections());
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

/// Stops users and waits for them, also when what they live through ends by an exception.
class users_until_the_end {
public:
    users_until_the_end(std::atomic<bool>& stop, std::vector<std::thread>& users) noexcept
        : stop_(stop), users_(users) {}
    users_until_the_end(const users_until_the_end&) = delete;
    users_until_the_end& operator=(const users_until_the_end&) = delete;
    ~users_until_the_end() { end(); }
    void end() noexcept {
        stop_ = true;
        for (std::thread& each : users_) {
            if (each.joinable()) each.join();
        }
    }

private:
    std::atomic<bool>& stop_;
    std::vector<std::thread>& users_;
};

/// Users write all the time while `fault()` or `fault(record)` runs, after which the server works again as soon as it
/// can. Expects that each failure is one of those allowed, that nothing acknowledged is lost and nothing doubled, that
/// work goes on within `recovery` from when the server answers, and that it never has more connections than allowed.
template <class Pool, class Fault>
void expect_survives(Pool& db, const observed_server& server, Fault fault) {
    write_record record;
    std::atomic<bool> stop{false};
    std::atomic<std::int64_t> next{0};
    std::vector<std::thread> users;
    {
        largest_of connections(server.connections);
        users_until_the_end guard(stop, users);
        for (unsigned i = 0; i < server.users; ++i) {
            users.emplace_back([&] {
                while (!stop) write_one(db, server.insert, ++next, record);
            });
        }
        EXPECT_TRUE(becomes_true([&] { return record.acknowledged() > 50; }));
        if constexpr (std::is_invocable_v<Fault&, const write_record&>) {
            fault(std::as_const(record));
        } else {
            fault();
        }
        // A server that listens, or was told to go on, need not answer yet; nobody can work before it does.
        EXPECT_TRUE(becomes_true([&] { return answers(server); }));
        const auto back = clock::now();
        const std::size_t before = record.acknowledged();
        EXPECT_TRUE(becomes_true([&] { return record.acknowledged() > before; }));
        const duration took = clock::now() - back;
        EXPECT_LT(took, server.recovery) << to_text(took);
        EXPECT_TRUE(becomes_true([&] { return record.acknowledged() > before + 50; }));
        EXPECT_TRUE(becomes_true([&] { return connections.answers() > 2; }));
        guard.end();
        connections.stop();
        EXPECT_LE(connections.value(), server.max_connections);
        fmt::print("recovery {}; at most {} of {} connections in {} looks\n", to_text(took), connections.value(),
                   server.max_connections, connections.answers());
    }
    record.expect_only(server.may_be_told);
    record.compare(server.there());
}

}  // namespace lido::test

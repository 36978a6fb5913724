// Lido: where a server stands among those that follow each other.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace lido::sql {

/// Who numbers a part of the log. PostgreSQL has one log; MariaDB numbers by domain; MySQL by server, and by tag for
/// each of them.
struct log_origin {
    log_origin(std::uint32_t number) : domain(number) {}                  // NOLINT: a domain is one
    log_origin(std::string name) : domain(0), server(std::move(name)) {}  // NOLINT: so is a server
    [[nodiscard]] friend auto operator<=>(const log_origin&, const log_origin&) = default;

    std::uint32_t domain;
    std::string server;  ///< "3e11fa47-71ca-11e1-9e33-c80aa9429562" or, with a tag, that and ":tag"; small letters
};

/// Which numbers of a log a server has: a set, kept as ranges.
class log_numbers {
public:
    log_numbers() = default;
    /// All up to `last`.
    log_numbers(std::uint64_t last) { add(0, last); }  // NOLINT: where numbers have no gaps, the last one says it all

    /// And those from `first` to `last`, both included; `first` is not after `last`.
    void add(std::uint64_t first, std::uint64_t last);
    [[nodiscard]] bool covers(const log_numbers& other) const noexcept;
    [[nodiscard]] friend bool operator==(const log_numbers&, const log_numbers&) = default;

private:
    std::map<std::uint64_t, std::uint64_t> ranges_;  // last by first; they neither overlap nor touch
};

/// How much of the log a server has written or applied: a set that only grows.
using log_position = std::map<log_origin, log_numbers>;

/// What a server says of its part in replication.
struct replication_state {
    bool takes_writes = false;
    log_position position;
    /// Grows with each failover, where the database counts them (PostgreSQL's timeline); otherwise 0. Of a server that
    /// takes writes.
    std::uint64_t epoch = 0;
};

/// Does `one` have all that `other` has?
[[nodiscard]] bool covers(const log_position& one, const log_position& other) noexcept;

}  // namespace lido::sql

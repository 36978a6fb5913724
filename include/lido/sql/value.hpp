// Lido: the values that go into and come out of a database.
#pragma once

#include "lido/base/result.hpp"

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lido::sql {

/// SQL's NULL.
struct null_value {
    [[nodiscard]] friend bool operator==(null_value, null_value) = default;
};
inline constexpr null_value null{};

using bytes = std::vector<std::byte>;
/// Microseconds since 1970-01-01 UTC: what PostgreSQL and MariaDB can hold.
using timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// RFC 4122 in network order.
struct uuid {
    std::array<std::uint8_t, 16> octets{};

    /// "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", in either case. `invalid_argument` otherwise.
    [[nodiscard]] static result<uuid> parse(std::string_view text);
    [[nodiscard]] std::string to_text() const;
    [[nodiscard]] friend bool operator==(const uuid&, const uuid&) = default;
};

/// A JSON document as text; not looked into.
class json {
public:
    json() = default;
    explicit json(std::string document) : text(std::move(document)) {}
    std::string text;
    [[nodiscard]] friend bool operator==(const json&, const json&) = default;
};

class value;

/// A one-dimensional array, for PostgreSQL.
class array {
public:
    array() = default;
    explicit array(std::vector<value> from);
    template <class T>
        requires(!std::same_as<T, value>)
    explicit array(const std::vector<T>& from);
    [[nodiscard]] const std::vector<value>& elements() const noexcept { return elements_; }
    [[nodiscard]] friend bool operator==(const array&, const array&) = default;

private:
    std::vector<value> elements_;
};

/// A value to be bound to a placeholder. It owns what it holds. A plain value; its constructors are user-provided, so
/// it is safe inside a `co_await` expression on GCC 12.
class value {
public:
    using alternatives =
        std::variant<null_value, bool, std::int64_t, double, std::string, bytes, timestamp, uuid, json, array>;

    // NOLINTBEGIN(google-explicit-constructor): that a parameter may simply be written is what this class is for.
    value() noexcept {}  // NOLINT(modernize-use-equals-default): user-provided, see above
    value(null_value) noexcept {}
    value(std::nullopt_t) noexcept {}
    template <std::same_as<bool> Bool>
    value(Bool of) noexcept : held_(of) {}
    /// Every integer type that fits into 64 bits with its sign; `std::uint64_t` has to be converted by the caller.
    template <std::integral Integer>
        requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char> &&
                 (std::signed_integral<Integer> || sizeof(Integer) < sizeof(std::int64_t)))
    value(Integer of) noexcept : held_(static_cast<std::int64_t>(of)) {}
    template <std::floating_point Real>
        requires(sizeof(Real) <= sizeof(double))
    value(Real of) noexcept : held_(static_cast<double>(of)) {}
    value(std::string of) noexcept : held_(std::move(of)) {}
    value(std::string_view of) : held_(std::string(of)) {}
    value(const char* of) : held_(std::string(of)) {}
    value(sql::bytes of) noexcept : held_(std::move(of)) {}
    value(std::span<const std::byte> of) : held_(sql::bytes(of.begin(), of.end())) {}
    value(timestamp of) noexcept : held_(of) {}
    value(const sql::uuid& of) noexcept : held_(of) {}
    value(sql::json of) noexcept : held_(std::move(of)) {}
    value(sql::array of) noexcept : held_(std::move(of)) {}
    template <class T>
    value(const std::optional<T>& of) {
        if (of) *this = value(*of);
    }
    // NOLINTEND(google-explicit-constructor)

    [[nodiscard]] const alternatives& get() const noexcept { return held_; }
    [[nodiscard]] bool is_null() const noexcept { return std::holds_alternative<null_value>(held_); }
    /// What it counts towards `max_statement_bytes`.
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] friend bool operator==(const value&, const value&) = default;

private:
    alternatives held_;
};

/// The values for a statement's placeholders, in order.
using parameters = std::vector<value>;

template <class... Values>
[[nodiscard]] parameters make_parameters(Values&&... values) {
    parameters made;
    made.reserve(sizeof...(values));
    (made.emplace_back(std::forward<Values>(values)), ...);
    return made;
}

inline array::array(std::vector<value> from) : elements_(std::move(from)) {}

template <class T>
    requires(!std::same_as<T, value>)
array::array(const std::vector<T>& from) {
    elements_.reserve(from.size());
    for (const T& each : from) elements_.emplace_back(each);
}

/// "2026-11-21 18:04:05.000001+00", which PostgreSQL and, without its end, MariaDB and SQLite read.
[[nodiscard]] std::string to_text(timestamp of);
/// "2026-11-21", "2026-11-21 18:04", "2026-11-21T18:04:05.123456+02:30", "… 18:04:05Z": ISO 8601 as databases write it.
/// Without an offset it is UTC. `invalid_argument` otherwise, and for what lies outside of the years 1 … 9999.
[[nodiscard]] result<timestamp> parse_timestamp(std::string_view text);

}  // namespace lido::sql

// Lido: rows as structs of the user's.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/rows.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace lido::sql {

/// One member of a struct and the column that it comes from.
template <class Owner, class Member>
struct mapped_column {
    std::string_view name;
    Member Owner::*member;
};

/// `column("name", &person::name)`. The name is that of the result, after any AS; it must be a literal.
template <class Owner, class Member>
[[nodiscard]] constexpr mapped_column<Owner, Member> column(std::string_view name, Member Owner::*member) noexcept {
    return {name, member};
}

/// How a row becomes a `T`, to be specialised by the user, once, beside the struct:
///
///     struct person {
///         std::int64_t id = 0;
///         std::string name;
///         std::optional<int> age;  // NULL is nothing; other members refuse NULL
///     };
///     template <>
///     struct lido::sql::mapping<person> {
///         static constexpr auto columns = std::tuple(lido::sql::column("id", &person::id),
///                                                    lido::sql::column("name", &person::name),
///                                                    lido::sql::column("age", &person::age));
///     };
///
/// `T` must be default-constructible; the members' types are those of `cell::as`. Columns are found by name; the result
/// may have others, in any order.
template <class T>
struct mapping;

template <class T>
concept mapped = requires { std::tuple_size<std::remove_cvref_t<decltype(mapping<T>::columns)>>::value; };

namespace detail {

template <mapped T>
inline constexpr std::size_t mapped_columns = std::tuple_size_v<std::remove_cvref_t<decltype(mapping<T>::columns)>>;

template <mapped T>
using column_numbers = std::array<std::size_t, mapped_columns<T>>;

/// One column of one row into its member.
template <class T, class Member>
result<void> fill(T& into, const mapped_column<T, Member>& what, cell from) {
    result<Member> converted = from.template as<Member>();
    if (!converted) return std::move(converted).error();
    into.*(what.member) = std::move(*converted);
    return {};
}

template <mapped T>
result<column_numbers<T>> find_columns(const rows& of) {
    column_numbers<T> numbers{};
    std::size_t next = 0;
    result<void> all;
    std::apply(
        [&](const auto&... each) {
            const auto find = [&](std::string_view name) {
                if (!all) return;
                auto found = of.find_column(name);
                if (found) {
                    numbers[next++] = *found;
                } else {
                    all = std::move(found).error();
                }
            };
            (find(each.name), ...);
        },
        mapping<T>::columns);
    if (!all) return std::move(all).error();
    return numbers;
}

template <mapped T>
result<T> row_as(row from, const column_numbers<T>& numbers) {
    T made{};
    result<void> all;
    std::size_t next = 0;
    std::apply(
        [&](const auto&... each) {
            const auto take = [&](const auto& one) {
                if (all) all = fill(made, one, from[numbers[next++]]);
            };
            (take(each), ...);
        },
        mapping<T>::columns);
    if (!all) return std::move(all).error();
    return made;
}

}  // namespace detail

/// All rows as structs. Errors (`invalid_argument`): a column that is not there, before any row is looked at; and a
/// value that does not fit its member, naming the row (from 1), the column and the reason.
template <mapped T>
[[nodiscard]] result<std::vector<T>> rows_as(const rows& from) {
    auto numbers = detail::find_columns<T>(from);
    if (!numbers) return std::move(numbers).error();
    std::vector<T> all;
    all.reserve(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
        result<T> one = detail::row_as<T>(from[i], *numbers);
        if (!one) return std::move(one).error().with_context(fmt::format("row {}", i + 1));
        all.push_back(std::move(*one));
    }
    return all;
}

template <class T>
result<std::vector<T>> rows::as() const {
    static_assert(mapped<T>, "lido::sql: specialise lido::sql::mapping for this type");
    return rows_as<T>(*this);
}

}  // namespace lido::sql

// Lido: the result of a query.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/value.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lido::sql {

class rows;

namespace detail {

enum class cell_kind : std::uint8_t { null, boolean, integer, real, text, bytes };

/// Where the text of a cell is in that of its `rows`.
struct text_place {
    std::uint32_t begin;
    std::uint32_t size;
};

/// A cell as it is stored: a number, or a place in the text of its `rows`.
struct stored_cell {
    cell_kind kind = cell_kind::null;
    union {
        std::int64_t integer;
        double real;
        text_place place;
    };
    stored_cell() noexcept : integer(0) {}
};

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};

}  // namespace detail

/// One value of a result. A view: valid while its `rows` lives and is not moved.
class cell {
public:
    cell(const rows& of, std::size_t column, detail::stored_cell stored) noexcept
        : rows_(&of), column_(column), stored_(stored) {}

    [[nodiscard]] bool is_null() const noexcept { return stored_.kind == detail::cell_kind::null; }
    /// The text or bytes as they came; empty for numbers and NULL.
    [[nodiscard]] std::string_view text() const noexcept;

    /// The value as T: bool, any integer, float, double, std::string, std::string_view (valid as long as this cell's
    /// `rows`), bytes, timestamp, uuid, json, std::optional of these (NULL is nothing), and std::vector of these for a
    /// PostgreSQL array. Exact: text is parsed as a whole, numbers that do not fit and NULL are `invalid_argument`
    /// errors that name the column.
    template <class T>
    [[nodiscard]] result<T> as() const;

    /// As text for people: NULL is "NULL", bytes are in hexadecimal.
    [[nodiscard]] std::string to_text() const;

private:
    [[nodiscard]] result<bool> to_bool() const;
    [[nodiscard]] result<std::int64_t> to_integer(std::int64_t lowest, std::int64_t highest) const;
    [[nodiscard]] result<std::uint64_t> to_unsigned(std::uint64_t highest) const;
    [[nodiscard]] result<double> to_real() const;
    [[nodiscard]] result<std::string_view> to_view() const;
    [[nodiscard]] result<std::string> to_string() const;
    [[nodiscard]] result<bytes> to_bytes() const;
    [[nodiscard]] result<timestamp> to_timestamp() const;
    [[nodiscard]] result<uuid> to_uuid() const;
    /// The elements of a PostgreSQL array literal; nothing is a NULL.
    [[nodiscard]] result<std::vector<std::optional<std::string>>> to_elements() const;
    [[nodiscard]] error mismatch(std::string_view wanted) const;

    const rows* rows_;
    std::size_t column_;
    detail::stored_cell stored_;
};

/// One row of a result. A view: valid while its `rows` lives and is not moved.
class row {
public:
    row(const rows& of, std::size_t number) noexcept : rows_(&of), number_(number) {}
    [[nodiscard]] std::size_t size() const noexcept;
    /// `column` < size().
    [[nodiscard]] cell operator[](std::size_t column) const noexcept;
    /// `invalid_argument` when there is no column of that name, or several.
    [[nodiscard]] result<cell> at(std::string_view column) const;

private:
    const rows* rows_;
    std::size_t number_;
};

/// The whole result of a statement: columns, rows, and what it changed. It owns everything and outlives the lease.
/// Movable and copyable; distinct objects may be used from different threads, one object by many readers.
class rows {
public:
    [[nodiscard]] std::size_t size() const noexcept { return column_count() == 0 ? 0 : cells_.size() / column_count(); }
    [[nodiscard]] bool empty() const noexcept { return cells_.empty(); }
    /// `number` < size().
    [[nodiscard]] row operator[](std::size_t number) const noexcept { return {*this, number}; }

    [[nodiscard]] std::size_t column_count() const noexcept { return names().size(); }
    /// `column` < column_count().
    [[nodiscard]] const std::string& column_name(std::size_t column) const noexcept { return names()[column]; }
    /// The number of the column of that name; `invalid_argument` when there is none, or several.
    [[nodiscard]] result<std::size_t> find_column(std::string_view name) const;

    /// Rows inserted, changed or deleted.
    [[nodiscard]] std::uint64_t affected() const noexcept { return affected_; }
    /// The key of the row inserted last, where the database has such (MySQL, SQLite).
    [[nodiscard]] std::int64_t last_insert_id() const noexcept { return last_insert_id_; }

    /// All rows as structs; include lido/sql/mapping.hpp, and see `mapping` and `rows_as` there.
    template <class T>
    [[nodiscard]] result<std::vector<T>> as() const;

    class iterator {
    public:
        using value_type = row;
        using difference_type = std::ptrdiff_t;
        iterator() noexcept = default;
        iterator(const rows& of, std::size_t number) noexcept : rows_(&of), number_(number) {}
        [[nodiscard]] row operator*() const noexcept { return {*rows_, number_}; }
        iterator& operator++() noexcept {
            ++number_;
            return *this;
        }
        iterator operator++(int) noexcept {
            const iterator before = *this;
            ++number_;
            return before;
        }
        [[nodiscard]] friend bool operator==(const iterator&, const iterator&) noexcept = default;

    private:
        const rows* rows_ = nullptr;
        std::size_t number_ = 0;
    };
    [[nodiscard]] iterator begin() const noexcept { return {*this, 0}; }
    [[nodiscard]] iterator end() const noexcept { return {*this, size()}; }

    // For drivers: a result is filled column names first, then cell by cell, row by row.

    /// Empties it, but keeps its memory and its columns.
    void clear_rows() noexcept;
    /// So many columns will be added, and a row at least.
    void expect_columns(std::size_t count) {
        own_columns_.reserve(count);
        cells_.reserve(count);
    }
    void add_column(std::string name) {
        if (shared_columns_ != nullptr) own_columns_ = *std::exchange(shared_columns_, nullptr);
        own_columns_.push_back(std::move(name));
    }
    /// The names of a statement that is run again and again, which its results share. Before any row.
    void set_columns(std::shared_ptr<const std::vector<std::string>> names) {
        cells_.reserve(names->size());
        shared_columns_ = std::move(names);
    }
    void add_null() { cells_.emplace_back(); }
    void add(bool of) {
        detail::stored_cell& made = add_cell(detail::cell_kind::boolean);
        made.integer = of ? 1 : 0;
    }
    void add(std::int64_t of) {
        detail::stored_cell& made = add_cell(detail::cell_kind::integer);
        made.integer = of;
    }
    void add(double of) {
        detail::stored_cell& made = add_cell(detail::cell_kind::real);
        made.real = of;
    }
    /// Text as the database wrote it, whatever its type; or bytes.
    void add_text(std::string_view of) { add_place(detail::cell_kind::text, of); }
    void add_bytes(std::string_view of) { add_place(detail::cell_kind::bytes, of); }
    void set_affected(std::uint64_t count) noexcept { affected_ = count; }
    void set_last_insert_id(std::int64_t id) noexcept { last_insert_id_ = id; }
    /// The memory that its cells take, for limits. Texts and bytes of one result stay below 4 GiB together.
    [[nodiscard]] std::size_t stored_bytes() const noexcept {
        return text_.size() + cells_.size() * sizeof(detail::stored_cell);
    }

private:
    friend class cell;
    friend class row;
    [[nodiscard]] detail::stored_cell& add_cell(detail::cell_kind kind) {
        detail::stored_cell& made = cells_.emplace_back();
        made.kind = kind;
        return made;
    }
    void add_place(detail::cell_kind kind, std::string_view of);

    [[nodiscard]] const std::vector<std::string>& names() const noexcept {
        return shared_columns_ == nullptr ? own_columns_ : *shared_columns_;
    }

    std::shared_ptr<const std::vector<std::string>> shared_columns_;  // null: those of its own count
    std::vector<std::string> own_columns_;
    std::vector<detail::stored_cell> cells_;
    std::string text_;
    std::uint64_t affected_ = 0;
    std::int64_t last_insert_id_ = 0;
};

namespace detail {

/// A text as a cell of its own, for the elements of arrays.
[[nodiscard]] rows single_text(const std::optional<std::string>& of, const std::string& column);

}  // namespace detail

template <class T>
result<T> cell::as() const {
    if constexpr (detail::is_optional<T>::value) {
        if (is_null()) return T();
        auto inner = as<typename T::value_type>();
        if (!inner) return std::move(inner).error();
        return T(std::move(*inner));
    } else if constexpr (std::is_same_v<T, bool>) {
        return to_bool();
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
        auto whole = to_integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
        if (!whole) return std::move(whole).error();
        return static_cast<T>(*whole);
    } else if constexpr (std::is_integral_v<T>) {
        auto whole = to_unsigned(std::numeric_limits<T>::max());
        if (!whole) return std::move(whole).error();
        return static_cast<T>(*whole);
    } else if constexpr (std::is_floating_point_v<T>) {
        auto real = to_real();
        if (!real) return std::move(real).error();
        return static_cast<T>(*real);
    } else if constexpr (std::is_same_v<T, std::string_view>) {
        return to_view();
    } else if constexpr (std::is_same_v<T, std::string>) {
        return to_string();
    } else if constexpr (std::is_same_v<T, bytes>) {
        return to_bytes();
    } else if constexpr (std::is_same_v<T, timestamp>) {
        return to_timestamp();
    } else if constexpr (std::is_same_v<T, uuid>) {
        return to_uuid();
    } else if constexpr (std::is_same_v<T, json>) {
        auto text = to_string();
        if (!text) return std::move(text).error();
        return json(std::move(*text));
    } else {
        static_assert(detail::is_vector<T>::value, "lido::sql: a cell cannot be converted to this type");
        auto elements = to_elements();
        if (!elements) return std::move(elements).error();
        T all;
        all.reserve(elements->size());
        for (const std::optional<std::string>& each : *elements) {
            const rows one = detail::single_text(each, "array element");
            auto converted = one[0][0].template as<typename T::value_type>();
            if (!converted) return std::move(converted).error();
            all.push_back(std::move(*converted));
        }
        return all;
    }
}

}  // namespace lido::sql

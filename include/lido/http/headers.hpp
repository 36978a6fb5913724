// Lido: header fields, and the headers of a request.
#pragma once

#include "lido/base/result.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lido::http {

/// One header field. The views are valid as long as what they were taken from is neither changed, moved nor destroyed.
struct field {
    std::string_view name;   ///< as written; compare it without regard to case
    std::string_view value;  ///< without surrounding white space, when it came from a peer

    friend bool operator==(const field&, const field&) = default;
};

/// Are the two names of header fields the same? ASCII case does not count (RFC 9110 §5.1).
[[nodiscard]] bool same_name(std::string_view left, std::string_view right) noexcept;

namespace detail {

/// Where one field stands in a text, in bytes from its beginning.
struct field_place {
    std::uint32_t name = 0;
    std::uint32_t name_size = 0;
    std::uint32_t value = 0;
    std::uint32_t value_size = 0;

    [[nodiscard]] field in(const char* text) const noexcept {
        return {{text + name, name_size}, {text + value, value_size}};
    }
};

}  // namespace detail

/// A view of fields in the order in which they were written. Cheap to copy; valid as long as a `field` of it.
class field_range {
public:
    class iterator {
    public:
        using value_type = field;
        using difference_type = std::ptrdiff_t;
        using reference = field;
        using iterator_category = std::input_iterator_tag;
        using iterator_concept = std::forward_iterator_tag;

        iterator() noexcept = default;
        iterator(const char* text, const detail::field_place* place) noexcept : text_(text), place_(place) {}

        [[nodiscard]] field operator*() const noexcept { return place_->in(text_); }
        iterator& operator++() noexcept {
            ++place_;
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator before = *this;
            ++place_;
            return before;
        }
        friend bool operator==(const iterator& left, const iterator& right) noexcept {
            return left.place_ == right.place_;
        }

    private:
        const char* text_ = nullptr;
        const detail::field_place* place_ = nullptr;
    };

    field_range() noexcept = default;
    field_range(const char* text, std::span<const detail::field_place> places) noexcept
        : text_(text), places_(places) {}

    [[nodiscard]] iterator begin() const noexcept { return {text_, places_.data()}; }
    [[nodiscard]] iterator end() const noexcept { return {text_, places_.data() + places_.size()}; }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    [[nodiscard]] bool empty() const noexcept { return places_.empty(); }

    /// The value of the first field of that name.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;

private:
    const char* text_ = nullptr;
    std::span<const detail::field_place> places_;
};

/// The header fields of a request, in order, repeats allowed. What is in here is fit to be sent: `add` and `set` are
/// the only ways in, and refuse, never repair, whatever could break out of its field (RFC 9110 §5.1, §5.5).
///
/// Held as the text that goes over the wire and an index into it: two allocations however many fields. Finding is
/// linear. Distinct objects may be used from different threads.
class headers {
public:
    /// The most bytes that all fields together may have as text.
    static constexpr std::size_t max_bytes = std::size_t{1} << 20U;

    headers() = default;

    /// Appends a field. Errors: `invalid_argument` when the name is no token or the value has CR, LF, NUL or another
    /// control character but tab; `limit_exceeded` above `max_bytes`. The message never has the value in it.
    result<void> add(std::string_view name, std::string_view value);

    /// Puts the field in the place of all of that name, or appends it. Errors as for `add`; then nothing has changed.
    result<void> set(std::string_view name, std::string_view value);

    /// Takes out all fields of that name; says how many.
    std::size_t remove(std::string_view name);

    void clear() noexcept;

    /// The value of the first field of that name, valid until the next change.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept {
        return fields().find(name);
    }
    [[nodiscard]] bool contains(std::string_view name) const noexcept { return find(name).has_value(); }

    [[nodiscard]] field_range fields() const noexcept { return {text_.data(), places_}; }
    [[nodiscard]] field_range::iterator begin() const noexcept { return fields().begin(); }
    [[nodiscard]] field_range::iterator end() const noexcept { return fields().end(); }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    [[nodiscard]] bool empty() const noexcept { return places_.empty(); }

    /// All fields as they are sent, "Name: value\r\n" each.
    [[nodiscard]] std::string_view wire_text() const noexcept { return text_; }

private:
    void append(std::string_view name, std::string_view value);
    void erase(std::size_t position);

    std::string text_;
    std::vector<detail::field_place> places_;
};

}  // namespace lido::http

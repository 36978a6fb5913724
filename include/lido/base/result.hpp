// Lido: a value or an error.
#pragma once

#include "lido/base/assert.hpp"
#include "lido/base/error.hpp"

#include <utility>
#include <variant>

namespace lido {

/// Holds either a `T` or an `error`. `value()` throws `lido::exception` when there is an error; `operator*` asserts.
/// As thread-safe as `T`.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
    result(lido::error error)
        : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] T& value() & {
        throw_on_error();
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] const T& value() const& {
        throw_on_error();
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] T value() && {
        throw_on_error();
        return std::move(*std::get_if<0>(&state_));
    }
    [[nodiscard]] T value_or(T other) && { return has_value() ? std::move(**this) : std::move(other); }

    [[nodiscard]] T& operator*() & noexcept {
        LIDO_ASSERT(has_value());
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] const T& operator*() const& noexcept {
        LIDO_ASSERT(has_value());
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] T&& operator*() && noexcept { return std::move(**this); }
    [[nodiscard]] T* operator->() noexcept { return &**this; }
    [[nodiscard]] const T* operator->() const noexcept { return &**this; }

    [[nodiscard]] const lido::error& error() const& noexcept {
        LIDO_ASSERT(!has_value());
        return *std::get_if<1>(&state_);
    }
    [[nodiscard]] lido::error&& error() && noexcept {
        LIDO_ASSERT(!has_value());
        return std::move(*std::get_if<1>(&state_));
    }

private:
    void throw_on_error() const {
        if (!has_value()) throw exception(*std::get_if<1>(&state_));
    }

    std::variant<T, lido::error> state_;
};

/// Success without a value, or an error.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() = default;
    result(lido::error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
    void value() const {
        if (error_) throw exception(*error_);
    }
    [[nodiscard]] const lido::error& error() const& noexcept {
        LIDO_ASSERT(error_.has_value());
        return *error_;
    }
    [[nodiscard]] lido::error&& error() && noexcept {
        LIDO_ASSERT(error_.has_value());
        return std::move(*error_);
    }

private:
    std::optional<lido::error> error_;
};

}  // namespace lido

// Lido: the text of a statement, and where it may come from.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace lido::sql {

/// A statement whose text was put together while the program runs. Whoever writes this word vouches that no input is in
/// it: values belong into parameters. Search for it to find every such place.
class trusted_sql {
public:
    explicit trusted_sql(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] const std::string& text() const& noexcept { return text_; }
    [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

private:
    std::string text_;
};

/// A statement: a literal of the program, which is made while that is compiled, so that nothing from outside can be in
/// it; or a `trusted_sql`. Cheap to copy; distinct objects may be used from different threads. As its constructors are
/// user-provided, it is safe inside a `co_await` expression.
class statement {
public:
    template <std::size_t Size>
    consteval statement(const char (&text)[Size]) noexcept  // NOLINT: to be written as what it is
        : text_(text, Size - 1) {}
    statement(trusted_sql text)  // NOLINT(google-explicit-constructor): the word stands there already
        : owned_(new shared_text(std::move(text).text())), text_(owned_->text) {}
    constexpr statement(const statement& other) noexcept : owned_(other.owned_), text_(other.text_) {
        if (owned_ != nullptr) owned_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    constexpr statement(statement&& other) noexcept
        : owned_(std::exchange(other.owned_, nullptr)), text_(std::exchange(other.text_, {})) {}
    statement& operator=(statement other) noexcept {
        std::swap(owned_, other.owned_);
        std::swap(text_, other.text_);
        return *this;
    }
    constexpr ~statement() {
        if (owned_ != nullptr && owned_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete owned_;
    }

    [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }

private:
    struct shared_text {
        explicit shared_text(std::string of) : text(std::move(of)) {}
        std::atomic<unsigned> owners{1};
        const std::string text;
    };
    shared_text* owned_ = nullptr;  // null for a literal
    std::string_view text_;
};

}  // namespace lido::sql

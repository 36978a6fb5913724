// Lido: text that must not be printed.
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <cstring>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lido {

/// A password, token or key. It has no stream operator, fmt prints "[secret]", and its memory is overwritten when it
/// dies or is assigned to; a moved-from one is empty. The text itself comes out of `reveal()` alone, so that a search
/// for that word finds every place where it could leak. What it was made from is the caller's to wipe.
///
/// A copyable value of 16 bytes and one allocation; as thread-safe as a string. Its constructors are user-provided, so
/// it is safe inside a `co_await` expression. Pages may still be swapped out or dumped: it does not lock memory.
class secret {
public:
    secret() noexcept = default;
    secret(std::string_view text)  // NOLINT(google-explicit-constructor): hiding a text loses nothing
        : text_(text.empty() ? nullptr : std::make_unique_for_overwrite<char[]>(text.size())), size_(text.size()) {
        if (size_ != 0) std::memcpy(text_.get(), text.data(), size_);
    }
    secret(const char* text) : secret(std::string_view(text)) {}         // NOLINT(google-explicit-constructor)
    secret(const std::string& text) : secret(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)

    secret(const secret& other) : secret(other.reveal()) {}
    secret(secret&& other) noexcept : text_(std::move(other.text_)), size_(std::exchange(other.size_, 0)) {}
    secret& operator=(const secret& other) {
        secret copy(other);
        swap(copy);
        return *this;
    }
    secret& operator=(secret&& other) noexcept {
        secret taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~secret() {
        if (size_ != 0) explicit_bzero(text_.get(), size_);
    }

    /// The text, valid while this object lives and is not assigned to.
    [[nodiscard]] std::string_view reveal() const noexcept { return {text_.get(), size_}; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    /// Takes the same time whatever the texts are, but for their lengths.
    [[nodiscard]] friend bool operator==(const secret& left, const secret& right) noexcept {
        if (left.size_ != right.size_) return false;
        volatile unsigned char difference = 0;
        for (std::size_t i = 0; i < left.size_; ++i) {
            difference = static_cast<unsigned char>(
                difference | (static_cast<unsigned char>(left.text_[i]) ^ static_cast<unsigned char>(right.text_[i])));
        }
        return difference == 0;
    }

    template <class Char, class Traits>
    friend std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>&, const secret&) = delete;

private:
    void swap(secret& other) noexcept {
        std::swap(text_, other.text_);
        std::swap(size_, other.size_);
    }

    std::unique_ptr<char[]> text_;
    std::size_t size_ = 0;
};

}  // namespace lido

/// Prints "[secret]".
template <>
struct fmt::formatter<lido::secret> {
    static constexpr const char* parse(const fmt::format_parse_context& context) { return context.begin(); }
    template <class Context>
    auto format(const lido::secret&, Context& context) const {
        constexpr std::string_view shown = "[secret]";
        auto out = context.out();
        for (const char character : shown) *out++ = character;
        return out;
    }
};

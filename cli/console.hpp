// Lido: standard error, with a live line on a terminal.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace lido::cli {

/// Standard error while something runs: lines, and on a terminal below them one line that changes. Thread-safe.
class console {
public:
    console();
    console(const console&) = delete;
    console& operator=(const console&) = delete;
    ~console();

    /// Is there a terminal that can rewrite a line? Not if TERM is "dumb".
    [[nodiscard]] bool can_rewrite() const noexcept { return can_rewrite_; }
    /// Not if NO_COLOR is set to anything (https://no-color.org).
    [[nodiscard]] bool has_colour() const noexcept { return has_colour_; }
    /// Columns of the terminal; 80 when that cannot be known.
    [[nodiscard]] std::size_t width() const noexcept;

    /// A line that stays.
    void line(std::string_view text);
    /// The live line. It must fit; the caller asks `width()`. Nothing happens without a terminal.
    void live(std::string_view text);
    /// Takes the live line away.
    void end_live();

private:
    bool can_rewrite_;
    bool has_colour_;
    std::mutex mutex_;
    std::string live_;
};

/// How many columns the UTF-8 text takes on a terminal, by the C library's table: a character of East Asia takes two,
/// an accent none. Where there is no such table each character takes one.
[[nodiscard]] std::size_t columns_of(std::string_view text) noexcept;

}  // namespace lido::cli

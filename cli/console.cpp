#include "console.hpp"

#include "output.hpp"

#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

namespace lido::cli {
namespace {

bool is_set(const char* variable) noexcept {
    const char* const value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets variables here
    return value != nullptr && *value != '\0';
}

bool terminal_can_rewrite() noexcept {
    const char* const kind = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): as above
    return isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

constexpr std::string_view clear_line = "\r\x1b[K";

/// Nothing can be said about a standard error that cannot be written to.
void put(std::string_view text) noexcept {
    static_cast<void>(write_all(STDERR_FILENO, text));
}

}  // namespace

console::console() : can_rewrite_(terminal_can_rewrite()), has_colour_(can_rewrite_ && !is_set("NO_COLOR")) {}

console::~console() {
    end_live();
}

std::size_t console::width() const noexcept {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

void console::line(std::string_view text) {
    const std::lock_guard lock(mutex_);
    std::string out;
    if (!live_.empty()) out += clear_line;
    out.append(text).append("\n").append(live_);
    put(out);
}

void console::live(std::string_view text) {
    if (!can_rewrite_) return;
    const std::lock_guard lock(mutex_);
    if (live_ == text) return;
    live_ = text;
    put(std::string(clear_line) + live_);
}

void console::end_live() {
    const std::lock_guard lock(mutex_);
    if (live_.empty()) return;
    live_.clear();
    put(clear_line);
}

std::size_t columns_of(std::string_view text) noexcept {
    std::size_t columns = 0;
    for (const char c : text) {
        // The bytes after the first of a character begin with the bits 10.
        if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++columns;
    }
    return columns;
}

}  // namespace lido::cli

#include "console.hpp"

#include "output.hpp"

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <cwchar>

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

std::size_t characters_of(std::string_view text) noexcept {
    // The bytes after the first of a character begin with the bits 10.
    const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins));
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
    const bool is_ascii =
        std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (is_ascii || unicode == nullptr) return characters_of(text);
    const locale_t before = uselocale(unicode);
    std::size_t columns = 0;
    mbstate_t state{};
    while (!text.empty()) {
        wchar_t character = 0;
        const std::size_t size = mbrtowc(&character, text.data(), text.size(), &state);
        const bool is_one = size > 0 && size <= text.size();
        const int width = is_one ? wcwidth(character) : 1;
        columns += width < 0 ? 1 : static_cast<std::size_t>(width);
        text.remove_prefix(is_one ? size : 1);
        if (!is_one) state = {};
    }
    uselocale(before);
    return columns;
}

}  // namespace lido::cli

// Any bytes as a Cache-Control: what is read stays within its limits, and reading more never allows more.
#include "http/cache_control.hpp"

#include "lido/base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

using namespace lido::http;
using std::chrono::seconds;

void check_range(const std::optional<seconds>& number) {
    LIDO_ASSERT(!number || (*number >= seconds(0) && *number <= longest_delta));
}

/// Is what has become of `before` at least as strict?
void check_stricter(const std::optional<seconds>& before, const std::optional<seconds>& after) {
    LIDO_ASSERT(!before || (after && *after <= *before));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    cache_directives whole;
    read_cache_control(text, whole);
    for (const auto& number :
         {whole.max_age, whole.min_fresh, whole.max_stale, whole.stale_if_error, whole.stale_while_revalidate}) {
        check_range(number);
    }
    // In two lines, the first of them twice.
    const std::string_view first = text.substr(0, text.find('\n'));
    cache_directives lines;
    read_cache_control(first, lines);
    const cache_directives once = lines;
    read_cache_control(text.substr(first.size()), lines);
    const cache_directives both = lines;
    read_cache_control(first, lines);
    LIDO_ASSERT(lines == both);
    LIDO_ASSERT(both.no_store >= once.no_store && both.no_cache >= once.no_cache);
    LIDO_ASSERT(both.must_revalidate >= once.must_revalidate && both.is_private >= once.is_private);
    check_stricter(once.max_age, both.max_age);
    check_stricter(once.max_stale, both.max_stale);
    check_stricter(once.stale_if_error, both.stale_if_error);
    check_stricter(once.stale_while_revalidate, both.stale_while_revalidate);
    LIDO_ASSERT(!once.min_fresh || *both.min_fresh >= *once.min_fresh);
    return 0;
}

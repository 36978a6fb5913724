#include "http/content_decoder.hpp"

#include "http/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

namespace lido::http {
namespace {

/// What is decoded into before it is put together: pieces, so that no bound on memory is passed twofold.
constexpr std::size_t piece_size = std::size_t{256} * 1024;

constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();

error too_fruitless(std::uint64_t bound) {
    return {errc::limit_exceeded,
            fmt::format("response content has more than max_fruitless_bytes = {} that come to nothing", bound),
            "raise decoding_settings::max_fruitless_bytes if the server is right to send that"};
}

error out_of_range(std::string_view field, std::uint64_t value, std::string_view range) {
    return {errc::invalid_argument, fmt::format("decoding setting {} = {} is out of range {}", field, value, range),
            fmt::format("choose {} within {}", field, range)};
}

}  // namespace

result<void> decoding_settings::validate() const {
    if (max_codings < 1 || max_codings > 5) return out_of_range("max_codings", max_codings, "1 ... 5");
    if (max_bytes < 1 || max_bytes > most) return out_of_range("max_bytes", max_bytes, "1 ... 2^63 - 1");
    if (max_ratio < 2 || max_ratio > 1'000'000) return out_of_range("max_ratio", max_ratio, "2 ... 1000000");
    if (ratio_free_bytes > most) return out_of_range("ratio_free_bytes", ratio_free_bytes, "0 ... 2^63 - 1");
    if (max_fruitless_bytes < 1 || max_fruitless_bytes > most) {
        return out_of_range("max_fruitless_bytes", max_fruitless_bytes, "1 ... 2^63 - 1");
    }
    return {};
}

result<std::optional<content_decoder>> content_decoder::make(field_range headers, const decoding_settings& bounds) {
    std::optional<content_decoder> made;
    bool known = true;
    std::size_t count = 0;
    for (const field& each : headers) {
        if (!same_name(each.name, "Content-Encoding")) continue;
        for_each_element(each.value, [&](std::string_view coding) {
            if (coding.empty() || same_name(coding, "identity")) return;
            if (++count > bounds.max_codings) return;
            stage added;
            added.coding = make_decompressor(coding);
            known = known && added.coding != nullptr;
            if (!made) made = content_decoder(bounds);
            made->stages_.push_back(std::move(added));
        });
    }
    if (count > bounds.max_codings) {
        return error(errc::limit_exceeded,
                     fmt::format("response content has more codings than max_codings = {}", bounds.max_codings),
                     "raise decoding_settings::max_codings if the server is right to do that");
    }
    if (!made || !known) return std::optional<content_decoder>();
    // The coding that was applied last is named last, and undone first.
    std::reverse(made->stages_.begin(), made->stages_.end());
    for (std::size_t i = 0; i + 1 < made->stages_.size(); ++i) {
        made->stages_[i].produced = std::make_unique<std::array<char, 16 * 1024>>();
    }
    return made;
}

/// Runs the coding of that number, and those before it as far as it needs input from them.
result<std::size_t> content_decoder::run(std::size_t number, std::string_view& input, std::span<char> space) {
    stage& mine = stages_[number];
    std::string_view& from = number == 0 ? input : stages_[number - 1].pending;
    std::size_t filled = 0;
    while (filled < space.size()) {
        const result<decompressor::progress> step = mine.coding->decode(from, space.subspan(filled));
        if (!step) return step.error();
        from.remove_prefix(step->consumed);
        filled += step->produced;
        mine.taken += step->consumed;
        mine.given += step->produced;
        if (auto within = check_bounds(mine); !within) return std::move(within).error();
        if (step->produced != 0 || step->consumed != 0) continue;
        if (number == 0) break;
        stage& before = stages_[number - 1];
        const result<std::size_t> more = run(number - 1, input, *before.produced);
        if (!more) return more.error();
        if (*more == 0) break;
        before.pending = {before.produced->data(), *more};
    }
    return filled;
}

/// For each coding, not only the last: what one gives to the next is work too, and may be a thousand times what came.
result<void> content_decoder::check_bounds(const stage& of) const {
    if (of.given > bounds_.max_bytes) {
        return error(errc::limit_exceeded,
                     fmt::format("response content expands to more than max_bytes = {}", bounds_.max_bytes),
                     "raise decoding_settings::max_bytes if the server is right to send that much");
    }
    if (of.given > bounds_.ratio_free_bytes && of.given / bounds_.max_ratio > stages_.front().taken) {
        return error(errc::limit_exceeded,
                     fmt::format("response content expands to more than max_ratio = {} times", bounds_.max_ratio),
                     "raise decoding_settings::max_ratio if the server is right to send that");
    }
    // Both are far below 2^58: they were read, or written, byte by byte.
    if (of.taken > fruitful_bytes * of.given && of.taken - fruitful_bytes * of.given > bounds_.max_fruitless_bytes) {
        return too_fruitless(bounds_.max_fruitless_bytes);
    }
    return {};
}

result<content_decoder::progress> content_decoder::decode(std::string_view input, std::span<char> space) {
    std::string_view left = input;
    const result<std::size_t> filled = run(stages_.size() - 1, left, space);
    if (!filled) return filled.error();
    return progress{input.size() - left.size(), *filled};
}

result<void> content_decoder::finish() const {
    if (stages_.front().taken == 0) return {};
    for (const stage& each : stages_) {
        if (!each.coding->is_complete() || !each.pending.empty()) {
            return error(errc::protocol_error, "response content ends before its coding does");
        }
    }
    return {};
}

bool wants_decoding(const request& what, const decoding_settings& settings) noexcept {
    return settings.enabled && !what.header("Accept-Encoding") && !what.header("Range");
}

result<response> decoded(response came, const decoding_settings& bounds) {
    if (came.body().empty() || !came.header("Content-Encoding")) return came;
    auto made = content_decoder::make(came.headers(), bounds);
    if (!made) return std::move(made).error();
    if (!*made) return came;
    content_decoder& decoder = **made;
    std::vector<std::string> pieces;
    std::size_t size = 0;
    std::string_view input = came.body();
    while (true) {
        // The first piece suits most responses.
        std::string& piece =
            pieces.emplace_back(std::min(piece_size, std::max<std::size_t>(8 * input.size(), 1024)), '\0');
        auto step = decoder.decode(input, piece);
        if (!step) return std::move(step).error();
        input.remove_prefix(step->consumed);
        const bool full = step->produced == piece.size();
        piece.resize(step->produced);
        size += step->produced;
        if (!full) break;
    }
    if (auto complete = decoder.finish(); !complete) return std::move(complete).error();
    std::string whole;
    if (pieces.size() == 1) {
        whole = std::move(pieces.front());
    } else {
        whole.reserve(size);
        for (std::string& each : pieces) {
            whole += each;
            each = std::string();
        }
    }
    came.set_decoded(std::move(whole));
    return came;
}

}  // namespace lido::http

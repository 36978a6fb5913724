// Lido: bodies for tests of what is streamed.
#pragma once

#include "lido/base/sleep.hpp"
#include "lido/http/body_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace lido::test {

/// Text in which each place can be told from all others.
[[nodiscard]] inline std::string numbered_text(std::size_t bytes) {
    std::string text;
    for (std::size_t i = 0; text.size() < bytes; ++i) text += fmt::format("{:010}\n", i);
    text.resize(bytes);
    return text;
}

/// What a source did.
struct source_watch {
    std::atomic<std::size_t> reads{0};
    std::atomic<std::size_t> rewinds{0};
};

struct source_shape {
    bool sized = true;
    bool rewinds = false;
    std::size_t piece = 1000;
    std::size_t lies_by = 0;   ///< added to the size that is announced
    std::size_t short_by = 0;  ///< taken from it
    std::size_t fails_at = static_cast<std::size_t>(-1);
    duration pause{0};  ///< before each piece
};

[[nodiscard]] inline task<result<std::size_t>> give(std::shared_ptr<const std::string> text,
                                                    std::shared_ptr<std::size_t> at, source_shape shape,
                                                    source_watch* watch, std::span<char> space) {
    watch->reads.fetch_add(1);
    // A source that is slow: nothing else is waited for.
    if (shape.pause > duration::zero()) co_await sleep_until(scheduler::current()->now() + shape.pause);
    if (*at >= shape.fails_at) co_return error(errc::check_failed, "the disk is gone");
    const std::size_t size = std::min({space.size(), shape.piece, text->size() - *at});
    std::copy_n(text->data() + *at, size, space.data());
    *at += size;
    co_return size;
}

[[nodiscard]] inline std::shared_ptr<http::body_source> source_of(std::string text, source_shape shape,
                                                                  source_watch& watch) {
    std::optional<std::uint64_t> size;
    if (shape.sized) size = text.size() + shape.lies_by - shape.short_by;
    auto content = std::make_shared<const std::string>(std::move(text));
    auto at = std::make_shared<std::size_t>(0);
    const auto read = [content, at, shape, &watch](std::span<char> space) {
        return give(content, at, shape, &watch, space);
    };
    if (!shape.rewinds) return http::body_from(read, size);
    return http::body_from(read, size, [at, &watch]() -> result<void> {
        *at = 0;
        watch.rewinds.fetch_add(1);
        return {};
    });
}

}  // namespace lido::test

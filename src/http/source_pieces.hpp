// Lido: the body of a request as its source gives it, piece by piece.
#pragma once

#include "http/source_reading.hpp"
#include "lido/base/result.hpp"
#include "lido/http/body_source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace lido::http {

/// Asks a body source for one piece after the other, and sees that it keeps its word about its size: the last piece of
/// a sized source is kept back until the source has said that it was the last, so that a body that breaks its word
/// never looks complete to a server. Belongs to one scheduler; destroying it gives up the read that runs.
class source_pieces {
public:
    struct piece {
        std::size_t size = 0;  ///< 0 only with `last`
        bool last = false;
    };

    explicit source_pieces(std::shared_ptr<body_source> from);

    /// Before the first `ask`. Errors: those of `body_source::begin`.
    [[nodiscard]] result<void> begin() { return source_->begin(); }
    /// Asks for the next piece into `space`, which must stay until it was taken; it may be there at once. Not while one
    /// is asked for, nor after the last.
    void ask(std::span<char> space);
    [[nodiscard]] bool has_answer() const noexcept { return asked_.has_ended(); }
    /// What the source has answered; nothing: it is asked whether that was all. Errors: what the source says,
    /// `invalid_argument` when it gives more or fewer bytes than it said.
    [[nodiscard]] result<std::optional<piece>> take();
    /// For those who wait for the answer and for something else.
    [[nodiscard]] source_reading& reading() noexcept { return asked_; }

private:
    [[nodiscard]] result<std::optional<piece>> look_for_more();

    const std::shared_ptr<body_source> source_;
    const std::optional<std::uint64_t> size_;
    std::uint64_t left_;    // announced bytes that it has not given
    std::size_t room_ = 0;  // for the piece that it was asked for
    std::size_t held_ = 0;  // the size of the last piece
    bool probing_ = false;  // asked whether there is more
    char probe_ = 0;
    source_reading asked_;  // destroyed before what it reads into
};

/// The body of a request by a source: its own, or one that gives what is in memory, which must stay meanwhile. Null:
/// there is none.
[[nodiscard]] std::shared_ptr<body_source> source_of_body(const class request& what);

}  // namespace lido::http

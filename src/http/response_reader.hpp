// Lido: reads one HTTP/1.1 response after another from bytes.
#pragma once

#include "http/head_parser.hpp"
#include "lido/base/error.hpp"
#include "lido/http/limits.hpp"
#include "lido/http/method.hpp"
#include "lido/http/response.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lido::http {

enum class read_state : std::uint8_t {
    need_more,  ///< give it more bytes, or tell it that there are none
    complete,   ///< the response is there: `take()` it
    failed,     ///< `error()` says why; the connection cannot be used any more
};

/// How the peer's bytes ended.
enum class stream_end : std::uint8_t {
    orderly,    ///< TCP FIN; over TLS with close_notify
    truncated,  ///< reset, or a TLS stream cut without close_notify: an attacker may have cut it
};

/// Reads the response to one request from whatever pieces the network delivers, strictly (RFC 9112), with bounds. No
/// I/O, no clock; one object per connection, `reset` before each request.
///
/// What the peer sends never decides how much work or memory a byte costs: a line is looked at once, when its end is
/// there, and every size is bounded by `http_limits`. The outcome does not depend on how the bytes were split.
///
/// Refused as `protocol_error`: versions but HTTP/1.0 and 1.1; line ends but CRLF; folded fields; white space before a
/// colon; names that are no tokens; control characters; Content-Length together with Transfer-Encoding; lengths that
/// differ, are no number or overflow (repeated identical ones are one, RFC 9110 §8.6); a transfer coding but "chunked",
/// or any in HTTP/1.0; malformed chunks; framing fields as trailers; 101 unless expected. No error has a field's value
/// in it. Not thread-safe.
class response_reader {
public:
    struct feed_result {
        read_state state;
        /// How many bytes belonged to this response. All of them while more is needed; fewer than given once it is
        /// complete mean that the peer sent something unasked (or, after 101 or CONNECT, the other protocol's first
        /// bytes). Without meaning when failed.
        std::size_t consumed;
    };

    /// Prepares for the response to a request of that method; forgets everything before. `limits` must stay alive and
    /// unchanged until the next `reset`. `expect_upgrade`: 101 is a final response instead of an error.
    void reset(const method& request_method, const http_limits& limits, bool expect_upgrade = false);

    /// Takes in bytes. After `complete` or `failed` it takes none. Cost: for a head that is there as a whole, one pass
    /// and two allocations.
    feed_result feed(std::string_view data);

    /// Memory for up to `wanted` bytes of the body, into which they may be received directly; say how many came by
    /// `commit_body`. Empty when the next byte is not sure to be part of the body: then use `feed`. Valid until the
    /// next call of a non-const member.
    [[nodiscard]] std::span<char> body_space(std::size_t wanted);

    /// The first `received` bytes of the last `body_space` are there.
    read_state commit_body(std::size_t received);

    /// The peer will send nothing more. Completes a body that is delimited by the end of an orderly connection;
    /// anything else unfinished fails with `connection_closed`.
    read_state finish_at_eof(stream_end how);

    [[nodiscard]] read_state state() const noexcept { return state_; }

    /// Has the peer sent a byte of a response, interim ones included? Until then a request on a reused connection may
    /// be sent again (RFC 9112 §9.3.1).
    [[nodiscard]] bool started() const noexcept { return started_; }

    /// Is the head of the final response there? `status()` is meaningful from then on.
    [[nodiscard]] bool head_complete() const noexcept { return phase_ > phase::head; }
    [[nodiscard]] unsigned status() const noexcept { return head_.status(); }

    /// The bytes of body still to come, where Content-Length tells: for deciding between draining and closing.
    [[nodiscard]] std::optional<std::uint64_t> remaining_body() const noexcept;

    /// Why it failed; only then.
    [[nodiscard]] const lido::error& error() const noexcept { return *error_; }

    /// For those who read the body while it comes: bytes of it that are there and were not taken yet.
    [[nodiscard]] bool has_body() const noexcept { return taken_bytes_ < inline_body_size_ + body_.size(); }
    /// Moves up to `space.size()` of them to its front; says how many.
    [[nodiscard]] std::size_t take_body(std::span<char> space) noexcept;
    /// How many of the bytes that the peer sends next are sure to be body: they may be received elsewhere, and then
    /// have to be told by `pass_body`.
    [[nodiscard]] std::uint64_t body_ahead() const noexcept;
    read_state pass_body(std::size_t received);
    /// The response without its body, of which nothing need be there yet; once `head_complete()`. A copy.
    [[nodiscard]] response head() const;

    /// Has the peer said 100 (Continue)?
    [[nodiscard]] bool was_told_to_continue() const noexcept { return told_to_continue_; }

    /// The response, once, when complete. What is said about the connection (`keep_alive` …) stays until `reset`.
    [[nodiscard]] response take();

    /// May the connection carry another request (RFC 9112 §9.3)? True only for a complete response whose end was
    /// certain, with nothing behind it, and without "close" (in HTTP/1.0: with "Connection: keep-alive"), however a
    /// parser may read that.
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

    /// "Keep-Alive: timeout=5": how long the server will keep the idle connection; at most a day.
    [[nodiscard]] std::optional<std::chrono::seconds> keep_alive_timeout() const noexcept;

    /// "Keep-Alive: max=100": how many more requests the server will take on this connection.
    [[nodiscard]] std::optional<std::uint32_t> keep_alive_max() const noexcept { return head_.facts().keep_alive_max; }

    /// Interim responses (1xx) skipped since `reset`.
    [[nodiscard]] std::size_t interim_responses() const noexcept { return interim_; }

private:
    /// What the next byte is part of, in the order in which a response has them.
    enum class phase : std::uint8_t {
        head,
        sized_body,
        body_until_close,
        chunk_line,
        chunk_data,
        chunk_end,
        trailers,
        done,
    };

    std::size_t read_some(std::string_view data);
    std::size_t read_head(std::string_view data);
    std::size_t read_body(std::string_view data);
    std::size_t read_until_close(std::string_view data);
    std::size_t read_chunk_line(std::string_view data);
    std::size_t read_chunk_end(std::string_view data);
    std::size_t read_trailers(std::string_view data);

    head_parser::outcome parse_kept(std::string_view data, std::size_t& consumed);
    std::size_t end_of_head(std::string_view data, std::size_t head_size);
    void skip_interim_response();
    void begin_body();
    void reserve_body();
    [[nodiscard]] response::parts head_parts() const;
    void begin_chunk(std::string_view line);
    void refuse_long_chunk_line();
    void end_of_piece();
    void pass(std::size_t received);
    void drop_space() noexcept;
    void finish() noexcept;
    void fail(lido::error why);
    [[nodiscard]] bool has_no_body() const noexcept;
    [[nodiscard]] bool end_is_certain() const noexcept;
    [[nodiscard]] std::string describe_early_end() const;

    const http_limits* limits_ = nullptr;
    head_parser head_;
    phase phase_ = phase::head;
    read_state state_ = read_state::need_more;
    bool to_head_ = false;
    bool to_connect_ = false;
    bool expect_upgrade_ = false;
    bool started_ = false;
    bool keep_alive_ = false;
    bool taken_ = false;
    bool told_to_continue_ = false;
    bool line_feed_next_ = false;  // of a chunk's end only the carriage return is there
    std::size_t interim_ = 0;
    std::uint64_t remaining_ = 0;  // bytes of a sized body or of a chunk still to come
    std::size_t extension_bytes_ = 0;
    std::size_t space_ = 0;  // bytes at the end of `body_` that are lent out for receiving
    std::string text_;       // the head so far, then the whole head; behind it a small body or trailers
    std::string line_;       // the beginning of a chunk line
    std::string body_;
    std::size_t taken_bytes_ = 0;  // of the body, by `take_body`
    std::uint32_t inline_body_ = 0;
    std::uint32_t inline_body_size_ = 0;
    std::uint32_t header_count_ = 0;
    std::optional<lido::error> error_;
};

}  // namespace lido::http

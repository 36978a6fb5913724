// Frames that cost work and bring nothing, and what a session does about too many of them.
#include "http/http2_session.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

namespace lido::http {
namespace {

/// A head has so many CONTINUATION frames at most beside those that it needs when all are full (CVE-2024-27983).
constexpr std::size_t spare_continuations = 8;
constexpr std::size_t smallest_max_frame = 16 * 1024;

}  // namespace

bool http2_session::take_spare_frame() noexcept {
    if (spare_frames_ == 0) return false;
    --spare_frames_;
    return true;
}

/// Looks at each frame before its content: those that cost work and bring nothing draw on a budget (CVE-2019-9511 to
/// 9518, CVE-2023-44487, CVE-2024-28182).
void http2_session::judge_frame(std::uint8_t type, std::uint8_t flags, std::size_t size, std::int32_t stream,
                                bool& too_many) {
    bool useless = false;
    std::int32_t by = 0;
    switch (type) {
        case NGHTTP2_DATA:
            by = stream;
            useless = size == 0 && (flags & NGHTTP2_FLAG_END_STREAM) == 0;
            break;
        case NGHTTP2_HEADERS:
            continuations_ = 0;
            head_of_ = stream;
            useless = stream_of(stream) == nullptr && !take_spare_frame();
            break;
        case NGHTTP2_CONTINUATION:
            if (++continuations_ <= spare_continuations + limits_.max_head_bytes / smallest_max_frame) break;
            too_many = true;
            return stop_pieces();
        case NGHTTP2_RST_STREAM:
            useless = stream_of(stream) == nullptr && !take_spare_frame();
            break;
        case NGHTTP2_SETTINGS:
            useless = (flags & NGHTTP2_FLAG_ACK) == 0 || settings_acks_expected_ == 0;
            if (!useless) --settings_acks_expected_;
            break;
        case NGHTTP2_PING:
            useless = (flags & NGHTTP2_FLAG_ACK) == 0 || pong_until_ == never;
            break;
        case NGHTTP2_WINDOW_UPDATE:
            useless = !take_spare_frame();
            break;
        default:
            useless = true;
            break;
    }
    if (!useless || control_frames_.take(now_)) return;
    too_many = true;
    stop_flood(error(errc::limit_exceeded, "the server floods the connection with control frames",
                     "raise http2_settings::max_control_frames_per_second if the server is right to do that"),
               by);
}

/// The peer sends more than is good for the connection. `by`: the stream whose response is too much, if it is one; for
/// the others it is a connection that broke, and says nothing of their responses.
void http2_session::stop_flood(const error& why, std::int32_t by) {
    if (http2_stream* const guilty = stream_of(by)) fail_stream(*guilty, why);
    error broken(errc::connection_closed, fmt::format("the HTTP/2 connection was given up: {}", why.what()),
                 why.remedy());
    fail(std::move(broken).with_cause(why), NGHTTP2_ENHANCE_YOUR_CALM);
}

void http2_session::stop_pieces() {
    stop_flood(error(errc::limit_exceeded, "the server sends a head in too many pieces",
                     "raise http_limits::max_head_bytes if the server is right to do that"),
               head_of_);
}

}  // namespace lido::http

#include "http/decompressor.hpp"

#include "http/grammar.hpp"
#include "lido/http/headers.hpp"

#include <brotli/decode.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <new>

namespace lido::http {
namespace {

error damaged(std::string_view coding, std::string_view why) {
    return {errc::protocol_error, fmt::format("response content is no valid {}: {}", coding, why)};
}

constexpr int window_bits = 15;
constexpr int gzip_framing = 16;

/// gzip (RFC 1952), and deflate in either of its meanings.
class zlib_decompressor final : public decompressor {
public:
    enum class format : std::uint8_t { gzip, deflate };

    explicit zlib_decompressor(format which) : format_(which) {}
    ~zlib_decompressor() override {
        if (begun_) inflateEnd(&stream_);
    }

    [[nodiscard]] result<progress> decode(std::string_view input, std::span<char> space) override {
        if (input.empty() && !within_) return progress{};
        if (!within_) {
            if (auto begun = begin(input.front()); !begun) return std::move(begun).error();
        }
        constexpr std::size_t most = std::numeric_limits<uInt>::max();
        const auto given = static_cast<uInt>(std::min(input.size(), most));
        const auto room = static_cast<uInt>(std::min(space.size(), most));
        // zlib does not write to what it reads, but its interface is older than const.
        stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));  // NOLINT
        stream_.avail_in = given;
        stream_.next_out = reinterpret_cast<Bytef*>(space.data());  // NOLINT
        stream_.avail_out = room;
        const int status = inflate(&stream_, Z_NO_FLUSH);
        if (status == Z_STREAM_END) {
            within_ = false;
            ended_ = true;
        } else if (status == Z_MEM_ERROR) {
            throw std::bad_alloc();
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            return damaged(name(), stream_.msg != nullptr ? stream_.msg : "it asks for a dictionary");
        }
        return progress{given - stream_.avail_in, room - stream_.avail_out};
    }
    [[nodiscard]] bool is_complete() const noexcept override { return !within_; }

private:
    [[nodiscard]] std::string_view name() const noexcept { return format_ == format::gzip ? "gzip" : "deflate"; }

    /// A member begins, the first one or (gzip only) a further one.
    [[nodiscard]] result<void> begin(char first) {
        constexpr unsigned char gzip_magic = 0x1F;
        const auto byte = static_cast<unsigned char>(first);
        if (ended_ && (format_ == format::deflate || byte != gzip_magic)) {
            return damaged(name(), "something follows its end");
        }
        within_ = true;
        if (begun_) {
            inflateReset(&stream_);
            return {};
        }
        // "deflate" means the zlib format, but some servers send bare deflate; the first byte tells them apart.
        constexpr unsigned char method_mask = 0x0F;
        constexpr unsigned char deflate_method = 8;
        int bits = window_bits + gzip_framing;
        if (format_ == format::deflate) bits = (byte & method_mask) == deflate_method ? window_bits : -window_bits;
        if (inflateInit2(&stream_, bits) != Z_OK) throw std::bad_alloc();
        begun_ = true;
        return {};
    }

    const format format_;
    z_stream stream_{};
    bool begun_ = false;
    bool within_ = false;  // a member
    bool ended_ = false;   // a member has
};

class brotli_decompressor final : public decompressor {
public:
    brotli_decompressor() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
        if (state_ == nullptr) throw std::bad_alloc();
    }
    ~brotli_decompressor() override { BrotliDecoderDestroyInstance(state_); }

    [[nodiscard]] result<progress> decode(std::string_view input, std::span<char> space) override {
        if (ended_) {
            if (!input.empty()) return damaged("br", "something follows its end");
            return progress{};
        }
        std::size_t left = input.size();
        std::size_t room = space.size();
        const auto* in = reinterpret_cast<const std::uint8_t*>(input.data());  // NOLINT
        auto* out = reinterpret_cast<std::uint8_t*>(space.data());             // NOLINT
        const auto status = BrotliDecoderDecompressStream(state_, &left, &in, &room, &out, nullptr);
        begun_ = begun_ || left != input.size();
        if (status == BROTLI_DECODER_RESULT_ERROR) {
            return damaged("br", BrotliDecoderErrorString(BrotliDecoderGetErrorCode(state_)));
        }
        ended_ = status == BROTLI_DECODER_RESULT_SUCCESS;
        return progress{input.size() - left, space.size() - room};
    }
    [[nodiscard]] bool is_complete() const noexcept override { return ended_ || !begun_; }

private:
    BrotliDecoderState* state_;
    bool begun_ = false;
    bool ended_ = false;
};

class zstd_decompressor final : public decompressor {
public:
    zstd_decompressor() : state_(ZSTD_createDCtx()) {
        if (state_ == nullptr) throw std::bad_alloc();
        // RFC 9659: at most 8 MiB in HTTP.
        constexpr int largest_window = 23;
        ZSTD_DCtx_setParameter(state_, ZSTD_d_windowLogMax, largest_window);
    }
    ~zstd_decompressor() override { ZSTD_freeDCtx(state_); }

    [[nodiscard]] result<progress> decode(std::string_view input, std::span<char> space) override {
        // At the end of a frame a call without input would begin the next one; within one it counts as a mistake unless
        // there is something left to be given.
        if (input.empty() && (!within_ || !was_full_)) return progress{};
        ZSTD_inBuffer in{input.data(), input.size(), 0};
        ZSTD_outBuffer out{space.data(), space.size(), 0};
        const std::size_t status = ZSTD_decompressStream(state_, &out, &in);
        if (ZSTD_isError(status) != 0) return damaged("zstd", ZSTD_getErrorName(status));
        within_ = status != 0;
        was_full_ = out.pos == out.size;
        return progress{in.pos, out.pos};
    }
    [[nodiscard]] bool is_complete() const noexcept override { return !within_; }

private:
    ZSTD_DCtx* state_;
    bool within_ = false;    // a frame
    bool was_full_ = false;  // the space, the last time
};

}  // namespace

std::unique_ptr<decompressor> make_decompressor(std::string_view coding) {
    using format = zlib_decompressor::format;
    if (same_name(coding, "gzip") || same_name(coding, "x-gzip")) {
        return std::make_unique<zlib_decompressor>(format::gzip);
    }
    if (same_name(coding, "deflate")) return std::make_unique<zlib_decompressor>(format::deflate);
    if (same_name(coding, "br")) return std::make_unique<brotli_decompressor>();
    if (same_name(coding, "zstd")) return std::make_unique<zstd_decompressor>();
    return nullptr;
}

}  // namespace lido::http

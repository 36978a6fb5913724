#include "support/content_codings.hpp"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

namespace lido::test {
namespace {

/// Something that compresses piece by piece.
struct compressor {
    virtual ~compressor() = default;
    virtual void add(std::string_view text, bool last, std::string& out) = 0;
};

struct deflate_compressor final : compressor {
    explicit deflate_compressor(int window_bits) {
        if (deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
            throw std::runtime_error("deflateInit2");
        }
    }
    ~deflate_compressor() override { deflateEnd(&stream); }
    void add(std::string_view text, bool last, std::string& out) override {
        std::array<char, 65536> space;
        stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));  // NOLINT
        stream.avail_in = static_cast<uInt>(text.size());
        do {
            stream.next_out = reinterpret_cast<Bytef*>(space.data());  // NOLINT
            stream.avail_out = static_cast<uInt>(space.size());
            deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
            out.append(space.data(), space.size() - stream.avail_out);
        } while (stream.avail_out == 0);
    }
    z_stream stream{};
};

struct brotli_compressor final : compressor {
    brotli_compressor() : state(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
        BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, 1);
    }
    ~brotli_compressor() override { BrotliEncoderDestroyInstance(state); }
    void add(std::string_view text, bool last, std::string& out) override {
        std::array<std::uint8_t, 65536> space;
        const auto* in = reinterpret_cast<const std::uint8_t*>(text.data());  // NOLINT
        std::size_t left = text.size();
        do {
            std::uint8_t* to = space.data();
            std::size_t room = space.size();
            if (BrotliEncoderCompressStream(state, last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS, &left,
                                            &in, &room, &to, nullptr) == BROTLI_FALSE) {
                throw std::runtime_error("BrotliEncoderCompressStream");
            }
            out.append(reinterpret_cast<const char*>(space.data()), space.size() - room);  // NOLINT
        } while (left != 0 || BrotliEncoderHasMoreOutput(state) != BROTLI_FALSE ||
                 (last && BrotliEncoderIsFinished(state) == BROTLI_FALSE));
    }
    BrotliEncoderState* state;
};

struct zstd_compressor final : compressor {
    zstd_compressor() : state(ZSTD_createCCtx()) {}
    ~zstd_compressor() override { ZSTD_freeCCtx(state); }
    void add(std::string_view text, bool last, std::string& out) override {
        std::array<char, 65536> space;
        ZSTD_inBuffer in{text.data(), text.size(), 0};
        std::size_t left = 0;
        do {
            ZSTD_outBuffer to{space.data(), space.size(), 0};
            left = ZSTD_compressStream2(state, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
            if (ZSTD_isError(left) != 0) throw std::runtime_error("ZSTD_compressStream2");
            out.append(space.data(), to.pos);
        } while (in.pos < in.size || (last && left != 0));
    }
    ZSTD_CCtx* state;
};

std::unique_ptr<compressor> make_compressor(std::string_view coding) {
    if (coding == "gzip") return std::make_unique<deflate_compressor>(15 + 16);
    if (coding == "deflate") return std::make_unique<deflate_compressor>(15);
    if (coding == "raw deflate") return std::make_unique<deflate_compressor>(-15);
    if (coding == "br") return std::make_unique<brotli_compressor>();
    if (coding == "zstd") return std::make_unique<zstd_compressor>();
    throw std::runtime_error("a coding that is not known");
}

}  // namespace

std::string compressed(std::string_view coding, std::string_view text) {
    std::string out;
    make_compressor(coding)->add(text, true, out);
    return out;
}

std::string compressed_zeros(std::string_view coding, std::size_t count) {
    const std::string zeros(std::size_t{1} << 20U, '\0');
    const auto by = make_compressor(coding);
    std::string out;
    for (std::size_t left = count; left != 0;) {
        const std::size_t size = std::min(left, zeros.size());
        left -= size;
        by->add(std::string_view(zeros).substr(0, size), left == 0, out);
    }
    return out;
}

}  // namespace lido::test

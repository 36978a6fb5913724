// Lido: the outfit shop behind the demo service.
#pragma once

#include "demo_server/request_reader.hpp"

#include <array>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace lido::cli::demo {

/// Outfits have the numbers 1 to this.
inline constexpr unsigned outfit_count = 24;

/// Answers requests as JSON, from memory:
///
///     GET  /outfits                  all of them
///     GET  /outfits/{id}             one, with its ratings
///     GET  /outfits/{id}/ratings     how many, and their average
///     POST /outfits/{id}/ratings     {"stars": 1 … 5} adds one
///     GET  /healthz
///
/// HEAD like GET. Not thread-safe. What does not change is written once, so that an answer costs little more than its
/// bytes: benchmarks run against this.
class shop {
public:
    shop();

    /// Appends the whole response to `out`. `closing` says so to the client.
    void answer(const incoming_request& request, bool closing, std::string& out);
    /// The response to a request that could not be read, or that is to fail.
    void refuse(int status, std::string_view reason, bool closing, std::string& out);

    [[nodiscard]] std::uint64_t requests() const noexcept { return requests_; }

private:
    struct outfit {
        std::string json;  ///< its fields, without the ratings
        std::uint64_t ratings = 0;
        std::uint64_t stars = 0;
    };
    struct reply {
        int status = 200;
        std::string_view body = {};
        std::string_view allow = {};  ///< the methods, for 405
    };

    [[nodiscard]] reply route(const incoming_request& request);
    [[nodiscard]] reply one_outfit(const incoming_request& request, outfit& which);
    [[nodiscard]] reply ratings(const incoming_request& request, outfit& which);
    [[nodiscard]] reply problem(int status, std::string_view reason, std::string_view allow = {});
    void write(const reply& what, bool head_only, bool closing, std::string& out);
    [[nodiscard]] std::string_view date();

    std::array<outfit, outfit_count> outfits_;
    std::string list_;
    std::string scratch_;
    std::uint64_t requests_ = 0;
    std::time_t date_at_ = 0;
    std::string date_;
};

}  // namespace lido::cli::demo

#include "demo_server/shop.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <optional>

namespace lido::cli::demo {
namespace {

constexpr std::array<std::string_view, 6> kinds{"linen suit",  "rain coat",      "evening dress",
                                                "wool jumper", "beach trousers", "travel set"};
constexpr std::array<std::string_view, 4> colours{"sand", "navy", "olive", "white"};

std::string_view phrase_of(int status) noexcept {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 413:
            return "Content Too Large";
        case 431:
            return "Request Header Fields Too Large";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "";
    }
}

bool reads(std::string_view method) noexcept {
    return method == "GET" || method == "HEAD";
}

/// The number at the front of `text`, which loses it; 0 when there is none.
unsigned take_number(std::string_view& text) noexcept {
    unsigned value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc()) return 0;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// The stars in {"stars": 4}.
std::optional<std::uint64_t> stars_in(std::string_view body) {
    boost::json::error_code failed;
    const boost::json::value parsed = boost::json::parse(body, failed);
    if (failed || !parsed.is_object()) return std::nullopt;
    const boost::json::value* const stars = parsed.get_object().if_contains("stars");
    if (stars == nullptr || !stars->is_int64()) return std::nullopt;
    const std::int64_t number = stars->get_int64();
    if (number < 1 || number > 5) return std::nullopt;
    return static_cast<std::uint64_t>(number);
}

void append_ratings(std::uint64_t ratings, std::uint64_t stars, std::string& out) {
    const double average = ratings == 0 ? 0.0 : static_cast<double>(stars) / static_cast<double>(ratings);
    fmt::format_to(std::back_inserter(out), R"("ratings":{},"average":{:.2f}}})", ratings, average);
}

}  // namespace

shop::shop() {
    list_ = R"({"outfits":[)";
    for (unsigned i = 0; i < outfit_count; ++i) {
        const std::string_view colour = colours[i % colours.size()];
        const std::string_view kind = kinds[i % kinds.size()];
        outfits_[i].json = fmt::format(R"("id":{},"name":"{} {}","size":{},"price":{})", i + 1, colour, kind,
                                       34 + i % 8 * 2, 29 + i * 7);
        list_ += fmt::format("{}{{{}}}", i == 0 ? "" : ",", outfits_[i].json);
    }
    list_ += "]}";
}

void shop::answer(const incoming_request& request, bool closing, std::string& out) {
    ++requests_;
    write(route(request), request.method == "HEAD", closing, out);
}

void shop::refuse(int status, std::string_view reason, bool closing, std::string& out) {
    ++requests_;
    write(problem(status, reason), false, closing, out);
}

shop::reply shop::route(const incoming_request& request) {
    std::string_view path = request.path;
    if (path == "/healthz") {
        return reads(request.method) ? reply{200, R"({"status":"good"})"} : problem(405, "use GET", "GET, HEAD");
    }
    constexpr std::string_view top = "/outfits";
    if (path.substr(0, top.size()) != top) return problem(404, "there is nothing here; try /outfits");
    path.remove_prefix(top.size());
    if (path.empty()) return reads(request.method) ? reply{200, list_} : problem(405, "use GET", "GET, HEAD");
    if (path.front() != '/') return problem(404, "there is nothing here; try /outfits");
    path.remove_prefix(1);
    const unsigned id = take_number(path);
    if (id < 1 || id > outfit_count) return problem(404, "there is no such outfit; /outfits lists them");
    outfit& which = outfits_[id - 1];
    if (path.empty()) return one_outfit(request, which);
    if (path == "/ratings") return ratings(request, which);
    return problem(404, "there is nothing here; try /outfits");
}

shop::reply shop::one_outfit(const incoming_request& request, outfit& which) {
    if (!reads(request.method)) return problem(405, "use GET", "GET, HEAD");
    scratch_.assign("{").append(which.json).append(",");
    append_ratings(which.ratings, which.stars, scratch_);
    return {200, scratch_};
}

shop::reply shop::ratings(const incoming_request& request, outfit& which) {
    if (request.method != "POST" && !reads(request.method)) return problem(405, "use POST", "GET, HEAD, POST");
    const bool adds = request.method == "POST";
    if (adds) {
        const std::optional<std::uint64_t> stars = stars_in(request.body);
        if (!stars) return problem(400, "send a rating such as {'stars': 4}, from 1 to 5");
        ++which.ratings;
        which.stars += *stars;
    }
    scratch_.assign("{");
    append_ratings(which.ratings, which.stars, scratch_);
    return {adds ? 201 : 200, scratch_};
}

shop::reply shop::problem(int status, std::string_view reason, std::string_view allow) {
    scratch_ = fmt::format(R"({{"error":"{}"}})", reason);
    return {status, scratch_, allow};
}

void shop::write(const reply& what, bool head_only, bool closing, std::string& out) {
    fmt::format_to(std::back_inserter(out),
                   "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
                   what.status, phrase_of(what.status), date(), what.body.size());
    if (!what.allow.empty()) out.append("Allow: ").append(what.allow).append("\r\n");
    if (closing) out.append("Connection: close\r\n");
    out.append("\r\n");
    if (!head_only) out.append(what.body);
}

std::string_view shop::date() {
    const std::time_t now = std::time(nullptr);
    if (now == date_at_) return date_;
    date_at_ = now;
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    // The command never calls setlocale, so the names are the English ones that HTTP wants.
    const std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    date_.assign(text.data(), size);
    return date_;
}

}  // namespace lido::cli::demo

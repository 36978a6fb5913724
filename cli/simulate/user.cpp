#include "simulate/user.hpp"

#include "demo_server/shop.hpp"

#include <fmt/format.h>

namespace lido::cli::simulate {

http::request url_request(const options& asked) {
    return asked.request.to(asked.url->target, "application/octet-stream");
}

script::script(const options& asked)
    : on_demo_service_(!asked.url),
      first_(asked.url ? url_request(asked) : http::request(http::method::get, "/outfits")) {}

http::request script::action(std::size_t index, random_source& random, unsigned& outfit) const {
    switch (index) {
        case 0:
            return first_;
        case 1:
            outfit = 1 + static_cast<unsigned>(random.below(demo::outfit_count));
            return {http::method::get, fmt::format("/outfits/{}", outfit)};
        default:
            return http::request(http::method::post, fmt::format("/outfits/{}/ratings", outfit))
                .body(fmt::format(R"({{"stars":{}}})", 1 + random.below(5)), "application/json");
    }
}

std::string script::name_of_action(std::size_t index, unsigned outfit) const {
    switch (index) {
        case 0: {
            const std::string& target = first_.target();
            return fmt::format("{} {}", first_.method().text(), target.substr(0, target.find('?')));
        }
        case 1:
            return fmt::format("GET /outfits/{}", outfit);
        default:
            return fmt::format("POST /outfits/{}/ratings", outfit);
    }
}

duration drawn_think_time(duration average, random_source& random) noexcept {
    return average / 2 + random.up_to(average);
}

}  // namespace lido::cli::simulate

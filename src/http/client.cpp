#include "lido/http/client.hpp"

#include "http/client_implementation.hpp"
#include "lido/net/runtime.hpp"

#include <vector>

namespace lido::http {
namespace {

/// The process-wide client with its runtime, in the order in which they have to end.
struct default_client {
    runtime io;
    client shared{io, client_settings{}};
};

}  // namespace

client::client(scheduler_group& group, client_settings settings) {
    settings.validate().value();
    self_ = std::make_shared<implementation>(group, std::move(settings));
    enter_living(self_);
}

client::~client() {
    self_->shut_down();
}

operation<response> client::get(std::string_view target) {
    return send(request(method::get, std::string(target)));
}

operation<response> client::post(std::string_view target, std::string body, std::string_view content_type) {
    return send(request(method::post, std::string(target)).body(std::move(body), content_type));
}

operation<response> client::send(request what) {
    return {self_->group(), implementation::run(self_, std::move(what))};
}

operation<response_stream> client::open(request what) {
    return {self_->group(), implementation::open(self_, std::move(what))};
}

operation<std::size_t> client::warm_up(std::size_t count) {
    return {self_->group(), implementation::warm_up(self_, count)};
}

operation<std::size_t> client::close(duration timeout) {
    return {self_->group(), implementation::close(self_, timeout)};
}

client_statistics client::statistics() const {
    return self_->statistics();
}

const client_settings& client::settings() const noexcept {
    return self_->settings();
}

client& client::process_default() {
    static default_client only;
    return only.shared;
}

void client::close_all(duration timeout) {
    const std::vector<std::shared_ptr<closable>> living = all_living();
    // All begin at once, so that the time-out counts once.
    for (const auto& each : living) each->close_for_all(timeout).start([](const result<std::size_t>&) {});
    for (const auto& each : living) static_cast<void>(each->close_for_all(timeout).wait());
}

}  // namespace lido::http

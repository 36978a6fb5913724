#include "lido/http/client.hpp"

#include "http/client_implementation.hpp"
#include "lido/net/runtime.hpp"

#include <algorithm>
#include <mutex>

namespace lido::http {
namespace {

/// The clients that live, for `close_all`.
struct registry {
    std::mutex mutex;
    std::vector<std::weak_ptr<client::implementation>> clients;
};

registry& all_clients() {
    static registry only;
    return only;
}

void enter(const std::shared_ptr<client::implementation>& made) {
    registry& all = all_clients();
    const std::lock_guard held(all.mutex);
    std::erase_if(all.clients, [](const auto& each) { return each.expired(); });
    all.clients.push_back(made);
}

/// The process-wide client with its runtime, in the order in which they have to end.
struct default_client {
    runtime io;
    client shared{io, client_settings{}};
};

}  // namespace

client::client(scheduler_group& group, client_settings settings) {
    settings.validate().value();
    self_ = std::make_shared<implementation>(group, std::move(settings));
    enter(self_);
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
    std::vector<std::shared_ptr<implementation>> living;
    {
        registry& all = all_clients();
        const std::lock_guard held(all.mutex);
        for (const auto& each : all.clients) {
            if (auto one = each.lock()) living.push_back(std::move(one));
        }
    }
    // All begin at once, so that the time-out counts once.
    for (const auto& each : living) {
        operation<std::size_t>(each->group(), implementation::close(each, timeout))
            .start([](const result<std::size_t>&) {});
    }
    for (const auto& each : living) {
        static_cast<void>(operation<std::size_t>(each->group(), implementation::close(each, timeout)).wait());
    }
}

}  // namespace lido::http

#include "support/recording_peer.hpp"

#include "support/http2_frames.hpp"
#include "support/test_sockets.hpp"

#include <algorithm>
#include <array>

#include <netinet/in.h>
#include <poll.h>

namespace lido::test {
namespace {

/// How many bytes the request of HTTP/1.1 at the front has; 0 when it is not whole.
std::size_t size_of_request(std::string_view text) {
    const std::size_t head = text.find("\r\n\r\n");
    if (head == std::string_view::npos) return 0;
    if (text.substr(0, head).find("\r\nTransfer-Encoding: chunked") != std::string_view::npos) {
        const std::size_t last = text.find("\r\n0\r\n", head);
        const std::size_t end = last == std::string_view::npos ? last : text.find("\r\n\r\n", last + 3);
        return end == std::string_view::npos ? 0 : end + 4;
    }
    const std::size_t field = text.substr(0, head).find("\r\nContent-Length: ");
    const std::size_t body = field == std::string_view::npos ? 0 : std::stoul(std::string(text.substr(field + 18, 20)));
    return text.size() < head + 4 + body ? 0 : head + 4 + body;
}

}  // namespace

recording_peer::recording_peer(answering answer) : answer_(std::move(answer)) {
    net::unique_descriptor listener(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const net::address where = *net::address::from_literal("127.0.0.1", 0);
    checked_call(bind(listener.get(), where.data(), where.size()), "bind");
    checked_call(listen(listener.get(), 100), "listen");
    port_ = net::address::local_of(listener.get()).port();
    thread_ = std::thread([this, taken = std::move(listener)] { run(taken); });
}

recording_peer::~recording_peer() {
    ends_ = true;
    thread_.join();
}

std::vector<std::string> recording_peer::heard() const {
    const std::lock_guard held(mutex_);
    return heard_;
}

/// False when it has ended.
bool recording_peer::serve(connection& on) {
    std::array<char, 65536> space;
    const ssize_t got = recv(on.descriptor.get(), space.data(), space.size(), 0);
    if (got <= 0) return false;
    const std::string_view came(space.data(), static_cast<std::size_t>(got));
    {
        const std::lock_guard held(mutex_);
        heard_[on.number] += came;
    }
    on.unanswered += came;
    while (true) {
        const std::string said = answer_(on.unanswered, on.step);
        if (said.empty()) return true;
        ++on.step;
        if (send(on.descriptor.get(), said.data(), said.size(), MSG_NOSIGNAL) < 0) return false;
    }
}

void recording_peer::run(const net::unique_descriptor& listener) {
    std::vector<connection> connections;
    std::vector<pollfd> watched;
    while (!ends_) {
        watched.assign(1, {listener.get(), POLLIN, 0});
        for (const connection& each : connections) watched.push_back({each.descriptor.get(), POLLIN, 0});
        if (poll(watched.data(), watched.size(), 20) <= 0) continue;
        for (std::size_t i = connections.size(); i-- > 0;) {
            if (watched[i + 1].revents == 0 || serve(connections[i])) continue;
            connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i));
        }
        if (watched[0].revents == 0) continue;
        const std::lock_guard held(mutex_);
        connections.push_back(
            {net::unique_descriptor(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)), heard_.size()});
        heard_.emplace_back();
    }
}

std::string recording_peer::as_http1(std::string& unanswered, std::size_t) {
    const std::size_t size = size_of_request(unanswered);
    if (size == 0) return {};
    unanswered.erase(0, size);
    return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
}

std::string recording_peer::as_http2(std::string& unanswered, std::size_t step) {
    if (step == 0) {
        if (unanswered.size() < h2::preface.size()) return {};
        unanswered.erase(0, h2::preface.size());
        return h2::frame(h2::settings, 0, 0) + h2::frame(h2::settings, h2::ack, 0);
    }
    const std::vector<h2::seen_frame> frames = h2::read_frames(unanswered);
    std::string said;
    for (const h2::seen_frame& each : frames) {
        unanswered.erase(0, 9 + each.payload.size());
        const bool asks = each.type == h2::headers || each.type == h2::data;
        if (asks && (each.flags & h2::end_stream) != 0) {
            said += h2::frame(h2::headers, h2::end_headers | h2::end_stream, each.stream, "\x88");  // :status 200
        }
        if (each.type == h2::ping && (each.flags & h2::ack) == 0) said += h2::frame(h2::ping, h2::ack, 0, each.payload);
    }
    return said;
}

std::string recording_peer::as_tunnel(std::string& unanswered, std::size_t step) {
    if (step > 0) return as_http1(unanswered, step);
    return as_http1(unanswered, step).empty() ? std::string() : "HTTP/1.1 200 OK\r\n\r\n";
}

std::string recording_peer::as_socks5(std::string& unanswered, std::size_t step) {
    const auto at = [&](std::size_t i) {
        return i < unanswered.size() ? static_cast<std::size_t>(static_cast<unsigned char>(unanswered[i])) : 0;
    };
    constexpr std::size_t by_name = 3;
    std::size_t needed = 0;
    std::string said;
    switch (step) {
        case 0:
            needed = 2 + at(1);
            said = "\x05\x02";
            break;
        case 1:
            needed = 3 + at(1) + at(2 + at(1));
            said = std::string("\x01\x00", 2);
            break;
        case 2:
            needed = at(3) == by_name ? 7 + at(4) : 10;
            said = std::string("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50", 10);
            break;
        default:
            return as_http1(unanswered, step);
    }
    if (unanswered.size() < std::max<std::size_t>(needed, 2)) return {};
    unanswered.erase(0, needed);
    return said;
}

}  // namespace lido::test

// A tiny HTTP server for the examples to talk to: a shop that answers every request with a line of text.
#pragma once

#include <lido/net/listener.hpp>
#include <lido/net/runtime.hpp>

#include <array>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

/// Runs on an I/O thread of the runtime until it is destroyed.
class shop_server {
public:
    explicit shop_server(lido::runtime& io) : io_(io) { io_.run(open(*this)); }
    shop_server(const shop_server&) = delete;
    shop_server& operator=(const shop_server&) = delete;
    ~shop_server() {
        stop_.request_stop();
        // Comes behind the ends of all tasks of this server: they run on this same thread.
        lido::block_on(io_.at(0), shut(*this));
    }

    /// "http://127.0.0.1:40000".
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    static lido::task<void> open(shop_server& self) {
        auto& loop = static_cast<lido::net::event_loop&>(self.io_.at(0));
        self.listener_ = lido::net::listener::open(loop, {"127.0.0.1", 0}).value();
        self.port_ = self.listener_->port();
        self.io_.spawn(accept_all(self), 0, self.stop_.get_token());
        co_return;
    }
    static lido::task<void> shut(shop_server& self) {
        self.listener_.reset();
        co_return;
    }

    static lido::task<void> accept_all(shop_server& self) {
        while (true) {
            auto accepted = co_await self.listener_->accept();
            if (!accepted) co_return;
            self.io_.spawn(serve(std::move(*accepted)), 0, self.stop_.get_token());
        }
    }

    /// One connection: reads a head, skips a body, answers, and so on until the client hangs up.
    static lido::task<void> serve(std::unique_ptr<lido::net::socket> with) {
        using lido::net::io_status;
        std::string in;
        std::array<char, 4096> space{};
        while (true) {
            const lido::net::io_result got = with->receive(space);
            if (got.status == io_status::done) {
                in.append(space.data(), got.bytes);
                for (std::string out = answer_next(in); !out.empty(); out = answer_next(in)) {
                    // A few bytes on a connection whose client reads: they fit into the kernel's buffer.
                    static_cast<void>(with->send(out));
                }
            } else if (got.status == io_status::want_read) {
                const bool ready = co_await with->readiness(io_status::want_read, lido::never);
                if (!ready) co_return;
            } else {
                co_return;
            }
        }
    }

    /// Takes a complete request off `in`; empty when there is none.
    static std::string answer_next(std::string& in) {
        const std::size_t head = in.find("\r\n\r\n");
        if (head == std::string::npos) return {};
        std::size_t body = 0;
        constexpr std::string_view length = "\r\nContent-Length: ";
        const std::size_t field = in.find(length);
        if (field < head) body = std::stoul(in.substr(field + length.size()));
        if (in.size() < head + 4 + body) return {};
        const std::string what = in.substr(0, in.find(" HTTP/"));
        in.erase(0, head + 4 + body);
        const bool busy = what == "GET /busy";
        const std::string page = busy ? "come back later\n" : "you asked for " + what + "\n";
        return "HTTP/1.1 " + std::string(busy ? "503 Service Unavailable" : "200 OK") +
               "\r\nContent-Length: " + std::to_string(page.size()) + "\r\n\r\n" + page;
    }

    lido::runtime& io_;
    std::unique_ptr<lido::net::listener> listener_;
    std::uint16_t port_ = 0;
    std::stop_source stop_;
};

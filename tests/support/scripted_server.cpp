#include "support/scripted_server.hpp"

#include "support/free_port.hpp"
#include "support/test_sockets.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>

namespace lido::test {
namespace {

constexpr std::string_view end_of_head = "\r\n\r\n";

/// The value of a header field; names are compared as they stand, for the client writes them so.
std::string field_of(std::string_view head, std::string_view name) {
    std::string start = "\r\n";
    start.append(name).append(": ");
    const std::size_t at = head.find(start);
    if (at == std::string_view::npos) return {};
    const std::size_t begin = at + start.size();
    return std::string(head.substr(begin, head.find("\r\n", begin) - begin));
}

/// A body in chunks at the front of `text`.
struct chunked_body {
    std::string content;
    std::string trailers;  ///< their lines
    std::size_t size = 0;  ///< with its framing
};

/// Nothing while the end has not come. The client's framing is taken at its word, but for its line ends.
std::optional<chunked_body> read_chunks(std::string_view text) {
    chunked_body read;
    while (true) {
        const std::size_t line_end = text.find("\r\n", read.size);
        if (line_end == std::string_view::npos) return std::nullopt;
        const std::size_t size = std::stoul(std::string(text.substr(read.size, line_end - read.size)), nullptr, 16);
        if (text.size() < line_end + 2 + size + 2) return std::nullopt;
        if (size == 0) {
            const std::size_t end = text.find("\r\n\r\n", line_end);
            if (end == std::string_view::npos) return std::nullopt;
            read.trailers = text.substr(line_end + 2, end - line_end);
            read.size = end + 4;
            return read;
        }
        if (text.substr(line_end + 2 + size, 2) != "\r\n") throw std::runtime_error("a chunk does not end as it says");
        read.content += text.substr(line_end + 2, size);
        read.size = line_end + 2 + size + 2;
    }
}

void reset_on_close(int descriptor) {
    const linger option{1, 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, sizeof option);
}

/// A connection of the server.
struct client_connection {
    net::unique_descriptor descriptor;
    std::size_t number = 0;
    std::size_t requests = 0;
    std::string in;
    std::string out;
    afterwards then = afterwards::keep;
    bool answering = false;  ///< `out`, or the time for it, has not come to its end
    bool stalled = false;
    bool ended = false;
    bool head_seen = false;  ///< of the request that is coming, `on_head` was asked
    bool fed_up = false;     ///< answered before the body, which is not read
    std::chrono::milliseconds per_byte{0};
    time_point next_byte = time_point::min();
    std::string unasked;
    time_point unasked_at = never;
    std::string unasked_next;
    std::chrono::milliseconds unasked_after{0};
};

}  // namespace

std::string response_text(std::string_view body, int status, std::string_view more_headers) {
    std::string text = "HTTP/1.1 " + std::to_string(status) + (status == 200 ? " OK" : " Other") + "\r\n";
    text.append(more_headers);
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    return text.append(body);
}

server_script echo_script() {
    return {.on_request = [](const arrival& what) {
        return reaction{.bytes = response_text(what.nonce.empty() ? what.target : what.nonce)};
    }};
}

class scripted_server::implementation {
public:
    implementation(server_script script, std::string host, std::uint16_t port)
        : script_(std::move(script)), host_(std::move(host)), port_(port) {
        if (port_ != 0) start_listening();
        for (int attempt = 0; port == 0 && attempt < 100 && !listening_.valid(); ++attempt) {
            port_ = free_port();
            start_listening();
        }
        if (!listening_.valid()) throw std::runtime_error("the scripted server found no port");
        wake_ = net::unique_descriptor(checked_call(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"));
        thread_ = std::thread([this] { run(); });
    }

    ~implementation() {
        {
            const std::lock_guard held(mutex_);
            stopping_ = true;
        }
        wake();
        thread_.join();
    }

    void go_down() {
        std::unique_lock held(mutex_);
        listening_.reset();
        for (const auto& each : connections_) reset_on_close(each->descriptor.get());
        connections_.clear();
        emptied_ = true;
        wake();
        // As long as the thread waits for them, the sockets are closed in name only.
        changed_.wait(held, [this] { return !emptied_; });
    }

    void come_back() {
        const std::lock_guard held(mutex_);
        start_listening();
        if (!listening_.valid()) throw std::runtime_error("the scripted server's port was taken");
        wake();
    }

    void behave(server_script script) {
        const std::lock_guard held(mutex_);
        script_ = std::move(script);
        wake();
    }

    template <class Function>
    auto read(Function&& function) const {
        const std::lock_guard held(mutex_);
        return function();
    }

    bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
        const auto until = std::chrono::steady_clock::now() + patience;
        while (!condition()) {
            std::unique_lock held(mutex_);
            if (std::chrono::steady_clock::now() >= until) return false;
            // What is waited for may be the client's doing, of which the server hears nothing: so it is asked again.
            changed_.wait_for(held, std::chrono::milliseconds(10));
        }
        return true;
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    std::size_t accepted_ = 0;
    std::size_t peak_ = 0;
    std::size_t request_count_ = 0;
    std::map<std::string, std::size_t> nonces_;
    std::vector<time_point> times_;
    std::vector<std::unique_ptr<client_connection>> connections_;

private:
    void start_listening() {
        net::unique_descriptor bound = bind_to(port_, host_);
        if (!bound.valid() || listen(bound.get(), 4096) != 0) return;
        fcntl(bound.get(), F_SETFL, O_NONBLOCK);
        listening_ = std::move(bound);
    }

    void wake() const {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
    }

    void run() {
        std::vector<pollfd> watched;
        std::unique_lock held(mutex_);
        while (!stopping_) {
            watched.clear();
            watched.push_back({wake_.get(), POLLIN, 0});
            const bool takes = listening_.valid() && script_.accepts;
            watched.push_back({takes ? listening_.get() : -1, POLLIN, 0});
            for (const auto& each : connections_) watched.push_back({each->descriptor.get(), wanted(*each), 0});
            const int patience = until_next_time();
            held.unlock();
            poll(watched.data(), watched.size(), patience);
            held.lock();
            std::uint64_t ignored = 0;
            while (::read(wake_.get(), &ignored, sizeof ignored) > 0) {
            }
            const bool known = !std::exchange(emptied_, false);  // after `go_down` nothing stands where it stood
            for (std::size_t i = 0; i < connections_.size(); ++i) {
                serve(*connections_[i], known ? watched[i + 2].revents : static_cast<short>(POLLIN));
            }
            // A client that closes one connection and opens another has one: so all ends are looked for before
            // counting.
            if (listening_.valid() && script_.accepts && accept_all()) {
                for (const auto& each : connections_) serve(*each, POLLIN);
            }
            std::erase_if(connections_, [](const auto& each) { return each->ended; });
            peak_ = std::max(peak_, connections_.size());
            changed_.notify_all();
        }
    }

    static short wanted(const client_connection& of) {
        // The end of a client is noticed in any case, for it is counted.
        short events = of.fed_up ? POLLRDHUP : POLLIN;
        if (!of.out.empty() && of.next_byte <= clock::now()) events |= POLLOUT;
        return events;
    }

    [[nodiscard]] int until_next_time() const {
        const time_point now = clock::now();
        time_point next = never;
        for (const auto& each : connections_) {
            if (each->answering && each->next_byte > now) next = std::min(next, each->next_byte);
            next = std::min(next, each->unasked_at);
        }
        if (next == never) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
        return static_cast<int>(std::clamp<long>(left, 0, 60'000));
    }

    /// True when there was one.
    bool accept_all() {
        for (bool any = false;; any = true) {
            net::unique_descriptor taken(accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!taken.valid()) return any;
            const int yes = 1;
            setsockopt(taken.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            auto made = std::make_unique<client_connection>();
            made->descriptor = std::move(taken);
            made->number = ++accepted_;
            if (script_.on_connection) begin(*made, script_.on_connection(made->number));
            connections_.push_back(std::move(made));
        }
    }

    void begin(client_connection& on, reaction what) {
        if (what.cut_at < what.bytes.size()) what.bytes.resize(what.cut_at);
        on.out = std::move(what.bytes);
        on.then = what.then;
        on.per_byte = what.per_byte;
        on.answering = !on.out.empty() || on.then != afterwards::keep || what.delay.count() > 0;
        on.next_byte = what.delay.count() > 0 ? clock::now() + what.delay : time_point::min();
        on.unasked_next = std::move(what.unasked);
        on.unasked_after = what.unasked_after;
        if (!on.answering) after_answer(on);
    }

    void serve(client_connection& on, short events) {
        if (on.fed_up) {
            if ((events & (POLLRDHUP | POLLHUP | POLLERR)) != 0) on.ended = true;
        } else if (events != 0) {
            read_all(on);
        }
        if (on.stalled) on.in.clear();
        while (!on.ended && !on.stalled) {
            if (!write_out(on)) return;
            send_unasked(on);
            if (on.ended || !next_request(on)) return;
        }
    }

    void read_all(client_connection& on) const {
        std::array<char, 65536> space;
        while (true) {
            const auto got = recv(on.descriptor.get(), space.data(), space.size(), MSG_DONTWAIT);
            if (got > 0) {
                on.in.append(space.data(), static_cast<std::size_t>(got));
                if (script_.answer_before_body || script_.on_head) return;  // the body stays where it is
                continue;
            }
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) on.ended = true;
            return;
        }
    }

    /// True when nothing is left to be sent.
    static bool write_out(client_connection& on) {
        while (on.answering) {
            if (on.next_byte > clock::now()) return false;
            if (on.out.empty()) {
                finish_answer(on);
                continue;
            }
            const std::size_t most = on.per_byte.count() > 0 ? 1 : on.out.size();
            const auto sent = send(on.descriptor.get(), on.out.data(), most, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0) {
                if (errno != EAGAIN && errno != EINTR) on.ended = true;
                return false;
            }
            on.out.erase(0, static_cast<std::size_t>(sent));
            if (on.per_byte.count() > 0) on.next_byte = clock::now() + on.per_byte;
        }
        return !on.ended && !on.stalled;
    }

    static void finish_answer(client_connection& on) {
        on.answering = false;
        switch (on.then) {
            case afterwards::keep:
                return after_answer(on);
            case afterwards::fin:
                on.ended = true;
                return;
            case afterwards::rst:
                reset_on_close(on.descriptor.get());
                on.ended = true;
                return;
            case afterwards::stall:
                on.stalled = true;
                return;
        }
    }

    static void after_answer(client_connection& on) {
        on.unasked = std::exchange(on.unasked_next, {});
        on.unasked_at = on.unasked.empty() ? never : clock::now() + on.unasked_after;
    }

    static void send_unasked(client_connection& on) {
        if (on.unasked_at > clock::now()) return;
        on.unasked_at = never;
        const auto sent = send(on.descriptor.get(), on.unasked.data(), on.unasked.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) on.ended = true;
    }

    /// Takes a request off what was read; false when none is complete.
    bool next_request(client_connection& on) {
        const std::size_t head_size = on.in.find(end_of_head);
        if (head_size == std::string::npos) return false;
        arrival what;
        what.head = on.in.substr(0, head_size + end_of_head.size());
        const std::size_t method_end = what.head.find(' ');
        what.method = what.head.substr(0, method_end);
        what.target = what.head.substr(method_end + 1, what.head.find(' ', method_end + 1) - method_end - 1);
        what.nonce = field_of(what.head, "X-Nonce");
        what.connection = on.number;
        what.on_connection = on.requests + 1;
        what.number = request_count_ + 1;
        if (script_.on_head && !std::exchange(on.head_seen, true)) {
            reaction early = script_.on_head(what);
            const bool goes_on = early.then == afterwards::keep && early.bytes.starts_with("HTTP/1.1 1");
            if (goes_on) {
                on.out = std::move(early.bytes);
                on.answering = true;
                return true;
            }
            if (!early.bytes.empty() || early.then != afterwards::keep) {
                count(what, on);
                on.fed_up = true;
                begin(on, std::move(early));
                return true;
            }
        }
        const std::string length = field_of(what.head, "Content-Length");
        const std::size_t body_size = length.empty() ? 0 : std::stoul(length);
        std::size_t whole = what.head.size() + (script_.answer_before_body ? 0 : body_size);
        if (field_of(what.head, "Transfer-Encoding") == "chunked") {
            auto body = read_chunks(std::string_view(on.in).substr(what.head.size()));
            if (!body) return false;
            what.body = std::move(body->content);
            what.trailers = std::move(body->trailers);
            whole = what.head.size() + body->size;
        } else {
            if (on.in.size() < whole) return false;
            what.body = on.in.substr(what.head.size(), whole - what.head.size());
        }
        on.in.erase(0, whole);
        on.head_seen = false;
        count(what, on);
        if (script_.answer_before_body && body_size > 0) on.fed_up = true;
        begin(on, script_.on_request(what));
        return true;
    }

    void count(const arrival& what, client_connection& on) {
        ++on.requests;
        ++request_count_;
        if (!what.nonce.empty()) ++nonces_[what.nonce];
        times_.push_back(clock::now());
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    server_script script_;
    const std::string host_;
    std::uint16_t port_ = 0;
    net::unique_descriptor listening_;
    net::unique_descriptor wake_;
    bool stopping_ = false;
    bool emptied_ = false;
    std::thread thread_;
};

scripted_server::scripted_server(server_script script) : scripted_server(std::move(script), "127.0.0.1", 0) {}
scripted_server::scripted_server(server_script script, std::string host, std::uint16_t port)
    : self_(std::make_unique<implementation>(std::move(script), std::move(host), port)) {}
scripted_server::~scripted_server() = default;

std::uint16_t scripted_server::port() const noexcept {
    return self_->port();
}
std::string scripted_server::url() const {
    return "http://127.0.0.1:" + std::to_string(port());
}
void scripted_server::go_down() {
    self_->go_down();
}
void scripted_server::come_back() {
    self_->come_back();
}
void scripted_server::behave(server_script script) {
    self_->behave(std::move(script));
}
std::size_t scripted_server::accepted() const {
    return self_->read([this] { return self_->accepted_; });
}
std::size_t scripted_server::connections() const {
    return self_->read([this] { return self_->connections_.size(); });
}
std::size_t scripted_server::peak() const {
    return self_->read([this] { return self_->peak_; });
}
std::size_t scripted_server::requests() const {
    return self_->read([this] { return self_->request_count_; });
}
std::map<std::string, std::size_t> scripted_server::nonces() const {
    return self_->read([this] { return self_->nonces_; });
}
std::vector<time_point> scripted_server::times() const {
    return self_->read([this] { return self_->times_; });
}
bool scripted_server::wait_until(const std::function<bool()>& condition, std::chrono::milliseconds patience) const {
    return self_->wait_until(condition, patience);
}

}  // namespace lido::test

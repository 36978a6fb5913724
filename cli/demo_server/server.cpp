#include "demo_server/server.hpp"

#include "command_error.hpp"
#include "lido/base/sleep.hpp"
#include "lido/net/listener.hpp"

#include <fmt/format.h>

#include <array>
#include <mutex>
#include <string_view>
#include <vector>

#include <sys/socket.h>

namespace lido::cli::demo {
namespace {

constexpr duration idle_timeout = std::chrono::minutes(5);
constexpr duration handshake_timeout = std::chrono::seconds(10);
constexpr duration close_timeout = std::chrono::seconds(1);

/// What a client has sent and nobody has read yet.
class input_buffer {
public:
    [[nodiscard]] std::string_view unread() const noexcept { return {bytes_.data() + begin_, end_ - begin_}; }
    void consume(std::size_t count) noexcept {
        begin_ += count;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    /// Room for at least one more byte.
    [[nodiscard]] std::span<char> space() {
        if (end_ == bytes_.size() && begin_ > 0) {
            std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_),
                      bytes_.begin() + static_cast<std::ptrdiff_t>(end_), bytes_.begin());
            end_ -= begin_;
            begin_ = 0;
        }
        if (end_ == bytes_.size()) bytes_.resize(bytes_.size() * 2);
        return std::span(bytes_).subspan(end_);
    }
    void add(std::size_t count) noexcept { end_ += count; }

private:
    std::vector<char> bytes_ = std::vector<char>(4096);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// What is done to one request.
struct mischief {
    duration delay = duration::zero();
    bool fail = false;
    bool close = false;
};

mischief dice(const server_options& options, random_source& random) noexcept {
    mischief drawn;
    drawn.delay = options.latency;
    if (options.slow_rate > 0.0 && random.unit() < options.slow_rate) drawn.delay = options.slow_time;
    drawn.fail = options.error_rate > 0.0 && random.unit() < options.error_rate;
    drawn.close = options.close_rate > 0.0 && random.unit() < options.close_rate;
    return drawn;
}

/// Sends all of `out` and empties it; false when the peer is gone.
task<bool> send_all(net::stream& peer, std::string& out) {
    std::string_view rest = out;
    while (!rest.empty()) {
        const net::io_result sent = peer.write_some(rest);
        if (sent.status == net::io_status::done) {
            rest.remove_prefix(sent.bytes);
            continue;
        }
        if (sent.status != net::io_status::want_read && sent.status != net::io_status::want_write) co_return false;
        auto ready = peer.readiness(sent.status, deadline_after(peer.loop().now(), idle_timeout));
        const bool in_time = co_await ready;
        if (!in_time) co_return false;
    }
    out.clear();
    co_return true;
}

/// Takes in what comes next; false when the peer is gone or silent for too long.
task<bool> receive_more(net::stream& peer, input_buffer& in) {
    const time_point deadline = deadline_after(peer.loop().now(), idle_timeout);
    net::io_status wanted = net::io_status::want_read;
    // Without TLS nothing can be there before the socket says so, and asking in vain costs a system call.
    bool wait_first = !peer.is_tls();
    while (true) {
        if (wait_first) {
            auto ready = peer.readiness(wanted, deadline);
            const bool in_time = co_await ready;
            if (!in_time) co_return false;
        }
        wait_first = true;
        const net::io_result got = peer.read_some(in.space());
        if (got.status == net::io_status::done) {
            in.add(got.bytes);
            co_return true;
        }
        if (got.status != net::io_status::want_read && got.status != net::io_status::want_write) co_return false;
        wanted = got.status;
    }
}

/// After a refused request: closing at once would throw away what the client is still sending, and the kernel would
/// answer that with a reset, which would take our answer back.
task<void> close_after_refusal(net::stream& peer) {
    shutdown(peer.descriptor(), SHUT_WR);
    const time_point deadline = deadline_after(peer.loop().now(), close_timeout);
    std::array<char, 4096> rest;  // NOLINT(cppcoreguidelines-pro-type-member-init): only written to
    for (std::size_t taken = 0; taken < max_body_bytes;) {
        const net::io_result got = peer.read_some(rest);
        taken += got.bytes;
        if (got.status == net::io_status::done) continue;
        if (got.status != net::io_status::want_read) co_return;
        auto ready = peer.readiness(got.status, deadline);
        const bool in_time = co_await ready;
        if (!in_time) co_return;
    }
}

}  // namespace

struct server::state {
    state(runtime& runs_on, watch& bell, server_options how)
        : io(runs_on), where(bell), options(std::move(how)), random(options.seed) {}

    runtime& io;
    watch& where;
    server_options options;
    std::shared_ptr<const net::tls_context> tls;
    // Below: the I/O thread's.
    shop answers;
    random_source random;
    live_count* running = nullptr;
    std::stop_token stop;

    // Shared with the main thread.
    std::mutex mutex;
    std::uint16_t port = 0;
    std::optional<error> failure;

    void announce(std::uint16_t listening_on) {
        const std::lock_guard lock(mutex);
        port = listening_on;
        where.ring();
    }
    void announce(error why) {
        const std::lock_guard lock(mutex);
        failure = std::move(why);
        where.ring();
    }
};

server::server(runtime& io, watch& where, server_options options)
    : state_(std::make_shared<state>(io, where, std::move(options))), running_(where) {
    if (!state_->options.certificate_file.empty()) {
        net::tls_server_settings settings;
        settings.certificate_file = state_->options.certificate_file;
        settings.key_file = state_->options.key_file;
        auto context = net::tls_context::server(settings);
        if (!context) throw command_error(exit_failed, in_words_of_options(context.error()));
        state_->tls = *std::move(context);
    }
    state_->running = &running_;
    state_->stop = stop_.get_token();
    io.spawn(listen(state_, running_.enter()), 0, stop_.get_token());
    while (true) {
        {
            const std::lock_guard lock(state_->mutex);
            if (state_->port != 0) return;
            if (state_->failure) break;
        }
        static_cast<void>(where.wait(never));
    }
    static_cast<void>(running_.wait_until_none(never));
    throw command_error(exit_failed, in_words_of_options(*state_->failure));
}

server::~server() {
    stop_.request_stop();
    static_cast<void>(running_.wait_until_none(never));
}

std::string server::url() const {
    const std::lock_guard lock(state_->mutex);
    return fmt::format("{}://127.0.0.1:{}", state_->tls ? "https" : "http", state_->port);
}

std::optional<error> server::failure() const {
    const std::lock_guard lock(state_->mutex);
    return state_->failure;
}

task<void> server::listen(std::shared_ptr<state> shared, live_count::token running) {
    const live_count::token alive = std::move(running);
    auto& loop = static_cast<net::event_loop&>(*scheduler::current());
    const net::listen_options options("127.0.0.1", shared->options.port);
    auto opened = net::listener::open(loop, options);
    if (!opened) {
        shared->announce(std::move(opened).error());
        co_return;
    }
    const std::unique_ptr<net::listener> entrance = *std::move(opened);
    shared->announce(entrance->port());
    while (true) {
        auto accepted = co_await entrance->accept();
        if (!accepted) {
            shared->announce(std::move(accepted).error());
            co_return;
        }
        auto conversation = serve(shared, *std::move(accepted), shared->running->enter());
        shared->io.spawn(std::move(conversation), loop.index(), shared->stop);
    }
}

task<void> server::serve(std::shared_ptr<state> shared, std::unique_ptr<net::socket> accepted,
                         live_count::token running) {
    const live_count::token alive = std::move(running);
    const time_point deadline = deadline_after(accepted->loop().now(), handshake_timeout);
    auto opened = co_await net::accept_stream(std::move(accepted), shared->tls, deadline);
    if (!opened) co_return;
    const std::unique_ptr<net::stream> peer = *std::move(opened);
    co_await converse(*shared, *peer);
}

task<void> server::converse(state& shared, net::stream& peer) {
    input_buffer in;
    std::string out;
    while (true) {
        const read_outcome next = read_request(in.unread());
        if (next.what == read_outcome::kind::need_more) {
            if (!out.empty()) {
                const bool sent = co_await send_all(peer, out);
                if (!sent) co_return;
            }
            const bool more = co_await receive_more(peer, in);
            if (!more) co_return;
            continue;
        }
        if (next.what == read_outcome::kind::refused) {
            shared.answers.refuse(next.status, next.reason, true, out);
            const bool sent = co_await send_all(peer, out);
            if (sent) co_await close_after_refusal(peer);
            co_return;
        }
        const mischief drawn = dice(shared.options, shared.random);
        if (drawn.delay > duration::zero()) {
            // Answers to earlier requests of the same batch do not wait for this one.
            const bool sent = co_await send_all(peer, out);
            if (!sent) co_return;
            sleep_until wait(deadline_after(peer.loop().now(), drawn.delay));
            co_await wait;
        }
        const bool closing = !next.request.keep_alive;
        if (drawn.fail) {
            shared.answers.refuse(503, "this failure was asked for", closing, out);
        } else {
            shared.answers.answer(next.request, closing, out);
        }
        in.consume(next.request.size);
        if (!closing && !drawn.close) continue;
        const bool sent = co_await send_all(peer, out);
        if (sent && closing) co_await peer.close(deadline_after(peer.loop().now(), close_timeout));
        co_return;
    }
}

}  // namespace lido::cli::demo

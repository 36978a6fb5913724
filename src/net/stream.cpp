#include "lido/net/stream.hpp"

#include "lido/base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lido::net {
namespace {

using connected_socket = result<std::unique_ptr<socket>>;

task<connected_socket> connect_below(event_loop& loop, const open_options& options) {
    if (!options.unix_path.empty()) {
        task<connected_socket> connecting = connect_unix(loop, options.unix_path, options.deadline);
        connected_socket connected = co_await std::move(connecting);
        co_return connected;
    }
    resolver& names = options.names != nullptr ? *options.names : default_resolver();
    task<result<std::vector<address>>> resolving = names.resolve(options.host, options.port, options.deadline);
    result<std::vector<address>> found = co_await std::move(resolving);
    if (!found) co_return std::move(found).error();
    const bool named = !address::from_literal(options.host, options.port).has_value();
    task<connected_socket> connecting = connect_tcp(loop, std::move(*found), options.deadline, options.connect);
    connected_socket connected = co_await std::move(connecting);
    if (!connected && named) {
        co_return std::move(connected).error().with_context(host_and_port(options.host, options.port));
    }
    co_return connected;
}

/// The server's handshake, and the stream that results.
task<result<std::unique_ptr<stream>>> secure(std::unique_ptr<socket> below, std::unique_ptr<tls_session> session,
                                             time_point deadline, std::string context) {
    task<result<void>> shaking = session->handshake(deadline);
    result<void> shaken = co_await std::move(shaking);
    if (!shaken) {
        session.reset();
        co_return std::move(shaken).error().with_context(context);
    }
    co_return std::make_unique<stream>(std::move(below), std::move(session));
}

}  // namespace

stream::stream(std::unique_ptr<socket> below, std::unique_ptr<tls_session> tls) noexcept
    : socket_(std::move(below)), tls_(std::move(tls)) {
    LIDO_ASSERT(socket_ != nullptr);
}

stream::~stream() {
    tls_.reset();
    while (!outer_.empty()) outer_.pop_back();
}

task<result<void>> stream::start_tls(std::shared_ptr<const tls_context> context, std::string host, time_point deadline,
                                     std::shared_ptr<tls_session_store> sessions) {
    auto made = tls_ != nullptr ? tls_session::client(std::move(context), *tls_, host, std::move(sessions))
                                : tls_session::client(std::move(context), *socket_, host, std::move(sessions));
    if (!made) co_return std::move(made).error();
    if (tls_ != nullptr) outer_.push_back(std::move(tls_));
    tls_ = std::move(*made);
    task<result<void>> shaking = tls_->handshake(deadline);
    result<void> shaken = co_await std::move(shaking);
    co_return shaken;
}

error stream::failure(const io_result& failed) const {
    if (tls_ != nullptr && failed.error == 0) return tls_->failure();
    return {errc::connection_closed, plain_reason(failed.error)};
}

bool stream::quiet_tls() noexcept {
    if (!tls_->has_pending() && socket_->quiet()) return true;
    return tls_->process_idle_records();
}

bool stream::healthy_after_disturbance() noexcept {
    return tls_ != nullptr && tls_->process_idle_records();
}

task<void> stream::close(time_point deadline) {
    io_result said{io_status::done, 0, 0};
    while (tls_ != nullptr) {
        said = tls_->shutdown_step();
        if (said.status != io_status::want_write) break;
        const bool ready = co_await socket_->readiness(io_status::want_write, deadline);
        if (!ready) break;
    }
    tls_.reset();
    while (!outer_.empty()) {
        static_cast<void>(outer_.back()->shutdown_step());  // a word to the proxy, if it goes out at once
        outer_.pop_back();
    }
    socket_.reset();
}

std::string_view stream::alpn() const noexcept {
    return tls_ != nullptr ? tls_->alpn() : std::string_view();
}

address stream::peer() const noexcept {
    return address::peer_of(socket_->descriptor());
}

task<result<std::unique_ptr<stream>>> open_stream(event_loop& loop, open_options options) {
    task<connected_socket> connecting = connect_below(loop, options);
    connected_socket connected = co_await std::move(connecting);
    if (!connected) co_return std::move(connected).error();
    auto opened = std::make_unique<stream>(std::move(*connected));
    if (options.tls == nullptr) co_return std::move(opened);
    const time_point deadline = std::min(options.deadline, deadline_after(loop.now(), options.handshake_timeout));
    task<result<void>> securing = opened->start_tls(options.tls, options.host, deadline, options.sessions);
    result<void> secured = co_await std::move(securing);
    if (!secured) {
        co_return std::move(secured).error().with_context(
            fmt::format("TLS handshake with {}", host_and_port(options.host, options.port)));
    }
    co_return std::move(opened);
}

task<result<std::unique_ptr<stream>>> accept_stream(std::unique_ptr<socket> accepted,
                                                    std::shared_ptr<const tls_context> context, time_point deadline) {
    if (context == nullptr) co_return std::make_unique<stream>(std::move(accepted));
    std::string where = fmt::format("TLS handshake with {}", address::peer_of(accepted->descriptor()).to_text());
    result<std::unique_ptr<tls_session>> session = tls_session::server(std::move(context), *accepted);
    if (!session) co_return std::move(session).error().with_context(where);
    task<result<std::unique_ptr<stream>>> securing =
        secure(std::move(accepted), std::move(*session), deadline, std::move(where));
    result<std::unique_ptr<stream>> opened = co_await std::move(securing);
    co_return opened;
}

}  // namespace lido::net

#include "http/connection.hpp"

#include <sys/socket.h>

namespace lido::http {

connection::connection(std::unique_ptr<net::stream> below, pool::connection_events events,
                       connection_budget::permit allowed) noexcept
    : permit(std::move(allowed)), stream(std::move(below)), events_(events) {
    stream->on_disturbance([](void* self) noexcept { static_cast<connection*>(self)->disturbed(); }, this);
}

/// Something arrived, or the peer hung up, while nobody was reading. On an idle connection that is its end: bytes that
/// nobody asked for must never be taken for the next response (RFC 9112 §9.2).
void connection::disturbed() noexcept {
    if (busy || stream->healthy_after_disturbance()) return;
    reusable = false;
    events_.lost();
}

task<result<std::unique_ptr<connection>>> connector::open(const pool::open_request& request) {
    // The runtimes of Lido run nothing but event loops.
    auto& loop = static_cast<net::event_loop&>(request.where);
    connection_budget::permit permit;
    if (budget_) {
        // A little less than all the time there is, so that the reason is told and not only that time is over.
        const time_point until = loop.now() + (request.deadline - loop.now()) * 9 / 10;
        auto allowed = co_await budget_->take(until);
        if (!allowed) co_return std::move(allowed).error();
        permit = std::move(*allowed);
    }
    auto opened = co_await dial(loop, plan_, request.deadline);
    if (!opened) co_return std::move(opened).error();
    auto made = std::make_unique<connection>(std::move(*opened), request.events, std::move(permit));
    const bool prior_knowledge = !made->stream->is_tls() && plan_->who.versions == http_versions::http2;
    const bool chosen = made->stream->alpn() == "h2";
    if (!chosen && !prior_knowledge) {
        if (plan_->who.versions == http_versions::http2) {
            co_return error(errc::connect_failed, "the server does not choose HTTP/2 (ALPN)",
                            "set http_version to automatic, or enable HTTP/2 on the server");
        }
        made->place = book_->add(version::http_1_1, *made->stream, made->counts, request.events);
        made->stream->mark_idle();
        co_return std::move(made);
    }
    made->busy = true;  // whatever comes belongs to the session
    made->http2 =
        std::make_unique<http2_link>(*made->stream, settings_.http2, settings_.limits, request.events, made->counts);
    task<result<void>> greeting = made->http2->greet(request.deadline);
    result<void> greeted = co_await std::move(greeting);
    if (!greeted) co_return std::move(greeted).error();
    made->place = book_->add(version::http_2, *made->stream, made->counts, request.events);
    co_return std::move(made);
}

task<result<void>> connector::check(connection& which, time_point deadline) {
    if (which.http2) {
        task<result<void>> probing = which.http2->probe(deadline);
        result<void> probed = co_await std::move(probing);
        co_return probed;
    }
    const net::event_loop& loop = which.stream->loop();
    if (!which.is_fit(loop.now())) {
        co_return error(errc::check_failed, "idle connection: the server has closed it or sent something unasked");
    }
    which.stream->mark_idle();
    co_return result<void>();
}

task<void> connector::close(connection& which, time_point deadline) {
    net::stream& stream = *which.stream;
    which.busy = true;
    if (which.http2) {
        which.reusable = which.http2->is_good();
        which.http2->say_goodbye();
    }
    // A broken exchange leaves nothing to say; an abortive close also leaves no TIME_WAIT behind.
    if (!which.reusable && !stream.is_tls()) stream.abort();
    co_await stream.close(deadline);
}

void connector::cut(connection& which) noexcept {
    which.reusable = false;
    ::shutdown(which.stream->descriptor(), SHUT_RDWR);
}

}  // namespace lido::http

#include "fetch/run.hpp"

#include "command_error.hpp"
#include "lido/base/histogram.hpp"
#include "lido/http/response_stream.hpp"
#include "lido/net/runtime.hpp"
#include "output.hpp"
#include "protocol_name.hpp"
#include "simulate/figures.hpp"
#include "sink.hpp"
#include "wait_for.hpp"

#include <fmt/format.h>

#include <array>
#include <deque>
#include <mutex>
#include <set>

namespace lido::cli::fetch {
namespace {

using namespace std::chrono_literals;
using simulate::in_milliseconds;

std::string head_text(const http::response& head) {
    std::string text = fmt::format("{} {} {}\r\n", name_of_protocol(head.version()), head.status(), head.reason());
    for (const auto& field : head.headers()) text += fmt::format("{}: {}\r\n", field.name, field.value);
    return text + "\r\n";
}

exit_code code_of(const error& failure) noexcept {
    if (failure.code().category() != error_category()) return exit_failed;
    // Whether it was done is another question than what went wrong.
    if (failure == errc::maybe_executed && failure.cause() != nullptr) return code_of(*failure.cause());
    switch (static_cast<errc>(failure.code().value())) {
        case errc::resolve_failed:
            return exit_resolve;
        case errc::connect_failed:
            return exit_connect;
        case errc::connect_timeout:
        case errc::acquire_timeout:
        case errc::read_timeout:
        case errc::write_timeout:
        case errc::timeout:
            return exit_timeout;
        case errc::tls_failed:
            return exit_tls;
        case errc::connection_closed:
        case errc::maybe_executed:
        case errc::protocol_error:
        case errc::limit_exceeded:
            return exit_receive;
        case errc::invalid_argument:
            return exit_usage;
        default:
            return exit_failed;
    }
}

/// A response that came as a whole, or why it did not.
struct arrival {
    std::size_t number = 0;
    result<http::response> head = http::response();
    result<std::string> body = std::string();
    time_point begun{};
    time_point head_at{};
    time_point ended{};
};

class fetcher {
public:
    explicit fetcher(const options& asked) : asked_(asked), out_(where_, asked.output_file), running_(where_) {}
    fetcher(const fetcher&) = delete;
    fetcher& operator=(const fetcher&) = delete;
    ~fetcher() {
        stop_.request_stop();
        static_cast<void>(running_.wait_until_none(never));
    }

    int run() {
        const std::size_t all = asked_.urls.size() * asked_.repeat;
        begun_ = clock::now();
        if (asked_.parallel == 1) {
            for (std::size_t i = 0; i < all && go_on_; ++i) stream(i);
        } else {
            several(all);
        }
        tell_repeated();
        if (asked_.statistics) report();
        static_cast<void>(wait_for(where_, client_.close(where_.signal() == 0 ? 2s : 0s)));
        out_.close();
        if (where_.signal() != 0) return exit_signal + where_.signal();
        return code_;
    }

private:
    [[nodiscard]] const std::string& url_of(std::size_t number) const {
        return asked_.urls[number % asked_.urls.size()];
    }

    /// Writes the body while it comes.
    void stream(std::size_t number) {
        const time_point begun = clock::now();
        ++requests_;
        result<http::response_stream> opened = wait_for(where_, client_.open(request_of(asked_, url_of(number))));
        if (where_.signal() != 0) return stop();
        if (!opened) return failed(opened.error());
        first_byte_.record(clock::now() - begun);
        if (!take_head(opened->head(), url_of(number))) return;
        std::array<char, 65536> space;  // NOLINT(cppcoreguidelines-pro-type-member-init): only written to
        while (go_on_) {
            const result<std::size_t> got = wait_for(where_, opened->read_some(space));
            if (where_.signal() != 0) return stop();
            if (!got) return failed(got.error());
            if (*got == 0) break;
            put({space.data(), *got});
        }
        total_.record(clock::now() - begun);
    }

    /// Each as a whole, in the order in which they are complete. No more are under way than may be, those included that
    /// wait to be written.
    void several(std::size_t all) {
        std::size_t next = 0;
        std::size_t under_way = 0;
        while (go_on_ && (next < all || under_way > 0)) {
            for (; next < all && under_way < asked_.parallel; ++next, ++under_way) {
                ++requests_;
                io_.spawn(one(*this, next, request_of(asked_, url_of(next)), running_.enter()), 0, stop_.get_token());
            }
            std::deque<arrival> here;
            {
                const std::lock_guard held(mutex_);
                here.swap(arrived_);
            }
            for (arrival& each : here) {
                --under_way;
                if (go_on_) write(each);
            }
            if (here.empty() && where_.wait(never) == watch::woken_by::signal) stop();
        }
    }

    static task<void> one(fetcher& all, std::size_t number, http::request what, live_count::token running) {
        const live_count::token alive = std::move(running);
        arrival mine;
        mine.number = number;
        mine.begun = clock::now();
        auto opening = all.client_.open(std::move(what));
        result<http::response_stream> opened = co_await std::move(opening);
        mine.head_at = clock::now();
        if (opened) {
            auto reading = opened->read_all(all.client_.settings().limits.max_body_bytes);
            mine.body = co_await std::move(reading);
            mine.head = opened->head();
        } else {
            mine.head = std::move(opened).error();
        }
        mine.ended = clock::now();
        const std::lock_guard held(all.mutex_);
        all.arrived_.push_back(std::move(mine));
        all.where_.ring();
    }

    void write(arrival& what) {
        if (!what.head) return failed(what.head.error());
        first_byte_.record(what.head_at - what.begun);
        if (!take_head(*what.head, url_of(what.number))) return;
        if (!what.body) return failed(what.body.error());
        put(*what.body);
        total_.record(what.ended - what.begun);
    }

    /// False: nothing of the body is wanted.
    bool take_head(const http::response& head, const std::string& url) {
        ++responses_;
        protocols_.insert(std::string(name_of_protocol(head.version())));
        if (asked_.with_head) put(head_text(head));
        if (!asked_.fail || head.status() < 400) return true;
        note(exit_status, fmt::format("{}: status {} {}", url.substr(0, url.find('?')), head.status(), head.reason()));
        return false;
    }
    void failed(const error& failure) { note(code_of(failure), in_words_of_options(failure)); }
    void note(exit_code code, const std::string& line) {
        ++failed_;
        if (code_ == exit_good) code_ = code;
        if (line == told_) {
            ++repeated_;
            return;
        }
        tell_repeated();
        told_ = line;
        print_error("lido fetch: " + line);
    }
    /// A hundred requests that fail alike are one line and a number.
    void tell_repeated() {
        if (repeated_ == 0) return;
        print_error(
            fmt::format("lido fetch: and {} more failure{} like the last", repeated_, repeated_ == 1 ? "" : "s"));
        repeated_ = 0;
    }
    void put(std::string_view text) {
        bytes_ += text.size();
        if (!out_.write(text)) stop();
    }
    void stop() { go_on_ = false; }

    void report() const {
        const http::client_statistics seen = client_.statistics();
        histogram wait;
        histogram connect;
        for (const http::origin_statistics& each : seen.origins) {
            wait.merge(each.pool.wait);
            connect.merge(each.pool.connect);
        }
        std::string protocol;
        for (const std::string& each : protocols_) protocol += (protocol.empty() ? "" : ", ") + each;
        const auto carried = [](std::string_view name, const http::protocol_statistics& of, std::string_view what) {
            if (of.connections == 0) return std::string();
            return fmt::format("  {:<12} {} {} on {}   {} at once on one   {} sent   {} received\n", name, of.requests,
                               what, of.connections, of.most_at_once, simulate::in_bytes(of.bytes_sent),
                               simulate::in_bytes(of.bytes_received));
        };
        const duration took = clock::now() - begun_;
        const auto times = [](std::string_view what, const histogram& of) {
            if (of.count() == 0) return fmt::format("  {:<12} -\n", what);
            return fmt::format("  {:<12} p50 {}   p99 {}   max {}\n", what, in_milliseconds(of.quantile(0.5)),
                               in_milliseconds(of.quantile(0.99)), in_milliseconds(of.max()));
        };
        std::string text = fmt::format("  requests     {}   responses {}   failed {}   protocol {}\n", requests_,
                                       responses_, failed_, protocol.empty() ? "-" : protocol);
        text += fmt::format("  connections  {} created   {} requests on a reused one   {} failed\n",
                            seen.connections_created, seen.connections_reused, seen.connections_failed);
        text += carried("HTTP/1.1", seen.http1, "requests") + carried("HTTP/2", seen.http2, "streams");
        if (seen.tls_handshakes > 0) {
            text += fmt::format("  TLS          {} handshakes   {} of them resumed\n", seen.tls_handshakes,
                                seen.tls_resumed);
        }
        text += times("waiting", wait) + times("connect", connect) + times("first byte", first_byte_) +
                times("total", total_);
        text += fmt::format("  bodies       {} in {}\n", simulate::in_bytes(bytes_), simulate::in_seconds(took));
        static_cast<void>(write_all(2, text));
    }

    const options& asked_;
    watch where_;
    sink out_;
    runtime io_;
    http::client client_{io_, asked_.client};
    live_count running_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::deque<arrival> arrived_;  // protected by mutex_
    bool go_on_ = true;
    exit_code code_ = exit_good;
    time_point begun_{};
    std::size_t requests_ = 0;
    std::size_t responses_ = 0;
    std::size_t failed_ = 0;
    std::string told_;  // the last failure, and how often it came again since
    std::size_t repeated_ = 0;
    std::uint64_t bytes_ = 0;
    histogram first_byte_;
    histogram total_;
    std::set<std::string> protocols_;
};

}  // namespace

int run(const options& asked) {
    return fetcher(asked).run();
}

}  // namespace lido::cli::fetch

#include "http/stream_steps.hpp"

#include <string_view>
#include <utility>

namespace lido::http {
namespace {

error no_answer() {
    return {errc::connect_timeout, "no answer in time", "check that it is the right port; look at its load"};
}

error broken(const net::stream& which, const net::io_result& how) {
    if (how.status == net::io_status::end) return {errc::connect_failed, "the connection was closed"};
    error why = which.failure(how);
    return {errc::connect_failed, why.what(), why.remedy()};
}

}  // namespace

task<result<void>> send_all(net::stream& to, std::string text, time_point deadline) {
    std::string_view rest = text;
    while (!rest.empty()) {
        const net::io_result sent = to.write_some(rest);
        if (sent.status == net::io_status::done) {
            rest.remove_prefix(sent.bytes);
            continue;
        }
        if (sent.status != net::io_status::want_read && sent.status != net::io_status::want_write) {
            co_return broken(to, sent);
        }
        const bool ready = co_await to.readiness(sent.status, deadline);
        if (!ready) co_return no_answer();
    }
    co_return result<void>();
}

task<result<std::size_t>> receive_some(net::stream& from, std::span<char> space, time_point deadline) {
    while (true) {
        const net::io_result got = from.read_some(space);
        if (got.status == net::io_status::done) co_return got.bytes;
        if (got.status != net::io_status::want_read && got.status != net::io_status::want_write) {
            co_return broken(from, got);
        }
        const bool ready = co_await from.readiness(got.status, deadline);
        if (!ready) co_return no_answer();
    }
}

task<result<void>> receive_exactly(net::stream& from, std::span<char> space, time_point deadline) {
    while (!space.empty()) {
        task<result<std::size_t>> receiving = receive_some(from, space, deadline);
        const result<std::size_t> got = co_await std::move(receiving);
        if (!got) co_return got.error();
        space = space.subspan(*got);
    }
    co_return result<void>();
}

}  // namespace lido::http

// How a client gives a response before its body is there.
#include "http/open_exchange.hpp"
#include "http/response_stream.hpp"

namespace lido::http {

/// The streamed form of the second half of `attempt`: the lease goes to where the response is read.
task<void> client::implementation::attempt_open(origin_pool& to, pool::pool<connector>::lease borrowed,
                                                const request& what, const exchange_settings& how,
                                                attempt_result& last) {
    std::shared_ptr<open_exchange> opened =
        open_exchange::make(shared_from_this(), to.shared_from_this(), std::move(borrowed), what, how);
    co_await open_exchange::begin(opened, last.outcome);
    if (!last.outcome.failure) last.opened = std::move(opened);
}

task<result<response_stream>> client::implementation::open(std::shared_ptr<implementation> self, request what) {
    std::shared_ptr<open_exchange> opened;
    manner how;
    how.opened = &opened;
    result<response> head = co_await send(std::move(self), std::move(what), how);
    if (!head) co_return std::move(head).error();
    auto made = std::make_shared<response_stream::implementation>(std::move(*head), std::move(opened));
    co_return response_stream(std::move(made));
}

}  // namespace lido::http

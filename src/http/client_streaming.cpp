// How a client gives a response before its body is there.
#include "http/open_exchange.hpp"

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

}  // namespace lido::http

// Lido: what a streamed response holds until its end.
#pragma once

#include "http/client_implementation.hpp"
#include "lido/base/scheduler.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace lido::http {

/// A lease and the exchange that runs on it, with all that these need, because whoever reads may go away. Whatever
/// touches the exchange runs on the connection's loop, "at home"; so does the destructor, whoever is the last owner.
class open_exchange final : private work {
public:
    using lease = pool::pool<connector>::lease;

    [[nodiscard]] static std::shared_ptr<open_exchange> make(std::shared_ptr<client::implementation> owner,
                                                             std::shared_ptr<origin_pool> pool, lease borrowed,
                                                             const request& what, const exchange_settings& settings);
    open_exchange(const open_exchange&) = delete;
    open_exchange& operator=(const open_exchange&) = delete;

    /// Sends the request and reads the head. `outcome.body` stays in here.
    [[nodiscard]] static task<void> begin(std::shared_ptr<open_exchange> self, exchange_outcome& outcome);
    /// The pool must not be dropped until this has ended.
    void keep(client::implementation::pool_use use) { use_.emplace(std::move(use)); }

    /// See `body_stream::read_some`. From any scheduler of the runtime. One at a time.
    [[nodiscard]] static task<result<std::size_t>> read(std::shared_ptr<open_exchange> self, std::span<char> space,
                                                        time_point deadline);
    /// Reads what is left if that is little, so that the connection can be used again.
    [[nodiscard]] static task<void> discard(std::shared_ptr<open_exchange> self);

    /// Headers and trailers, once `read` has given 0.
    [[nodiscard]] const response& whole_head() const noexcept { return whole_head_; }
    [[nodiscard]] scheduler& home() const noexcept { return home_; }
    [[nodiscard]] scheduler_group& group() const noexcept { return client_->group(); }

private:
    class filling;
    open_exchange(std::shared_ptr<client::implementation> owner, std::shared_ptr<origin_pool> pool, lease borrowed,
                  const request& what, const exchange_settings& settings);
    ~open_exchange() = default;

    [[nodiscard]] static task<result<exchange_outcome>> begin_at_home(std::shared_ptr<open_exchange> self);
    [[nodiscard]] static task<result<std::size_t>> read_at_home(std::shared_ptr<open_exchange> self,
                                                                std::span<char> space, time_point deadline);
    [[nodiscard]] static task<result<std::size_t>> fill(std::shared_ptr<open_exchange> self, std::size_t most,
                                                        time_point deadline);
    [[nodiscard]] std::size_t take_kept(std::span<char> space) noexcept;
    void settle();

    scheduler& home_;
    std::shared_ptr<client::implementation> client_;
    std::shared_ptr<origin_pool> pool_;
    std::optional<client::implementation::pool_use> use_;
    request what_;
    exchange_settings settings_;
    lease lease_;
    std::unique_ptr<body_stream> body_;  // destroyed before all that it needs

    response whole_head_;
    std::optional<error> failure_;
    bool ended_ = false;
    bool filling_ = false;  // a read for somebody elsewhere runs
    // Bytes for a reader on another scheduler: written at home, then read over there.
    std::string kept_;
    std::size_t filled_ = 0;  // how many of `kept_` are bytes of the body
    std::size_t given_ = 0;   // and of these the reader has
    std::size_t known_ = 0;   // how many more the reader knows to be there
};

}  // namespace lido::http

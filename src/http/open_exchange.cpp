#include "http/open_exchange.hpp"

#include "http/whole_body.hpp"
#include "lido/base/single_scheduler.hpp"
#include "lido/base/sleep.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace lido::http {
namespace {

/// The most that is read ahead for a reader on another scheduler.
constexpr std::size_t kept_size = 64 * 1024;
/// What is left of a response that nobody wants is read if it is not more, and comes soon; else the exchange is cut.
constexpr std::size_t most_to_discard = 64 * 1024;
constexpr duration patience_to_discard = std::chrono::milliseconds(200);

}  // namespace

/// Says that a read for somebody elsewhere runs, until it ends or is destroyed.
class open_exchange::filling {
public:
    explicit filling(open_exchange& of) noexcept : of_(of) { of_.filling_ = true; }
    filling(const filling&) = delete;
    filling& operator=(const filling&) = delete;
    ~filling() { of_.filling_ = false; }

private:
    open_exchange& of_;
};

open_exchange::open_exchange(std::shared_ptr<client::implementation> owner, std::shared_ptr<origin_pool> pool,
                             lease borrowed, const request& what, const exchange_settings& settings)
    : work([](work& self) noexcept { delete static_cast<open_exchange*>(&self); }),
      home_(borrowed->stream->loop()),
      client_(std::move(owner)),
      pool_(std::move(pool)),
      what_(what),
      settings_(settings),
      lease_(std::move(borrowed)) {}

std::shared_ptr<open_exchange> open_exchange::make(std::shared_ptr<client::implementation> owner,
                                                   std::shared_ptr<origin_pool> pool, lease borrowed,
                                                   const request& what, const exchange_settings& settings) {
    const auto destroy_at_home = [](open_exchange* which) noexcept {
        if (which->home_.is_current()) {
            delete which;
        } else {
            which->home_.post(*which);
        }
    };
    return {new open_exchange(std::move(owner), std::move(pool), std::move(borrowed), what, settings), destroy_at_home};
}

task<void> open_exchange::begin(std::shared_ptr<open_exchange> self, exchange_outcome& outcome) {
    if (!self->home_.is_current()) {
        single_scheduler only(self->home_);
        operation<exchange_outcome> elsewhere(only, begin_at_home(self));
        result<exchange_outcome> there = co_await std::move(elsewhere);
        if (there) {
            outcome = std::move(*there);
        } else {
            outcome.failure = std::move(there).error();
        }
        co_return;
    }
    co_await exchange(*self->lease_, self->what_, self->settings_, outcome);
    if (outcome.failure) {
        self->settle();
        co_return;
    }
    self->body_ = std::move(outcome.body);
    // Where all of it came at once.
    if (!self->body_) self->body_ = std::make_unique<whole_body>(outcome.response);
}

task<result<exchange_outcome>> open_exchange::begin_at_home(std::shared_ptr<open_exchange> self) {
    exchange_outcome outcome;
    co_await begin(std::move(self), outcome);
    co_return std::move(outcome);
}

/// The end, or a failure: the connection goes back.
void open_exchange::settle() {
    ended_ = true;
    body_.reset();
    lease_.release();
    client_->make_room();
    use_.reset();
}

std::size_t open_exchange::take_kept(std::span<char> space) noexcept {
    const std::size_t size = std::min(space.size(), known_);
    std::memcpy(space.data(), kept_.data() + given_, size);
    given_ += size;
    known_ -= size;
    return size;
}

task<result<std::size_t>> open_exchange::read_at_home(std::shared_ptr<open_exchange> self, std::span<char> space,
                                                      time_point deadline) {
    if (self->failure_) co_return *self->failure_;
    if (self->ended_) co_return std::size_t{0};
    result<std::size_t> got = co_await self->body_->read_some(space, deadline);
    if (!got) {
        self->failure_ = got.error();
        self->settle();
    } else if (*got == 0) {
        self->whole_head_ = self->body_->whole_head();
        self->settle();
    }
    co_return got;
}

/// At home: sees that there are bytes for a reader elsewhere; how many there are, or 0 at the end.
task<result<std::size_t>> open_exchange::fill(std::shared_ptr<open_exchange> self, std::size_t most,
                                              time_point deadline) {
    open_exchange& me = *self;
    const filling running(me);
    // A read that was cancelled on its way back has left some.
    if (me.filled_ == me.given_) {
        if (me.kept_.size() < most) me.kept_.resize(most);
        me.filled_ = 0;
        me.given_ = 0;
        const std::span<char> space(me.kept_.data(), most);
        const result<std::size_t> got = co_await read_at_home(self, space, deadline);
        if (!got) co_return got;
        me.filled_ = *got;
    }
    co_return me.filled_ - me.given_;
}

task<result<std::size_t>> open_exchange::read(std::shared_ptr<open_exchange> self, std::span<char> space,
                                              time_point deadline) {
    open_exchange& me = *self;
    if (me.known_ != 0) co_return me.take_kept(space);
    if (me.home_.is_current()) {
        // A cancelled read of another scheduler ends with a message that may still be on its way.
        while (me.filling_) co_await sleep_until(me.home_.now() + std::chrono::milliseconds(1));
        me.known_ = me.filled_ - me.given_;
        if (me.known_ != 0) co_return me.take_kept(space);
        const result<std::size_t> got = co_await read_at_home(self, space, deadline);
        co_return got;
    }
    single_scheduler only(me.home_);
    operation<std::size_t> elsewhere(only, fill(self, std::min(space.size(), kept_size), deadline));
    const result<std::size_t> ready = co_await std::move(elsewhere);
    if (!ready) co_return ready;
    me.known_ = *ready;
    co_return me.take_kept(space);
}

task<void> open_exchange::discard(std::shared_ptr<open_exchange> self) {
    std::array<char, 4096> space;
    const time_point until = scheduler::current()->now() + patience_to_discard;
    std::size_t read_so_far = 0;
    while (read_so_far < most_to_discard) {
        const result<std::size_t> got = co_await read(self, space, until);
        if (!got || *got == 0) co_return;
        read_so_far += *got;
    }
}

}  // namespace lido::http

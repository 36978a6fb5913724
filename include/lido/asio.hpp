// Lido: for programs that use Boost.Asio (1.77 or later). The only public header that needs Boost.
#pragma once

#include "lido/base/assert.hpp"
#include "lido/base/operation.hpp"
#include "lido/net/event_loop.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/system_executor.hpp>

#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fcntl.h>

namespace lido {

namespace detail {

/// Brings an outcome from the scheduler on which an operation ended to the executor of its handler, which it keeps from
/// running out of work meanwhile.
///
/// The context may die as soon as it runs out of work, so the executor that counts as work is the last that this thread
/// lets go of: `executor_work_guard` would keep a second copy that outlives it, and so does a handler that was moved
/// from, because Asio's binders copy their executor even then.
template <class T, class Handler>
class asio_completion {
public:
    explicit asio_completion(Handler handler)
        : work_(tracked(boost::asio::get_associated_executor(handler))), handler_(std::move(handler)) {}

    void operator()(result<T> outcome) {
        post(std::move(outcome));
        handler_.reset();
        work_.reset();
    }

private:
    void post(result<T> outcome) {
        auto allocator = boost::asio::get_associated_allocator(*handler_);
        auto call = [handler = std::move(*handler_), value = std::move(outcome)]() mutable {
            std::move(handler)(std::move(value));
        };
        boost::asio::post(*work_, boost::asio::bind_allocator(allocator, std::move(call)));
    }
    [[nodiscard]] static auto tracked(const boost::asio::associated_executor_t<Handler>& executor) {
        return boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
    }

    std::optional<decltype(tracked(std::declval<boost::asio::associated_executor_t<Handler>>()))> work_;
    std::optional<Handler> handler_;
};

/// What starts an operation for an Asio handler.
struct asio_initiation {
    template <class T, class Handler>
    void operator()(Handler&& handler, operation<T> body) const {
        using handler_type = std::decay_t<Handler>;
        std::stop_token stop = stop_token_for(handler);
        if constexpr (std::is_same_v<boost::asio::associated_executor_t<handler_type>, boost::asio::system_executor>) {
            // No executor was asked for: a hop to Asio's own thread pool would help nobody.
            std::move(body).start(handler_type(std::forward<Handler>(handler)), std::move(stop));
        } else {
            std::move(body).start(asio_completion<T, handler_type>(std::forward<Handler>(handler)), std::move(stop));
        }
    }

private:
    template <class Handler>
    [[nodiscard]] static std::stop_token stop_token_for(const Handler& handler) {
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        if (!slot.is_connected()) return {};
        std::stop_source source;
        std::stop_token token = source.get_token();
        slot.assign([stopping = std::move(source)](boost::asio::cancellation_type type) mutable {
            if (type != boost::asio::cancellation_type::none) stopping.request_stop();
        });
        return token;
    }
};

}  // namespace detail

/// Starts `body` with any completion token of Asio; the signature is `void(result<T>)`:
///
///     auto page = co_await lido::async(shop.get("/outfits"), boost::asio::use_awaitable);   // result<response>
///
/// The handler is called on its associated executor, which has work until then, so `io_context::run()` does not return
/// early; a handler without one is called on the operation's runtime. The handler's cancellation slot is obeyed, for
/// every type of cancellation: the operation is destroyed where it stands and the result is `cancelled`. A handler is
/// never called before this function has returned, and must not throw.
///
/// The executor's context and the object that made the operation must live until the handler has been called. Costs two
/// hops between threads, or none but a turn of the loop with an `asio_runtime` on the same context.
template <class T, class CompletionToken>
auto async(operation<T>&& body, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(result<T>)>(detail::asio_initiation{}, token,
                                                                         std::move(body));
}

/// A runtime without threads of its own: one event loop that lives on an Asio executor, for programs that bring theirs.
/// Pools and clients take it in place of a `lido::runtime`.
///
/// Everything runs on a strand of the executor, one after the other, on whichever threads run its context. It keeps the
/// context busy (`io_context::run()` does not return) until `stop()` or its destruction. Let the context outlive it,
/// and let it outlive the pools and clients. `operation::wait()` from a thread of the context would wait for itself for
/// ever when that is its only one: use `lido::async` there.
///
/// Each wake-up costs some microseconds more than a runtime's own thread: two polls and a system call to be told of the
/// next. Throws `std::system_error` when the process is out of descriptors.
class asio_runtime final : public scheduler_group {
public:
    explicit asio_runtime(boost::asio::any_io_executor executor)
        : embedding_(std::make_shared<embedding>(*this, std::move(executor))) {
        boost::asio::post(embedding_->strand, [kept = embedding_] { embedding::turn(kept); });
    }
    /// Not from something that the loop itself runs (asserted). Waits until the loop's present turn has ended, and runs
    /// what was posted to it since: the ends of connections of pools that were destroyed after `stop()`, for example.
    ~asio_runtime() override {
        LIDO_ASSERT(!embedding_->loop.is_current());
        stop();
        embedding::run_posted(*embedding_);
    }

    [[nodiscard]] std::uint32_t size() const noexcept override { return 1; }
    [[nodiscard]] scheduler& at(std::uint32_t index) noexcept override {
        LIDO_ASSERT(index == 0);
        return embedding_->loop;
    }
    [[nodiscard]] scheduler& pick() noexcept override { return embedding_->loop; }

    /// Lets the context run out of work. When this returns nothing runs here any more, or, when the loop itself called
    /// it, nothing after its present turn. Operations that have not ended are abandoned. Any thread, any number of
    /// times.
    void stop() { embedding::stop(embedding_); }

private:
    /// What handlers that are on their way share with the runtime; the last of them frees it.
    struct embedding {
        embedding(scheduler_group& group, boost::asio::any_io_executor executor)
            : loop(group, 0, net::event_loop::drive::embedded),
              strand(boost::asio::make_strand(std::move(executor))),
              watch(strand, duplicate(loop.descriptor())) {}

        [[nodiscard]] static int duplicate(int descriptor) {
            const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
            if (copy < 0) throw std::system_error(errno, std::generic_category(), "fcntl");
            return copy;
        }

        static void turn(const std::shared_ptr<embedding>& self) {
            const std::lock_guard guard(self->turning);
            if (self->stopped) return;
            self->loop.run_ready();
            if (self->stopped) return;
            self->watch.async_wait(boost::asio::posix::descriptor_base::wait_read,
                                   [self](const boost::system::error_code& failure) {
                                       if (!failure) turn(self);
                                   });
        }

        static void stop(const std::shared_ptr<embedding>& self) {
            std::unique_lock guard(self->turning, std::defer_lock);
            if (!self->loop.is_current()) guard.lock();
            if (std::exchange(self->stopped, true)) return;
            boost::asio::post(self->strand, [self] {
                boost::system::error_code ignored;
                self->watch.close(ignored);
            });
        }

        static void run_posted(embedding& self) {
            const std::lock_guard guard(self.turning);
            while (self.loop.run_posted()) {
            }
        }

        net::event_loop loop;
        boost::asio::strand<boost::asio::any_io_executor> strand;
        boost::asio::posix::basic_stream_descriptor<boost::asio::strand<boost::asio::any_io_executor>> watch;
        std::mutex turning;  // held during a turn, so that `stop` can wait for its end
        bool stopped = false;
    };

    std::shared_ptr<embedding> embedding_;
};

}  // namespace lido

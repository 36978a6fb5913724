// Lido: the right to use a connection for a while.
#pragma once

#include "lido/base/task.hpp"
#include "lido/pool/core.hpp"

#include <exception>
#include <utility>

namespace lido::pool {

/// A borrowed connection. Its destructor returns it: kept when the connector finds it clean, closed otherwise, and
/// always closed when the scope is left by an exception.
///
/// Move-only; not thread-safe. It may be returned on any thread, unless the kind says otherwise, and may outlive the
/// pool object; after the pool was closed, its connection is closed with it.
template <class Connector>
class [[nodiscard]] lease {
public:
    using connection = typename Connector::connection;

    lease() noexcept = default;
    lease(core& owner, Connector& kind, const core::granted& what) noexcept
        : owner_(&owner), kind_(&kind), what_(what), exceptions_(std::uncaught_exceptions()) {}
    lease(lease&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          kind_(other.kind_),
          what_(other.what_),
          exceptions_(other.exceptions_) {}
    lease& operator=(lease&& other) noexcept {
        if (this != &other) {
            release();
            owner_ = std::exchange(other.owner_, nullptr);
            kind_ = other.kind_;
            what_ = other.what_;
            exceptions_ = other.exceptions_;
        }
        return *this;
    }
    ~lease() {
        if (owner_ == nullptr) return;
        if (std::uncaught_exceptions() > exceptions_) {
            discard();
        } else {
            release();
        }
    }

    [[nodiscard]] bool valid() const noexcept { return owner_ != nullptr; }
    [[nodiscard]] explicit operator bool() const noexcept { return valid(); }
    [[nodiscard]] connection& operator*() const noexcept { return *static_cast<connection*>(what_.connection); }
    [[nodiscard]] connection* operator->() const noexcept { return static_cast<connection*>(what_.connection); }
    /// Has the connection served anybody before?
    [[nodiscard]] bool reused() const noexcept { return what_.reused; }

    /// The scheduler on which the connection lives.
    [[nodiscard]] scheduler& where() const noexcept { return *what_.where; }
    /// Asks the connector whether the connection works; see `connector::check`. On the connection's scheduler.
    [[nodiscard]] task<result<void>> check(time_point deadline) const { return kind_->check(**this, deadline); }

    /// Returns it now; the connector says in which state. A second call does nothing.
    void release() noexcept {
        if (owner_ == nullptr) return;
        core& owner = *std::exchange(owner_, nullptr);
        owner.release(what_, kind_->usable(*static_cast<connection*>(what_.connection)));
    }
    /// Returns it to be closed.
    void discard() noexcept {
        if (owner_ == nullptr) return;
        std::exchange(owner_, nullptr)->release(what_, verdict::broken);
    }

private:
    core* owner_ = nullptr;
    Connector* kind_ = nullptr;
    core::granted what_;
    int exceptions_ = 0;
};

}  // namespace lido::pool

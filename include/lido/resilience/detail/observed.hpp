// Lido: whom a policy tells what it does.
#pragma once

#include <utility>

namespace lido::resilience::detail {

/// A policy's observer, or none. It stays with the policy when that is moved, and not with its copies: those belong to
/// somebody else, or are made in order to look ahead. `tell` costs one comparison without an observer.
template <class Observer>
class observed {
public:
    observed() noexcept = default;
    observed(const observed&) noexcept {}
    observed(observed&& other) noexcept : by_(std::exchange(other.by_, nullptr)) {}
    observed& operator=(const observed& other) noexcept {
        if (this != &other) by_ = nullptr;
        return *this;
    }
    observed& operator=(observed&& other) noexcept {
        by_ = std::exchange(other.by_, nullptr);
        return *this;
    }
    ~observed() = default;

    void watch(Observer* by) noexcept { by_ = by; }
    template <class Event, class... Details>
    void tell(Event event, const Details&... details) const noexcept {
        if (by_ != nullptr) (by_->*event)(details...);
    }

private:
    Observer* by_ = nullptr;
};

}  // namespace lido::resilience::detail

// Lido: what a pool tells those who watch it.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/time.hpp"

#include <cstddef>
#include <source_location>
#include <string_view>

namespace lido::pool {

/// Derive from it and override what matters; each default does nothing. Called after the fact, without any lock of the
/// pool, on whatever thread caused it, so an observer must be thread-safe, quick, and must not throw. It must outlive
/// the pool. Lending and returning are not reported one by one: they are counted, see `statistics`.
class observer {
public:
    virtual ~observer() = default;

    virtual void connection_opened(std::string_view pool) noexcept { static_cast<void>(pool); }
    virtual void connect_failed(std::string_view pool, const error& reason) noexcept {
        static_cast<void>(pool);
        static_cast<void>(reason);
    }
    virtual void connection_closed(std::string_view pool) noexcept { static_cast<void>(pool); }
    /// A caller was refused; `reason` carries the pool's numbers at that moment.
    virtual void refused(std::string_view pool, const error& reason) noexcept {
        static_cast<void>(pool);
        static_cast<void>(reason);
    }
    /// A lease that was taken at `where` has been out for `held`, longer than `settings::leak_after`.
    virtual void leak_suspected(std::string_view pool, duration held, const std::source_location& where) noexcept {
        static_cast<void>(pool);
        static_cast<void>(held);
        static_cast<void>(where);
    }
    /// The pool has ended its drain; `leftover` leases were still out.
    virtual void drained(std::string_view pool, std::size_t leftover) noexcept {
        static_cast<void>(pool);
        static_cast<void>(leftover);
    }

protected:
    observer() = default;
    observer(const observer&) = default;
    observer& operator=(const observer&) = default;
};

}  // namespace lido::pool

// Lido: threads that do not handle the program's signals.
#pragma once

#include <csignal>

#include <pthread.h>

namespace lido {

/// Blocks all signals on this thread while it lives, for threads that are started meanwhile: they inherit that, and the
/// program's signals are not for them.
class signals_blocked {
public:
    signals_blocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;
    ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

}  // namespace lido

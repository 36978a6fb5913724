#include "lido/upstream/outcome.hpp"

namespace lido::upstream {

std::string_view name_of(outcome value) noexcept {
    switch (value) {
        case outcome::success:
            return "success";
        case outcome::failed:
            return "failed";
        case outcome::unsure:
            return "unsure";
        case outcome::unreached:
            return "unreached";
        case outcome::refused:
            return "refused";
        case outcome::ignored:
            return "ignored";
    }
    return "unknown";
}

outcome outcome_of(const error& failure, bool may_have_acted) noexcept {
    if (failure.code().category() != error_category()) {
        return may_have_acted ? outcome::unsure : outcome::failed;
    }
    switch (static_cast<errc>(failure.code().value())) {
        case errc::connect_failed:
        case errc::connect_timeout:
        case errc::resolve_failed:
        case errc::tls_failed:
            return outcome::unreached;
        case errc::acquire_timeout:
        case errc::queue_full:
        case errc::pool_exhausted:
        case errc::pool_paused:
        case errc::rate_limited:
        case errc::circuit_open:
            return outcome::refused;
        case errc::cancelled:
        case errc::invalid_argument:
        case errc::limit_exceeded:
        case errc::would_deadlock:
        case errc::pool_closed:
            return outcome::ignored;
        case errc::maybe_executed:
        case errc::read_timeout:
        case errc::write_timeout:
        case errc::timeout:
        case errc::connection_closed:
        case errc::protocol_error:
        case errc::check_failed:
        case errc::reset_failed:
            break;
    }
    return may_have_acted ? outcome::unsure : outcome::failed;
}

outcome outcome_of_wait_in_vain(bool pool_full) noexcept {
    return pool_full ? outcome::refused : outcome::unreached;
}

outcome outcome_without_connection(const error& why, bool pool_full) noexcept {
    const bool waited = why == errc::timeout || why == errc::acquire_timeout;
    if (waited) return outcome_of_wait_in_vain(pool_full);
    const outcome how = outcome_of(why, false);
    return how == outcome::failed ? outcome::unreached : how;
}

}  // namespace lido::upstream

// Lido: a function in a transaction, run again when the database asks for it.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/sleep.hpp"
#include "lido/sql/error.hpp"
#include "lido/sql/transaction_options.hpp"

#include <type_traits>
#include <utility>

// GCC 12 warns of the frames below when `Work` is a lambda of a coroutine. They are of one file alone, as the lambda
// is.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace lido::sql::detail {

/// T of a `work` (transaction&) -> task<result<T>>.
template <class Work, class Transaction>
using brought_by = typename std::invoke_result_t<Work&, Transaction&>::value_type::value_type;

template <class T, class Face, class Work>
task<result<T>> attempt_on(const Face& face, Work& work, transaction_options options, time_point end) {
    auto begun = face.begin(ending_at(end, options, scheduler::current()->now()));
    auto scope = co_await std::move(begun);
    if (!scope) co_return std::move(scope).error();
    task<result<T>> body = work(*scope);
    result<T> given = co_await std::move(body);
    // After its time nobody waits for the rollback: the connection is reset when the transaction is dropped.
    if (!given && scheduler::current()->now() >= end) co_return std::move(given);
    if (!given) {
        operation<void> undone = scope->rollback();
        const result<void> rolled_back = co_await std::move(undone);
        static_cast<void>(rolled_back);  // the connection is reset or closed in any case
        co_return std::move(given);
    }
    operation<void> done = scope->commit();
    result<void> committed = co_await std::move(done);
    if (!committed) co_return std::move(committed).error();
    co_return std::move(given);
}

/// `face` has `begin(options)`, an operation that gives a transaction, and `back_off(settings, failures)`.
template <class T, class Face, class Work>
task<result<T>> transact_on(Face face, Work work, transaction_options options, transaction_retry retry) {
    const time_point end = end_of_time(options, scheduler::current()->now());
    for (unsigned retries = 0;; ++retries) {
        result<T> given = co_await attempt_on<T>(face, work, options, end);
        if (given || !is_transient(given.error()) || retries >= retry.max_retries) co_return std::move(given);
        const duration pause = face.back_off(retry.back_off, retries + 1);
        const time_point again = deadline_after(scheduler::current()->now(), pause);
        if (again >= end) co_return std::move(given);  // there is no time for another run
        co_await sleep_until(again);
    }
}

}  // namespace lido::sql::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

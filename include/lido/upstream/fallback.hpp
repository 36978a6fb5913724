// Lido: what answers instead when no endpoint of a service does.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/result.hpp"
#include "lido/base/task.hpp"
#include "lido/base/time.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::upstream {

/// One of an ordered list. `T` is what is answered, `Question` what was asked, `Why` the reason for asking here.
template <class T, class Question, class Why = error>
struct fallback {
    /// For statistics. 1 … 100 characters.
    std::string name;
    /// Only for calls that do not write.
    bool safe_only = true;
    /// The answer; an error, of any kind, leaves it to the next fallback. Ends by `deadline`. `what` and `why` live
    /// until the task has ended.
    std::function<task<result<T>>(const Question& what, const Why& why, time_point deadline)> answer;
    /// What it says counts, be it an error: those behind it are not asked.
    bool last = false;
    /// What it answers is out of date, and is marked so (`T::mark_stale`) where the type can be.
    bool stale = false;
};

/// What a fallback did.
struct fallback_statistics {
    std::string name;
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;
};

/// May something else answer after this failure? Not when the call may have been carried out (`maybe_executed`), nor
/// when the fault is the caller's own or the service is closed.
[[nodiscard]] bool may_fall_back(const error& failure) noexcept;

namespace detail {

/// The part of a list that does not depend on what is answered: rules and counts.
class fallback_counts {
public:
    /// Entries come in the order of the list.
    void add(std::string name, bool safe_only) {
        counted& made = entries_.emplace_back();
        made.name = std::move(name);
        made.safe_only = safe_only;
    }
    /// Is entry `index` asked? Then it is counted.
    [[nodiscard]] bool ask(std::size_t index, bool writes) const noexcept;
    void answered(std::size_t index) const noexcept;
    [[nodiscard]] std::vector<fallback_statistics> statistics() const;

private:
    struct counted {
        std::string name;
        bool safe_only = true;
        mutable std::atomic<std::uint64_t> asked{0};
        mutable std::atomic<std::uint64_t> answered{0};
    };
    std::deque<counted> entries_;
};

/// `invalid_argument` when an entry has no name of 1 … 100 characters, or no answer.
[[nodiscard]] result<void> check_fallback(std::string_view name, bool has_answer);

template <class T>
task<result<T>> copy_of(const T& fixed) {
    co_return fixed;
}
template <class T>
task<result<T>> fail_with(const error& fixed) {
    co_return fixed;
}

template <class T>
void mark_stale(T& what) {
    if constexpr (requires { what.mark_stale(); }) what.mark_stale();
}

}  // namespace detail

/// Fallbacks in their order. Immutable but for its counts; thread-safe. Lives at least as long as its calls.
template <class T, class Question, class Why = error>
class fallback_list {
public:
    using entry = fallback<T, Question, Why>;

    /// Throws `lido::exception` (`invalid_argument`) when an entry has no name or no answer.
    explicit fallback_list(std::vector<entry> entries) : entries_(std::move(entries)) {
        validate(entries_).value();
        for (const entry& each : entries_) counts_.add(each.name, each.safe_only);
    }

    /// `invalid_argument`, naming the first entry that has no name of 1 … 100 characters, or no answer.
    [[nodiscard]] static result<void> validate(std::span<const entry> entries) {
        for (const entry& each : entries) {
            auto valid = detail::check_fallback(each.name, static_cast<bool>(each.answer));
            if (!valid) return valid;
        }
        return {};
    }

    /// Asks one after the other, and puts the first answer into `instead`; nothing when none has one. `what` and `why`
    /// must live until it has ended.
    [[nodiscard]] task<void> ask(const Question& what, const Why& why, bool writes, time_point deadline,
                                 std::optional<result<T>>& instead) const {
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (!counts_.ask(i, writes)) continue;
            const entry& each = entries_[i];
            result<T> given = co_await each.answer(what, why, deadline);
            if (given) {
                counts_.answered(i);
                if (each.stale) detail::mark_stale(*given);
            }
            if (!given && !each.last) continue;
            instead.emplace(std::move(given));
            co_return;
        }
    }

    [[nodiscard]] std::vector<fallback_statistics> statistics() const { return counts_.statistics(); }

private:
    const std::vector<entry> entries_;
    detail::fallback_counts counts_;
};

/// Nothing that a fallback has to know of the call.
struct no_question {};

/// A fixed answer, for calls that do not write. `stale`: it is marked as out of date where its type can be.
template <class Question = no_question, class Why = error, class T>
[[nodiscard]] fallback<T, Question, Why> fixed_answer(T value, const std::string& name, bool stale = false) {
    // Shared, so that copies of the list do not copy it.
    auto kept = std::make_shared<const T>(std::move(value));
    fallback<T, Question, Why> made;
    made.name = name;
    made.answer = [kept](const Question&, const Why&, time_point) { return detail::copy_of<T>(*kept); };
    made.stale = stale;
    return made;
}

/// An error at once: the last word to all calls, or, with `safe_only`, to those that do not write.
template <class T, class Question = no_question, class Why = error>
[[nodiscard]] fallback<T, Question, Why> fixed_error(error what, const std::string& name, bool safe_only = false) {
    auto kept = std::make_shared<const error>(std::move(what));
    fallback<T, Question, Why> made;
    made.name = name;
    made.safe_only = safe_only;
    made.answer = [kept](const Question&, const Why&, time_point) { return detail::fail_with<T>(*kept); };
    made.last = true;
    return made;
}

}  // namespace lido::upstream

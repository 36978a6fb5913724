// Lido: which server is the primary, and how far behind it the others are.
#pragma once

#include "lido/base/time.hpp"
#include "lido/sql/replication_state.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace lido::sql {

/// What a member is for, as far as is known.
enum class member_duty : std::uint8_t {
    unknown,  ///< it has not answered yet
    writes,   ///< the primary
    reads,    ///< a replica that is near enough
    none,     ///< a replica too far behind, or an old primary
};

/// Collects what members say of themselves. docs/design/sql_replicas.md has the rules. An ordinary value: no I/O, the
/// time is passed in. Not thread-safe.
class replica_watch {
public:
    /// `reads_without_primary`: replicas may be read while the primary does not answer.
    replica_watch(std::size_t members, duration max_lag, bool reads_without_primary);

    /// A member answered. `asked` is when the question was sent: what it says is at least that new.
    void saw(std::size_t which, const replication_state& what, time_point asked);
    /// It did not answer.
    void lost(std::size_t which) noexcept;

    [[nodiscard]] member_duty duty(std::size_t which) const noexcept { return members_[which].duty; }
    /// The primary of now, or the last that there was.
    [[nodiscard]] std::optional<std::size_t> primary() const noexcept { return primary_; }
    /// Has the primary answered the last time that it was asked?
    [[nodiscard]] bool primary_answers() const noexcept { return primary_ && members_[*primary_].answers; }
    [[nodiscard]] bool answers(std::size_t which) const noexcept { return members_[which].answers; }
    /// By its last word.
    [[nodiscard]] bool takes_writes(std::size_t which) const noexcept { return members_[which].said.takes_writes; }
    /// Of a replica, when it was asked last; nothing when it is not known.
    [[nodiscard]] std::optional<duration> lag(std::size_t which) const noexcept { return members_[which].lag; }
    /// Has each member answered, or failed to, at least once?
    [[nodiscard]] bool has_seen_all() const noexcept;

private:
    static constexpr std::size_t most_samples = 256;

    struct member {
        bool asked = false;
        bool answers = false;
        bool deposed = false;  // it was the primary, another replaced it, and it has not taken that in yet
        replication_state said;
        member_duty duty = member_duty::unknown;
        std::optional<duration> lag;
    };
    struct sample {
        time_point at{};
        log_position position;
    };

    void choose_primary(std::size_t which);
    void make_primary(std::size_t which);
    void measure(std::size_t which, time_point asked);
    [[nodiscard]] bool may_be_read(const member& one) const noexcept;
    void assign() noexcept;

    duration max_lag_;
    bool reads_without_primary_;
    std::vector<member> members_;
    std::optional<std::size_t> primary_;
    std::uint64_t epoch_ = 0;     // the highest of any primary
    std::deque<sample> samples_;  // of the primary's log, oldest first
};

}  // namespace lido::sql

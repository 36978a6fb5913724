// Lido: a database of several servers, of which one takes writes.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/sql/pool.hpp"
#include "lido/upstream/report.hpp"
#include "lido/upstream/settings.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::sql {

namespace detail {

struct replicated_opener;

}  // namespace detail

/// A plain value; its constructor is user-provided, so it is safe inside a `co_await` expression.
struct replicated_settings {
    /// With checks each 500 ms (200 ms in trouble), one failure enough to leave a member out, and without breakers,
    /// ejections and panic: a member that does not answer, or is too far behind, is never chosen for want of a better.
    replicated_settings();

    /// Of each member's pool; beside it there is one connection for each member, by which it is checked.
    pool_settings pool{};
    /// How far behind the primary a replica may be that is read. The resolution is that of the checks. 0 … 24 h.
    duration max_lag = std::chrono::seconds(5);
    /// May replicas be read while the primary does not answer? Their lag is counted to its last answer then.
    bool reads_without_primary = true;
    /// Does the primary serve reads like its replicas? Otherwise only while none of them can.
    bool primary_serves_reads = false;
    /// Of the choice between members, the checks and the repeats of reads. `panic` must be off.
    upstream::settings policies{};

    /// `invalid_argument` naming the first setting that is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// What is known of one member.
struct member_report {
    std::string name;                ///< "db1.example:5432"
    std::string role;                ///< "primary", "replica", "old primary" or "unknown"
    bool answers = false;            ///< when it was asked last
    bool is_read = false;            ///< may `read` use it?
    std::optional<duration> lag;     ///< of a replica, if known
    std::string trouble;             ///< why it did not answer
    lido::pool::statistics numbers;  ///< of its pool
};

/// A database of several servers, one of which takes writes and is followed by the others: PostgreSQL with streaming
/// replicas, MariaDB with replicas that are `read_only` and use GTIDs. Statements go to the primary, unless they are
/// said to be reads: these go to a replica that is near enough to it. Roles are asked of the servers, again and again,
/// so a failover is followed. docs/design/sql_replicas.md has the rules.
///
/// Thread-safe; movable. The runtime must outlive it. It begins to check its members when it is opened, and the first
/// calls wait until it knows them, at most as long as for a connection: `acquire_timeout`, or the time of their
/// transaction.
///
/// Errors beside those of `basic_pool`: `circuit_open` when no member can serve; its text says what is known of each.
class replicated_pool {
public:
    /// `urls`: one with several hosts ("postgresql://a,b:5433,c/shop"), or several, each with one or more; all of the
    /// same kind. Errors: `invalid_argument` naming what is wrong.
    [[nodiscard]] static result<replicated_pool> open(scheduler_group& group, std::span<const std::string> urls,
                                                      const replicated_settings& settings = {});
    [[nodiscard]] static result<replicated_pool> open(scheduler_group& group, std::string_view url,
                                                      const replicated_settings& settings = {});
    replicated_pool(replicated_pool&&) noexcept;
    replicated_pool& operator=(replicated_pool&&) = delete;
    ~replicated_pool();

    /// At the primary; see `basic_pool`. Not made again by itself. A write that ends with `timeout` may have taken
    /// effect, see `pool::query`.
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<rows> query(statement what, Values&&... values) {
        return query_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<rows> query_with(statement what, parameters with);
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<row_stream> stream(statement what, Values&&... values) {
        return stream_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<row_stream> stream_with(statement what, parameters with);
    [[nodiscard]] operation<rows> execute_many(statement what, std::vector<parameters> with);
    [[nodiscard]] operation<std::vector<rows>> run_batch(batch what);

    /// A statement that only reads, and may see what was true up to `max_lag` ago: at a replica, or at the primary if
    /// there is none to be read. Made again at another member if one fails, as far as `policies.retry_budget` allows.
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<rows> read(statement what, Values&&... values) {
        return read_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<rows> read_with(statement what, parameters with);
    template <class... Values>
    // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
    [[nodiscard]] operation<row_stream> read_stream(statement what, Values&&... values) {
        return read_stream_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<row_stream> read_stream_with(statement what, parameters with);

    /// At the primary; with `access_mode::read_only` where `read` goes.
    [[nodiscard]] operation<transaction> begin(const transaction_options& options = {});
    /// See `basic_pool::transact`; `work` is a coroutine function (transaction&) -> task<result<T>>.
    template <class Work>
    [[nodiscard]] auto transact(Work work, const transaction_options& options = {},
                                const transaction_retry& retry = {}) {
        using brought = detail::brought_by<Work, transaction>;
        return operation<brought>(group(),
                                  detail::transact_on<brought>(face(shared_), std::move(work), options, retry));
    }

    /// What is known of the members now, in the order of the URLs; asks nobody.
    [[nodiscard]] std::vector<member_report> report() const;
    /// The numbers of the choice between them.
    [[nodiscard]] upstream::health_report health() const;
    /// Ends as `pool::close`, for all members.
    [[nodiscard]] operation<std::size_t> close(duration timeout = std::chrono::seconds(10));

    struct shared_state;

private:
    friend struct detail::replicated_opener;

    /// What `transact` needs, owned by its operation.
    class face {
    public:
        explicit face(std::shared_ptr<shared_state> of) noexcept : of_(std::move(of)) {}
        [[nodiscard]] operation<transaction> begin(const transaction_options& options) const;
        [[nodiscard]] duration back_off(const back_off_settings& how, unsigned failures) const;

    private:
        std::shared_ptr<shared_state> of_;
    };
    explicit replicated_pool(std::shared_ptr<shared_state> shared) noexcept;
    [[nodiscard]] scheduler_group& group() const noexcept;

    std::shared_ptr<shared_state> shared_;
};

}  // namespace lido::sql

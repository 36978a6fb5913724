// Lido: one lock on SQLite's log for all that a turn of an event loop reads.
#pragma once

#include "lido/base/scheduler.hpp"
#include "lido/base/time.hpp"

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace lido::sqlite {

/// In WAL mode each statement that reads locks the file of the log's index and unlocks it, two system calls that take
/// about as long as a row by key does. They are left out while another connection of the process has the same lock. So
/// for the rest of each turn of a loop in which a second statement comes, a connection of one's own holds it: its
/// snapshot is nobody's, every statement still begins with the last commit.
///
/// Whoever reads keeps the log from being begun anew. So a lock is held at most until the loop's next turn; it is not
/// taken while this process writes, and let go with the next statement when it begins to; and of each 8 ms all loops of
/// all processes leave one out, by the clock that they share. A loop that nobody drives keeps the lock of its last
/// turn.
///
/// Thread-safe. `hold` neither blocks nor allocates; without a lock to be had nothing is lost but time.
class turn_locks : public std::enable_shared_from_this<turn_locks> {
public:
    /// Of more loops some share one: only one of them at a time has it.
    static constexpr std::size_t most = 8;

    turn_locks();
    turn_locks(const turn_locks&) = delete;
    turn_locks& operator=(const turn_locks&) = delete;
    ~turn_locks();

    /// Opens a connection for one more loop, unless there are `enough` or `most`. Blocks. Does nothing where the
    /// journal is another than WAL, or when it fails: whatever is wrong with the file is told by the connections that
    /// are lent.
    void open_one(const std::string& uri, std::size_t enough) noexcept;
    /// Before a statement that reads, on a loop.
    void hold() noexcept;
    /// Closes the connections, those that loops hold at the ends of their turns, and lets `last` go after them: who
    /// closes a database last writes its log back, which these cannot. Once.
    void close(std::shared_ptr<void> last) noexcept;

    /// While this process writes.
    class writing {
    public:
        explicit writing(turn_locks* of) noexcept : of_(of) {
            if (of_ != nullptr) of_->writers_.fetch_add(1, std::memory_order_acq_rel);
        }
        writing(const writing&) = delete;
        writing& operator=(const writing&) = delete;
        ~writing() {
            if (of_ != nullptr) of_->writers_.fetch_sub(1, std::memory_order_acq_rel);
        }

    private:
        turn_locks* of_;  // null: it does not
    };

private:
    /// A connection that holds a lock or does not. Whoever is `holder` may use it: a scheduler for a turn, or the place
    /// itself once it is closed.
    struct place : work {
        place() noexcept : work(&turn_locks::end_turn) {}
        sqlite3* db = nullptr;
        sqlite3_stmt* read = nullptr;
        std::atomic<const void*> holder{nullptr};
        std::atomic<duration::rep> turn{0};  // in which a statement came last
        bool held = false;
        std::shared_ptr<turn_locks> self;  // from `post` on until the turn's end
    };

    static void end_turn(work& item) noexcept;
    void let_go(place& of) const noexcept;
    /// Unless somebody holds it.
    void close_free(place& of) noexcept;
    void one_less() noexcept;
    [[nodiscard]] static bool open(place& into, const std::string& uri) noexcept;

    const std::uint64_t process_;
    std::mutex opening_;  // over opening and closing
    std::array<place, most> places_;
    std::atomic<std::size_t> opened_{0};
    std::atomic<std::uint32_t> writers_{0};
    std::shared_ptr<void> last_;  // set before `closing_`, let go by who closes the last connection
    std::atomic<bool> closing_{false};
    std::atomic<std::size_t> to_close_{1};  // connections, and one for `close` itself
};

}  // namespace lido::sqlite

#include "sql/sqlite/turn_locks.hpp"

#include "sql/sqlite/process_mark.hpp"

#include <string_view>
#include <utility>

namespace lido::sqlite {
namespace {

/// One of eight times of about a millisecond belongs to those who want to begin the log anew. All who hold locks must
/// agree on it: one lock is enough to keep them from it.
bool is_time_to_rest(duration::rep turn) noexcept {
    return (turn >> 20) % 8 == 0;
}

bool has_write_ahead_log(sqlite3* db) noexcept {
    sqlite3_stmt* asking = nullptr;
    bool has = false;
    if (sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &asking, nullptr) == SQLITE_OK &&
        sqlite3_step(asking) == SQLITE_ROW) {
        const auto* const mode = reinterpret_cast<const char*>(sqlite3_column_text(asking, 0));
        has = mode != nullptr && std::string_view(mode) == "wal";
    }
    sqlite3_finalize(asking);
    return has;
}

}  // namespace

turn_locks::turn_locks() : process_(process_mark()) {}

turn_locks::~turn_locks() {
    for (place& each : places_) close_free(each);
}

bool turn_locks::open(place& into, const std::string& uri) noexcept {
    constexpr int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READONLY;
    // The statement reads the file's head, and holds the lock from its row on until it is reset.
    const bool works =
        sqlite3_open_v2(uri.c_str(), &into.db, flags, nullptr) == SQLITE_OK && has_write_ahead_log(into.db) &&
        sqlite3_exec(into.db, "PRAGMA cache_size=1", nullptr, nullptr, nullptr) == SQLITE_OK &&
        sqlite3_prepare_v3(into.db, "PRAGMA user_version", -1, SQLITE_PREPARE_PERSISTENT, &into.read, nullptr) ==
            SQLITE_OK;
    if (works) return true;
    sqlite3_close(std::exchange(into.db, nullptr));
    return false;
}

void turn_locks::open_one(const std::string& uri, std::size_t enough) noexcept {
    const std::lock_guard held(opening_);
    const std::size_t there = opened_.load(std::memory_order_relaxed);
    if (there >= most || there >= enough || closing_.load() || process_mark() != process_) return;
    if (!open(places_[there], uri)) return;
    to_close_.fetch_add(1, std::memory_order_relaxed);
    opened_.store(there + 1, std::memory_order_release);
}

void turn_locks::hold() noexcept {
    const std::size_t there = opened_.load(std::memory_order_acquire);
    scheduler* const here = scheduler::current();
    if (there == 0 || here == nullptr) return;
    place& mine = places_[here->index() % there];
    const void* holder = mine.holder.load(std::memory_order_relaxed);
    const bool somebody_writes = writers_.load(std::memory_order_acquire) != 0;
    if (holder == here) {
        if (somebody_writes) let_go(mine);
        return;
    }
    if (holder != nullptr || somebody_writes) return;
    // A turn with one statement would pay for a lock that nobody uses.
    const duration::rep turn = here->now().time_since_epoch().count();
    if (mine.turn.load(std::memory_order_relaxed) != turn) return mine.turn.store(turn, std::memory_order_relaxed);
    if (is_time_to_rest(turn) || process_mark() != process_) return;
    if (!mine.holder.compare_exchange_strong(holder, here, std::memory_order_seq_cst)) return;
    mine.held = true;
    if (sqlite3_step(mine.read) != SQLITE_ROW) let_go(mine);
    mine.self = shared_from_this();
    here->post(mine);
}

void turn_locks::let_go(place& of) const noexcept {
    // The locks of a parent process are its own.
    if (std::exchange(of.held, false) && process_mark() == process_) sqlite3_reset(of.read);
}

void turn_locks::end_turn(work& item) noexcept {
    place& mine = static_cast<place&>(item);
    const std::shared_ptr<turn_locks> self = std::move(mine.self);
    self->let_go(mine);
    // Either this sees that all are to be closed, or `close` sees that nobody holds it.
    mine.holder.store(nullptr, std::memory_order_seq_cst);
    if (self->closing_.load(std::memory_order_seq_cst)) self->close_free(mine);
}

void turn_locks::close(std::shared_ptr<void> last) noexcept {
    const std::lock_guard held(opening_);
    last_ = std::move(last);
    closing_.store(true, std::memory_order_seq_cst);
    for (std::size_t i = 0; i < opened_.load(std::memory_order_relaxed); ++i) close_free(places_[i]);
    one_less();
}

void turn_locks::close_free(place& of) noexcept {
    const void* nobody = nullptr;
    if (!of.holder.compare_exchange_strong(nobody, &of, std::memory_order_seq_cst) || of.db == nullptr) return;
    // In a child process to close it would drop the parent's locks on the file.
    if (process_mark() == process_) {
        sqlite3_finalize(of.read);
        sqlite3_close(of.db);
    }
    one_less();
}

void turn_locks::one_less() noexcept {
    if (to_close_.fetch_sub(1, std::memory_order_acq_rel) == 1) last_.reset();
}

}  // namespace lido::sqlite

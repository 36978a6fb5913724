// Lido: what can be set about a pool of SQLite connections.
#pragma once

#include "lido/sql/database_url.hpp"
#include "lido/sql/pool_settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lido::sqlite {

enum class open_mode : std::uint8_t {
    create,      ///< to read and write; made when it is not there
    read_write,  ///< to read and write; must be there
    read_only,   ///< to read; must be there
};

/// When a commit is on the disk (SQLite's PRAGMA synchronous).
enum class durability : std::uint8_t {
    normal,  ///< a process that dies loses nothing; a machine that loses power may lose the last commits, never order
    full,    ///< each commit is on the disk before it is acknowledged
};

/// How a file keeps what is not yet in its place (SQLite's PRAGMA journal_mode, which the file remembers).
enum class journal : std::uint8_t {
    write_ahead,  ///< the file is changed to WAL: readers and the writer do not wait for each other
    as_it_is,     ///< it is somebody else's: what it has stays, and readers may wait for the writer
};

/// A plain value. In `common.connections` stand the readers; the writer is one connection with the same times.
struct pool_settings {
    /// A path, or ":memory:" for a database that lives as long as its pool.
    std::string file;
    open_mode mode = open_mode::create;
    durability commits = durability::normal;
    sqlite::journal journal = sqlite::journal::write_ahead;
    /// How long a statement waits for a lock that another process holds; then it fails with `lock_timeout`. 0 … 1 h.
    duration busy_timeout = std::chrono::seconds(5);
    /// Threads on which readers run; the writer has one more. 1 … 64.
    std::uint32_t reader_threads = 4;
    /// How much a statement that reads may do on the I/O thread itself before it is moved to one of these threads, as
    /// the time that it takes SQLite. Only those are tried whose last runs were that short. 0: none; 0 … 1 ms. Nothing
    /// of a file on a network or FUSE.
    duration longest_on_loop = std::chrono::microseconds(50);
    /// Memory for pages that all readers may keep together; each has its share, 64 KiB … 2 MiB. 1 MiB … 16 GiB.
    std::size_t page_cache_bytes = std::size_t{16} * 1024 * 1024;
    sql::pool_settings common{};

    /// Success, or `invalid_argument` naming the first setting that is out of range.
    [[nodiscard]] result<void> validate() const;
    /// Of a URL:
    /// `sqlite:file?mode=ro|rw|rwc&journal=wal|keep&synchronous=normal|full&busy_timeout=MILLISECONDS&threads=N`.
    /// Errors: `invalid_argument` naming the option.
    [[nodiscard]] static result<pool_settings> from(const sql::database_url& url, const sql::pool_settings& common);
};

}  // namespace lido::sqlite
